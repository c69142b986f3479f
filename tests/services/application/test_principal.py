"""Who may do what: the one table of roles (A9.2, S8)."""

from contextlib import nullcontext
from typing import get_args

import pytest

from services.access.roles import ROLES, SCOPES, Role, Scope
from services.application.principal import Principal
from services.application.refused import Refused

TABLE = {
    "manager": "self",
    "viewer": "read explain audit",
    "supervisor": "read explain audit activity export",
    "administrator": "read explain audit activity export rules ledger access",
    "operator": "operate",
}


def test_S8_a_role_is_a_set_of_scopes() -> None:
    assert {role: frozenset(scopes.split()) for role, scopes in TABLE.items()} == ROLES
    assert set(ROLES) == set(get_args(Role))


@pytest.mark.parametrize("role", get_args(Role))
@pytest.mark.parametrize("scope", sorted(SCOPES))
def test_S8_what_a_role_does_not_have_is_refused(role: Role, scope: Scope) -> None:
    principal = Principal(id="person:7", scopes=ROLES[role])

    may = scope in ROLES[role]

    with nullcontext() if may else pytest.raises(Refused, match="not_allowed"):
        principal.require(scope)


def test_S8_a_manager_is_let_at_their_own_things_alone() -> None:
    manager = Principal(id="kommo:501", scopes=ROLES["manager"], manager_id=501)
    nobody = Principal(id="person:7", scopes=frozenset(), manager_id=501)

    manager.require_own("read", 501)
    for principal, manager_id in ((manager, 502), (nobody, 501)):
        with pytest.raises(Refused, match="not_allowed"):
            principal.require_own("read", manager_id)


@pytest.mark.parametrize("id_", ["", "root", "person:", "robot:7", ":7"])
def test_a_principal_says_of_what_kind_it_is(id_: str) -> None:
    with pytest.raises(ValueError, match="expected KIND:NAME"):
        Principal(id=id_, scopes=frozenset())
