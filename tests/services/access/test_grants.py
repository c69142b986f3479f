"""What follows from grants, in one account and at large (S8, W1)."""

import pytest

from services.access.grants import Grant, Rights, grants_from
from services.access.roles import ROLES, SCOPES
from tests.services.access.kit import grant

EVERYWHERE = None


def held(*grants: Grant) -> Rights:
    return Rights(grants=grants)


def test_S8_who_holds_nothing_may_nothing() -> None:
    assert held().scopes_in(1) == frozenset()
    assert held().scopes_at_large() == frozenset()
    assert held().accounts() == frozenset()


def test_S5_a_grant_is_of_its_account_alone() -> None:
    rights = held(grant("supervisor", 1), grant("viewer", 2))

    assert rights.scopes_in(1) == ROLES["supervisor"]
    assert rights.scopes_in(2) == ROLES["viewer"]
    assert rights.scopes_in(3) == frozenset()
    assert rights.scopes_at_large() == frozenset()
    assert rights.accounts() == {1, 2}


def test_S8_roles_of_one_account_add_up() -> None:
    rights = held(grant("manager", 1, 501), grant("viewer", 1), grant("administrator", EVERYWHERE))

    assert rights.scopes_in(1) == ROLES["administrator"] | {"self"}
    assert (rights.manager_in(1), rights.manager_in(2)) == (501, None)
    assert rights.scopes_in(2) == ROLES["administrator"]
    assert rights.accounts() is None


def test_S8_who_operates_the_installation_sees_no_account_by_that() -> None:
    operator = held(grant("operator", EVERYWHERE))
    both = held(grant("operator", EVERYWHERE), grant("viewer", 1))

    assert operator.scopes_in(1) == frozenset()
    assert operator.accounts() == frozenset()
    assert operator.scopes_at_large() == {"operate"}
    assert both.scopes_in(1) == ROLES["viewer"] | {"operate"}
    assert both.scopes_in(2) == frozenset()
    assert both.accounts() == {1}


def test_a_key_has_what_it_says_and_its_maker_holds() -> None:
    rights = Rights(
        grants=(grant("viewer", 1), grant("administrator", 2), grant("operator", EVERYWHERE)),
        within=frozenset({"read", "rules", "operate"}),
    )

    assert rights.scopes_in(1) == {"read", "operate"}
    assert rights.scopes_in(2) == {"read", "rules", "operate"}
    assert rights.scopes_in(3) == frozenset()
    assert rights.scopes_at_large() == {"operate"}
    assert rights.accounts() == {1, 2}


def test_S5_a_key_of_an_account_is_of_no_other() -> None:
    rights = Rights(grants=(grant("administrator", EVERYWHERE),), only=1)

    assert rights.scopes_in(1) == ROLES["administrator"]
    assert rights.scopes_in(2) == frozenset()
    assert rights.scopes_at_large() == frozenset()
    assert rights.accounts() == {1}


def test_a_key_made_at_the_machine_is_bound_by_itself_alone() -> None:
    whole = Rights(is_unbound=True, within=frozenset({"read"}))
    one = Rights(is_unbound=True, only=7)
    sick = Rights(is_unbound=True, within=frozenset({"operate"}))

    assert (whole.scopes_in(9), whole.accounts()) == ({"read"}, None)
    assert (one.scopes_in(7), one.scopes_in(8), one.accounts()) == (SCOPES, frozenset(), {7})
    assert (sick.scopes_in(7), sick.scopes_at_large()) == (frozenset(), {"operate"})


@pytest.mark.parametrize("role", ["owner", "", "Administrator"])
def test_S8_a_role_that_this_release_does_not_know_gives_nothing(role: str) -> None:
    assert grants_from([{"account_id": 1, "role": role, "manager_id": None}]) == ()
