"""Who may decide about whom: nobody gives, or takes, what they do not have themselves (S8)."""

from collections.abc import Sequence

from services.access.grants import Grant
from services.access.people import Person
from services.access.roles import ROLES, Scope
from services.access.wall import inside
from services.access.wiring import Access
from services.application.callers import Whoever
from services.application.refused import Refused
from services.storage.access_log import INSERT

# Whoever decides about people gives out `self`, too, which they may not have.
_ANYBODYS: frozenset[Scope] = frozenset({"self"})


def scopes_where(who: Whoever, account_id: int | None) -> frozenset[Scope]:
    """What they may in an account, or at large."""
    if account_id is None:
        return who.rights.scopes_at_large()
    return who.rights.scopes_in(account_id)


def require_access(who: Whoever, account_id: int | None) -> None:
    """See that they may decide about people and keys there, and have proved who they are.

    Raises:
        Refused: They may not, or have to prove it again.
    """
    if "access" not in scopes_where(who, account_id):
        raise Refused("not_allowed", scope="access")
    require_fresh(who)


def require_fresh(who: Whoever) -> None:
    """See that they have proved who they are a short while ago (S32).

    Raises:
        Refused: They have to prove it again.
    """
    if not who.is_fresh:
        raise Refused("proof_needed")


def may_decide(who: Whoever, grant: Grant) -> bool:
    """Whether they may give a role, or take it away."""
    held = scopes_where(who, grant.account_id)
    return "access" in held and ROLES[grant.role] - _ANYBODYS <= held


def require_grant(who: Whoever, grant: Grant) -> None:
    """See that they may give a role, or take it away, and that it makes sense.

    Raises:
        Refused: They may not, or have to prove who they are, or it makes none.
    """
    require_access(who, grant.account_id)
    if grant.role == "operator" and grant.account_id is not None:
        raise Refused("role_of_installation", role=grant.role)
    if grant.role == "manager" and (grant.account_id is None or grant.manager_id is None):
        raise Refused("manager_missing")
    if not may_decide(who, grant):
        raise Refused("grant_beyond_giver", role=grant.role)


async def require_person(access: Access, who: Whoever, person_id: int) -> Person:
    """Somebody about whom they may decide altogether: all that person holds is theirs to give.

    Raises:
        Refused: There is no such person, as far as they may know; or that person holds more.
    """
    person = await access.people.get(person_id)
    if person is None or not is_known(who, person):
        raise Refused("person_unknown")
    require_fresh(who)
    if not all(may_decide(who, each) for each in person.grants):
        raise Refused("person_of_others")
    return person


def is_known(who: Whoever, person: Person) -> bool:
    """Whether they may know that there is such a person."""
    if "access" in who.rights.scopes_at_large():
        return True
    return any("access" in scopes_where(who, each.account_id) for each in person.grants)


async def note_look(
    access: Access, who: Whoever, account_id: int | None, ids: Sequence[int] = ()
) -> None:
    """Keep that somebody looks at people, before they see anything (A9.3)."""
    async with inside(access.pool, account_id) as connection:
        await connection.execute(
            INSERT, account_id, who.id, who.whence, "people", list(ids), who.request_id
        )


async def require_other_operator(access: Access, person: Person) -> None:
    """See that somebody else keeps the installation.

    Raises:
        Refused: This is the last one.
    """
    if not any(each.role == "operator" for each in person.grants):
        return
    if not await access.people.has_operator(but=person.id):
        raise Refused("last_operator")
