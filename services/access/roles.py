"""What a role may do: the one table (A9.2, S8)."""

from collections.abc import Mapping
from typing import Literal, get_args

Scope = Literal[
    "self",  # their own statement, shifts and pause
    "read",  # how things are
    "explain",  # why they are so
    "audit",  # what was, and who did and looked
    "activity",  # pauses, handovers, orders, undo
    "rules",
    "ledger",  # corrections
    "export",
    "access",  # people, keys, what connects the account
    "operate",  # the installation itself
]
Role = Literal["manager", "viewer", "supervisor", "administrator", "operator"]

SCOPES: frozenset[Scope] = frozenset(get_args(Scope))
_VIEWER: frozenset[Scope] = frozenset({"read", "explain", "audit"})
_SUPERVISOR: frozenset[Scope] = _VIEWER | frozenset({"activity", "export"})
ROLES: Mapping[Role, frozenset[Scope]] = {
    "manager": frozenset({"self"}),
    "viewer": _VIEWER,
    "supervisor": _SUPERVISOR,
    "administrator": _SUPERVISOR | frozenset({"rules", "ledger", "access"}),
    "operator": frozenset({"operate"}),
}
