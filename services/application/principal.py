"""Who asks, as a use case sees them: `services.access.roles` has what a role may."""

from dataclasses import dataclass

from services.access.roles import Scope
from services.application.refused import Refused

# People of ours, API keys, users of Kommo, accounts of the system at a terminal, and the demo.
KINDS = frozenset({"person", "key", "kommo", "cli", "demo"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Somebody, or something, that asks.

    Attributes:
        id: As it is kept with what they do: `cli:root`, `person:7`, `key:a1b2`, `kommo:501`.
        scopes: What they may in the account that they ask about; what belongs to no account
            wants `operate`.
        manager_id: Who they are in Kommo; None if nobody.
        whence: The address they come from (S30); `terminal` at one.
        request_id: By which the logs know what they ask; empty at a terminal.
    """

    id: str
    scopes: frozenset[Scope]
    manager_id: int | None = None
    whence: str = ""
    request_id: str = ""

    def __post_init__(self) -> None:
        """See that the id is one.

        Raises:
            ValueError: It does not say what kind of principal it is: a bug of whoever made it.
        """
        kind, _, name = self.id.partition(":")
        if kind not in KINDS or not name:
            raise ValueError(f"principal: expected KIND:NAME, got {self.id!r}")

    def may(self, scope: Scope) -> bool:
        """Whether they may do such things, to whomever."""
        return scope in self.scopes

    def require(self, scope: Scope) -> None:
        """See that they may.

        Raises:
            Refused: They may not.
        """
        if not self.may(scope):
            raise Refused("not_allowed", scope=scope)

    def require_own(self, scope: Scope, manager_id: int) -> None:
        """See that they may do such things, or else that it is about themselves.

        Raises:
            Refused: They may not.
        """
        is_own = self.may("self") and self.manager_id == manager_id
        if not is_own:
            self.require(scope)
