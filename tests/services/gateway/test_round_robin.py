"""Whose turn it is."""

import math
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from services.gateway.round_robin import RoundRobin

ANY = 0.0


def rota(*account_ids: int) -> RoundRobin:
    made = RoundRobin()
    for account_id in account_ids:
        made.put(account_id, ANY)
    return made


def turns(of: RoundRobin, costs: dict[int, int], number: int) -> list[int | None]:
    """Who has the next turns, if all of them always have work that costs so much."""
    found: list[int | None] = []
    for _ in range(number):
        account_id = of.next(1.0)
        found.append(account_id)
        if account_id is not None:
            of.charge(account_id, costs.get(account_id, 1))
            of.put(account_id, ANY)
    return found


def test_F70_accounts_take_turns() -> None:
    assert turns(rota(7, 8, 9), {}, 6) == [7, 8, 9, 7, 8, 9]


def test_F70_who_needs_more_than_a_share_lets_the_others_go_first() -> None:
    assert turns(rota(7, 8), {7: 3}, 8) == [7, 8, 8, 8, 7, 8, 8, 8]


def test_F70_when_all_owe_alike_nobody_waits() -> None:
    assert turns(rota(7, 8), {7: 2, 8: 2}, 6) == [7, 8, 7, 8, 7, 8]


def test_F70_an_account_alone_always_goes() -> None:
    assert turns(rota(7), {7: 100}, 3) == [7, 7, 7]


def test_an_account_waits_until_its_time() -> None:
    made = rota(7)
    made.put(8, 5.0)

    assert (made.next(1.0), made.next(1.0), made.next_at()) == (7, None, 5.0)
    assert made.next(5.0) == 8
    assert made.next_at() == math.inf


def test_an_account_is_on_the_rota_once_and_at_its_newest_time() -> None:
    made = rota(7)
    made.put(7, ANY)
    made.put(8, 5.0)
    made.put(8, 3.0)
    made.put(9, 2.0)
    made.put(9, math.inf)

    assert [made.next(6.0) for _ in range(4)] == [7, 8, None, None]


def test_an_account_without_work_is_off_the_rota_and_owes_nothing() -> None:
    made = rota(7, 8)
    assert made.next(1.0) == 7
    made.charge(7, 50)
    made.put(7, ANY)
    made.put(7, math.inf)
    made.put(7, ANY)

    assert turns(made, {}, 4) == [8, 7, 8, 7]


@given(st.dictionaries(st.integers(1, 9), st.integers(1, 20), min_size=2))
def test_F70_over_time_all_get_as_many_requests(costs: dict[int, int]) -> None:
    number = 2_000
    had = Counter(turns(rota(*sorted(costs)), costs, number))

    requests = [had[account_id] * cost for account_id, cost in costs.items()]
    assert max(requests) - min(requests) <= 2 * max(costs.values())
