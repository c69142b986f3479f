"""What a manager who was away catches up with, and what an owner's lead costs them (D3.3, D3.7)."""

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from contracts.events import LEAD, CreditMoved
from domain.choosing.fair_share import charge, owner_movements
from domain.snapshot import digest, dump, load
from tests.domain.scenario import (
    ANN,
    BOB,
    BOSS,
    CEM,
    DAN,
    MONDAY,
    OFFICE,
    Scenario,
    at,
    dp,
    given,
    pause,
    refused,
    reported,
    resume,
    rule,
    rules,
)

TEAM = (ANN, BOB, CEM)


def team(catch_up: int, **rest: object) -> Scenario:
    section = rule(*TEAM, catch_up=catch_up) if catch_up else rule(*TEAM)
    return given(rules=rules(section, **rest))


def leads(scenario: Scenario, first: int, last: int) -> Counter[int]:
    """Who got these leads."""
    return Counter(scenario.when(*map(dp, range(first, last + 1))).got())


def caught_up(scenario: Scenario) -> list[CreditMoved]:
    return [e for e in scenario.log if isinstance(e, CreditMoved) and e.reason == "caught_up"]


@pytest.mark.parametrize(("catch_up", "extra"), [(0, 0), (1, 1), (3, 3), (100, 10)])
def test_D3_3_who_returns_gets_at_most_so_many_leads_more(catch_up: int, extra: int) -> None:
    scenario = team(catch_up)
    assert leads(scenario, 1, 30) == {ANN: 10, BOB: 10, CEM: 10}
    scenario.when(pause(ANN))
    assert leads(scenario, 31, 60) == {BOB: 15, CEM: 15}  # her share of these was 10
    scenario.when(resume(ANN))

    after = leads(scenario, 61, 120)
    assert after[ANN] == 20 + extra
    assert max(after[BOB], after[CEM]) - min(after[BOB], after[CEM]) <= 1


def test_D3_3_by_default_nobody_catches_up_and_nothing_is_kept() -> None:
    scenario = team(0).when(pause(ANN), *map(dp, range(1, 10)), resume(ANN), dp(10))

    assert (scenario.account.missed, caught_up(scenario)) == ({}, [])


