"""What somebody holds, and what follows from it in one account or at large."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from services.access.roles import ROLES, SCOPES, Role, Scope


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Grant:
    """One role of somebody.

    Attributes:
        account_id: Where; None for every account, now and later, and the installation itself.
        role: `operator` is of the installation, and in no account.
        manager_id: Who they are in Kommo there; `manager` needs one.
    """

    account_id: int | None
    role: Role
    manager_id: int | None = None

    def as_data(self) -> dict[str, Any]:
        """As it is kept in an invitation."""
        return {"account_id": self.account_id, "role": self.role, "manager_id": self.manager_id}


def grants_from(rows: Iterable[Mapping[str, Any]]) -> tuple[Grant, ...]:
    """Grants from what is stored; a role of another release gives nothing."""
    found = (
        Grant(account_id=row["account_id"], role=row["role"], manager_id=row["manager_id"])
        for row in rows
        if row["role"] in ROLES
    )
    return tuple(sorted(found, key=lambda each: (each.account_id or 0, each.role)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What somebody may, wherever: nothing that no grant says.

    Attributes:
        grants: What they hold, or whoever made their key.
        is_unbound: No grant bounds them: a key that was made at the machine itself.
        within: Of a key: its own scopes.
        only: Of a key: its one account.
    """

    grants: tuple[Grant, ...] = ()
    is_unbound: bool = False
    within: frozenset[Scope] = SCOPES
    only: int | None = None

    def scopes_in(self, account_id: int) -> frozenset[Scope]:
        """What they may in an account; empty if it is none of theirs.

        Who operates the installation sees no account by that (W1); who may see one may operate it.
        """
        if self.only not in (None, account_id):
            return frozenset()
        held = SCOPES if self.is_unbound else _of(self._held_in(account_id))
        may = held & self.within
        return may if may - ROLES["operator"] else frozenset()

    def scopes_at_large(self) -> frozenset[Scope]:
        """What they may in what belongs to no account."""
        if self.only is not None:
            return frozenset()
        held = SCOPES if self.is_unbound else _of(each for each in self.grants if _is_whole(each))
        return held & self.within

    def manager_in(self, account_id: int) -> int | None:
        """Who they are in Kommo."""
        grants = (each for each in self.grants if each.account_id == account_id)
        return next((each.manager_id for each in grants if each.manager_id is not None), None)

    def accounts(self) -> frozenset[int] | None:
        """The accounts that they may see something of; None for all there are."""
        if self.only is not None:
            return frozenset({self.only} if self.scopes_in(self.only) else ())
        if self.is_unbound or any(
            _is_whole(each) and (ROLES[each.role] - ROLES["operator"]) & self.within
            for each in self.grants
        ):
            return None
        named = {each.account_id for each in self.grants if each.account_id is not None}
        return frozenset(each for each in named if self.scopes_in(each))

    def _held_in(self, account_id: int) -> Iterable[Grant]:
        return (each for each in self.grants if each.account_id in (None, account_id))


def _of(grants: Iterable[Grant]) -> frozenset[Scope]:
    return frozenset(scope for each in grants for scope in ROLES[each.role])


def _is_whole(grant: Grant) -> bool:
    return grant.account_id is None
