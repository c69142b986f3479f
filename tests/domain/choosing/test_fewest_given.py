"""Even in total: the fewest of their part in the period, over all rules of a registry (D3.10)."""

from collections import Counter
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from contracts.events import LEAD, LeadAssigned
from domain.explain.reproduced import is_reproduced
from domain.snapshot import dump, load
from tests.domain.scenario import (
    ANN,
    BOB,
    CEM,
    DAN,
    HOT,
    NEW,
    NOON,
    Scenario,
    at,
    dp,
    given,
    limit,
    participant,
    pause,
    reported,
    resume,
    rule,
    rules,
)

DAY = timedelta(days=1)


def even(*people: Any, rule_id: str = "a", stage: Any = NEW, **rest: Any) -> dict[str, Any]:
    return rule(*people, rule_id=rule_id, stages=(stage,), policy="fewest_given", **rest)


def leads(scenario: Scenario, first: int, last: int, *stages: Any) -> Counter[int]:
    """How many each of them got of these leads, which come into the stages in turn."""
    places = stages or (NEW,)
    scenario.when(*(dp(n, places[n % len(places)]) for n in range(first, last + 1)))
    return Counter(scenario.got())


def decision(scenario: Scenario) -> LeadAssigned:
    return [e for e in scenario.answer if isinstance(e, LeadAssigned)][-1]


def test_D3_10_who_is_in_many_rules_gets_as_many_as_everybody() -> None:
    two = (even(ANN, BOB), even(ANN, CEM, rule_id="b", stage=HOT))
    by_share = (rule(ANN, BOB), rule(ANN, CEM, rule_id="b", stages=(HOT,)))

    assert leads(given(rules=rules(*two)), 1, 30, NEW, HOT) == {ANN: 10, BOB: 10, CEM: 10}
    assert leads(given(rules=rules(*by_share)), 1, 30, NEW, HOT)[ANN] > 13


@pytest.mark.parametrize(("ann", "bob"), [(2, 1), (40, 20), ("0.4", "0.2")])
def test_D3_10_coefficients_are_parts(ann: object, bob: object) -> None:
    people = (participant(ANN, coefficient=ann), participant(BOB, coefficient=bob))

    assert leads(given(rules=rules(even(*people))), 1, 30) == {ANN: 20, BOB: 10}


def test_D3_10_whoever_comes_back_starts_with_the_least_served() -> None:
    scenario = given(rules=rules(even(ANN, BOB, CEM))).when(pause(ANN))
    assert leads(scenario, 1, 20) == {BOB: 10, CEM: 10}

    scenario.when(resume(ANN))
    assert leads(scenario, 21, 29) == {ANN: 3, BOB: 3, CEM: 3}


def test_D3_10_whoever_joins_starts_with_the_least_served() -> None:
    scenario = given(rules=rules(even(ANN, BOB)))
    leads(scenario, 1, 20)
    scenario.when(rules(even(ANN, BOB, DAN)))

    assert leads(scenario, 21, 29) == {ANN: 3, BOB: 3, DAN: 3}


def test_D3_10_whoever_was_full_is_not_flooded_either() -> None:
    people = (participant(ANN, limit=1), participant(BOB))
    scenario = given(rules=rules(even(*people)))
    assert leads(scenario, 1, 21) == {ANN: 1, BOB: 20}

    scenario.when(reported(1, HOT, by=BOB), rules(even(ANN, BOB)))
    assert leads(scenario, 22, 31) == {ANN: 5, BOB: 5}


@pytest.mark.parametrize(
    ("period", "later"), [("day", DAY), ("week", 7 * DAY), ("month", 31 * DAY)]
)
def test_D3_10_counting_begins_anew_with_the_period(period: str, later: timedelta) -> None:
    registries = {"registries": {"account": {"period": period}}}
    scenario = given(rules=rules(even(ANN, BOB, limit=limit(9)), **registries))
    leads(scenario, 1, 3)
    before = scenario.account.registries["account"]
    scenario.when(dp(4), at=NOON + later)
    after = scenario.account.registries["account"]

    assert before.levels == {ANN: 2 * LEAD, BOB: LEAD}
    assert (after.levels, after.began_at > before.began_at) == ({ANN: 0, BOB: LEAD}, True)


def test_D3_10_registries_count_apart() -> None:
    two = (even(ANN, BOB), even(ANN, CEM, rule_id="b", stage=HOT, registry="hot"))

    assert leads(given(rules=rules(*two)), 1, 40, NEW, HOT) == {ANN: 20, BOB: 10, CEM: 10}


def test_D3_10_what_is_taken_back_does_not_count() -> None:
    scenario = given(rules=rules(even(ANN, BOB))).when(dp(1))
    scenario.when(reported(1, NEW, by=DAN, action="responsible", modified=at(5)), at=at(6))

    assert scenario.account.registries["account"].levels == {ANN: 0, BOB: 0}


def test_D3_10_nor_in_a_later_period() -> None:
    registries = {"registries": {"account": {"period": "day"}}}
    scenario = given(rules=rules(even(ANN, BOB), **registries)).when(dp(1))
    scenario.when(dp(2), at=NOON + DAY)
    known = dict(scenario.account.registries["account"].levels)
    scenario.when(reported(1, NEW, by=DAN, action="responsible", modified=at(5)))

    assert scenario.account.registries["account"].levels == known


def test_D3_10_the_ledger_is_left_alone_and_the_decision_can_be_taken_again() -> None:
    scenario = given(rules=rules(even(ANN, BOB))).when(dp(1), dp(2))

    assert decision(scenario).movements == ()
    assert (decision(scenario).reason, decision(scenario).manager_id) == ("fewest_given", BOB)
    assert is_reproduced(decision(scenario))
    assert scenario.credits() == {}


def test_F83_D3_10_registries_are_in_a_snapshot_and_end_with_their_rules() -> None:
    scenario = given(rules=rules(even(ANN, BOB))).when(dp(1))
    assert load(dump(scenario.account)) == scenario.account

    assert scenario.when(rules(rule(ANN, BOB))).account.registries == {}


@pytest.mark.parametrize("seed", range(5))
def test_D3_10_those_who_are_always_there_are_never_a_lead_apart(seed: int) -> None:
    random, team = Random(seed), (ANN, BOB, CEM, DAN)
    two = (even(*team), even(*team, rule_id="b", stage=HOT))
    scenario, got, away = given(rules=rules(*two)), Counter[int](), False
    for lead in range(1, 201):
        if random.random() < 0.1:
            away = not away
            scenario.when(pause(DAN) if away else resume(DAN))
        got.update(scenario.when(dp(lead, random.choice((NEW, HOT)))).got())
        always = [got[m] for m in (ANN, BOB, CEM)]

        assert max(always) - min(always) <= 1
    assert got[DAN] <= max(got.values())