def test_D3_3_the_movement_says_who_caught_up_at_whose_expense() -> None:
    scenario = team(1).when(pause(ANN), *map(dp, range(1, 10)), resume(ANN), dp(10))

    (moved,) = caught_up(scenario)
    assert dict(moved.movements) == {ANN: LEAD, BOB: -LEAD // 2, CEM: -LEAD // 2}
    assert (moved.ledger, moved.by) == ("account", "rule a")
    assert scenario.account.missed == {}


def test_D3_3_nobody_misses_anything_outside_of_his_hours_or_at_his_limit() -> None:
    section = rule(
        {"manager": ANN, "schedule": "office"}, {"manager": BOB, "limit": 0}, CEM, catch_up=5
    )
    scenario = given(rules=rules(section, schedules={"office": OFFICE}))
    scenario.when(pause(ANN), *map(dp, range(1, 6)), at=MONDAY + timedelta(hours=20))

    assert scenario.account.missed == {}


def test_D3_3_a_vacation_is_missed_during_his_hours() -> None:
    vacation = [{"manager": ANN, "from": "2026-10-12", "to": "2026-10-13"}]
    scenario = team(5, schedules={"office": OFFICE}, absences=vacation)
    scenario.when(*map(dp, range(1, 4)))

    assert scenario.account.missed == {"account": {ANN: LEAD // 3 * 3}}


def test_D3_3_alone_one_catches_up_later_when_somebody_can_bear_it() -> None:
    scenario = team(2).when(pause(ANN), *map(dp, range(1, 10)), pause(BOB), pause(CEM))
    scenario.when(resume(ANN), dp(10))
    assert caught_up(scenario) == []

    half = LEAD // 2  # what Bob missed of the one lead that Ann had alone
    scenario.when(resume(BOB), dp(11))
    assert [dict(e.movements) for e in caught_up(scenario)] == [
        {ANN: 2 * LEAD, BOB: -2 * LEAD},
        {ANN: -half, BOB: half},
    ]


def test_D3_3_a_decision_taken_back_was_not_missed() -> None:
    scenario = team(5).when(pause(ANN), dp(1))
    assert scenario.account.missed == {"account": {ANN: LEAD // 3}}

    scenario.when(reported(1, by=BOSS, modified=at(-60), action="update"))
    scenario.when(reported(1, by=DAN, modified=at(60), action="responsible"), at=at(61))
    assert scenario.account.missed == {}


def test_D3_3_a_refused_manager_s_lead_is_missed_once() -> None:
    scenario = team(5).when(pause(ANN), dp(1), refused(1, BOB))

    assert scenario.got() == [BOB, CEM]
    assert scenario.account.missed == {"account": {ANN: LEAD // 2}}  # beside CEM alone


def test_D3_3_without_the_option_what_was_missed_is_forgotten() -> None:
    scenario = team(5).when(pause(ANN), dp(1), rules(rule(*TEAM)), resume(ANN))

    assert scenario.account.missed == {}


@for_all(st.lists(st.sampled_from(("lead", *TEAM)), max_size=60), st.integers(0, 4))
def test_D3_3_the_ledger_adds_up_to_0_and_nobody_is_owed_more_than_the_bound(
    steps: list[str | int], catch_up: int
) -> None:
    scenario = team(catch_up)
    away: set[int] = set()
    for number, step in enumerate(steps, start=1):
        if isinstance(step, int):
            away ^= {step}
            scenario.when(pause(step) if step in away else resume(step))
        else:
            scenario.when(dp(number))

        missed = scenario.account.missed.get("account", {})
        assert sum(scenario.credits().values()) == 0
        assert all(0 < units <= catch_up * LEAD for units in missed.values())
    assert all(max(u for _, u in e.movements) <= catch_up * LEAD for e in caught_up(scenario))
    again = load(dump(scenario.account))
    assert (again, digest(again)) == (scenario.account, digest(scenario.account))


# Credit moved to and from one manager (D3.7) --------------------------------------------------

bearers = st.dictionaries(st.integers(1, 9), st.integers(1, LEAD), min_size=1)
units = st.integers(-5 * LEAD, 5 * LEAD)


@for_all(bearers, units, st.integers(1, 12))
def test_D3_1_a_charge_adds_up_to_0(weights: dict[int, int], moved: int, to: int) -> None:
    movements = charge(tuple(sorted(weights.items())), units=moved, to=to)

    assert sum(part for _, part in movements) == 0
    assert [m for m, _ in movements] == sorted({*weights, to})


@for_all(bearers, st.integers(-3 * LEAD, 3 * LEAD), st.integers(0, 3), st.integers(1, 12))
def test_D3_7_an_owner_never_owes_more_than_the_bound(
    weights: dict[int, int], credit: int, bound: int, owner: int
) -> None:
    debt_max = bound * LEAD
    movements = owner_movements(
        tuple(sorted(weights.items())), owner_id=owner, credit=credit, debt_max_units=debt_max
    )

    assert sum(part for _, part in movements) == 0
    moved = dict(movements).get(owner, 0)
    assert -LEAD <= moved <= 0
    assert credit + moved >= min(credit, -debt_max)


def test_D3_7_an_owner_within_the_bound_pays_a_whole_lead() -> None:
    sharing = ((ANN, LEAD // 2), (BOB, LEAD // 2))

    assert owner_movements(sharing, owner_id=CEM, credit=0, debt_max_units=LEAD) == (
        (ANN, LEAD // 2),
        (BOB, LEAD // 2),
        (CEM, -LEAD),
    )
    assert owner_movements(sharing, owner_id=ANN, credit=0, debt_max_units=LEAD) == (
        (ANN, -LEAD // 2),
        (BOB, LEAD // 2),
    )
    assert owner_movements(sharing, owner_id=ANN, credit=-LEAD, debt_max_units=LEAD) == ()
    assert owner_movements((), owner_id=ANN, credit=0, debt_max_units=LEAD) == ()
