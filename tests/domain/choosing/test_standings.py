"""Verdicts, tiers, shares, the ledger, and how far anybody ever is from the fair share (D2, D3)."""

from datetime import timedelta
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from contracts.events import LEAD, LeadAssigned, Standing
from domain.choosing.fair_share import NobodyEligible, correction, negated, shares
from domain.choosing.policies import choose
from tests.domain.scenario import (
    ANN,
    BOB,
    BOSS,
    CEM,
    DAN,
    MONDAY,
    NEW,
    OFFICE,
    Scenario,
    at,
    dp,
    given,
    limit,
    observed,
    participant,
    pause,
    resume,
    rule,
    rules,
    users,
)

DAY_OFF = [{"manager": ANN, "from": "2026-10-12", "to": "2026-10-13"}]
EVENING = MONDAY + timedelta(hours=20)


def verdicts(scenario: Scenario) -> dict[int, str]:
    """The verdicts of the last judgement."""
    judged = [e for e in scenario.answer if getattr(e, "standings", ())]
    return {s.manager_id: s.verdict for s in judged[-1].standings}  # type: ignore[union-attr]


# Who takes part (D2) --------------------------------------------------------------------------


def test_D2_1_without_participants_every_active_user_shares_equally() -> None:
    everyone = given(rules=rules(rule()), active=(ANN, BOB, CEM))
    everyone.when(*map(dp, range(1, 7)))

    assert everyone.got() == [ANN, BOB, CEM, ANN, BOB, CEM]


def test_D2_1_users_who_come_and_go_change_who_takes_part() -> None:
    everyone = given(dp(1), rules=rules(rule()), active=(ANN, BOB)).when(users(BOB, CEM))

    assert everyone.when(dp(2), dp(3), dp(4)).got() == [BOB, CEM, BOB]


def test_D2_2_each_verdict() -> None:
    section = rule(
        participant(ANN, schedule="office"),
        participant(BOB, coefficient=0),
        participant(CEM, limit=0),
        DAN,
        participant(505),
        participant(506),
        participant(507),
    )
    office = {"schedules": {"office": OFFICE}}
    absent = {"absences": [{"manager": 506, "from": "2026-10-12", "to": "2026-10-13"}]}
    evening = given(
        pause(505),
        rules=rules(section, **office, **absent),
        active=(ANN, BOB, CEM, DAN, 505, 506),
        at=EVENING,
    )

    assert verdicts(evening.when(dp(1))) == {
        ANN: "off_shift",
        BOB: "excluded",
        CEM: "at_limit",
        DAN: "eligible",
        505: "paused",
        506: "absent",
        507: "inactive",
    }


@pytest.mark.parametrize(
    ("reasons", "verdict"),
    [
        (("inactive", "excluded", "paused", "off_shift", "absent", "at_limit"), "inactive"),
        (("excluded", "paused", "off_shift", "absent", "at_limit"), "excluded"),
        (("paused", "off_shift", "absent", "at_limit"), "paused"),
        (("off_shift", "absent", "at_limit"), "off_shift"),
        (("absent", "at_limit"), "absent"),
        (("at_limit",), "at_limit"),
        ((), "eligible"),
    ],
)
def test_D2_2_the_first_verdict_that_applies_counts(reasons: tuple[str, ...], verdict: str) -> None:
    ann = participant(
        ANN,
        coefficient=0 if "excluded" in reasons else 1,
        schedule="office" if "off_shift" in reasons else None,
        limit=0 if "at_limit" in reasons else None,
    )
    applied = rules(
        rule(ann, BOB),
        schedules={"office": OFFICE},
        absences=DAY_OFF if "absent" in reasons else [],
    )
    scenario = given(rules=applied, at=EVENING)
    if "paused" in reasons:
        scenario.when(pause(ANN))
    if "inactive" in reasons:
        scenario.when(users(BOB, BOSS))

    assert verdicts(scenario.when(dp(1)))[ANN] == verdict


def test_D2_3_the_second_tier_is_asked_only_when_the_first_has_nobody() -> None:
    people = (participant(CEM, priority=2), participant(ANN, limit=1), BOB)
    tiers = rules(rule(*people, when_full="next_tier"))
    scenario = given(rules=tiers).when(*map(dp, range(1, 4)))
    assert scenario.got() == [ANN, BOB, BOB]

    assert scenario.when(pause(BOB), dp(4)).got() == [CEM]
    assert scenario.when(resume(BOB), dp(5)).got() == [BOB]


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("ann", "bob", "switch", "expected"),
    [
        (40, 60, True, {ANN: 2, BOB: 4}),
        (2, 3, True, {ANN: 2, BOB: 4}),
        ("0.4", "0.6", True, {ANN: 2, BOB: 4}),
        (40, 60, False, {ANN: 3, BOB: 3}),
    ],
)
def test_D2_4_coefficients_share_six_leads(
    *,
    ann: object,
    bob: object,
    switch: bool,
    expected: dict[int, int],
    turned: bool,
) -> None:
    people = [participant(ANN, coefficient=ann), participant(BOB, coefficient=bob)]
    section = rule(*(people[::-1] if turned else people), distribute_by_coefficient=switch)
    got = given(rules=rules(section)).when(*map(dp, range(1, 7))).got()

    assert {manager: got.count(manager) for manager in sorted(set(got))} == expected


def test_D2_4_the_order_of_the_list_cannot_matter() -> None:
    people = [participant(m, coefficient=n) for n, m in enumerate((ANN, BOB, CEM, DAN), start=1)]
    one = given(rules=rules(rule(*people))).when(*map(dp, range(1, 31)))
    two = given(rules=rules(rule(*people[::-1]))).when(*map(dp, range(1, 31)))

    assert one.answer == two.answer


# The ledger (D3) ------------------------------------------------------------------------------

weights = st.dictionaries(st.integers(1, 10**6), st.integers(0, 10**12), min_size=1, max_size=50)


@for_all(weights, st.randoms(use_true_random=False))
def test_D3_1_the_shares_of_a_lead_add_up_whatever_the_order(
    by_manager: dict[int, int], random: Random
) -> None:
    pairs = list(by_manager.items())
    random.shuffle(pairs)
    total = sum(by_manager.values())
    if not total:
        with pytest.raises(NobodyEligible):
            shares(tuple(pairs))
        return
    found = shares(tuple(pairs))

    assert found == shares(tuple(by_manager.items()))
    assert sum(units for _, units in found) == LEAD
    assert all(abs(units - Fraction(by_manager[m] * LEAD, total)) < 1 for m, units in found)


@for_all(
    st.integers(-1_000 * LEAD, 1_000 * LEAD), st.sets(st.integers(1, 99), min_size=2, max_size=30)
)
def test_D3_8_a_correction_adds_up_to_nothing(units: int, managers: set[int]) -> None:
    manager = min(managers)
    movements = correction(manager, units, sorted(managers))

    assert sum(moved for _, moved in movements) == 0
    assert dict(movements)[manager] == units
    assert {moved for m, moved in movements if m != manager} <= {
        sign * (abs(units) // (len(managers) - 1)) + extra
        for sign in (1, -1)
        for extra in (-1, 0, 1)
    }
    assert negated(negated(movements)) == movements


def standing(manager: int, *, credit: int = 0, share: int = LEAD // 2, turn: int = 0) -> Standing:
    return Standing(manager, 1, "eligible", credit, share, turn, 0, None)


@pytest.mark.parametrize(
    ("ann", "bob", "winner", "reason"),
    [
        (standing(ANN), standing(BOB, credit=1), BOB, "largest_credit"),
        (standing(ANN, turn=2), standing(BOB, turn=1), BOB, "longest_wait"),
        (standing(ANN, turn=2), standing(BOB), BOB, "longest_wait"),
        (standing(ANN), standing(BOB), ANN, "smaller_id"),
    ],
)
def test_D3_2_ties_are_broken_by_the_wait_then_the_id(
    ann: Standing, bob: Standing, winner: int, reason: str
) -> None:
    for standings in ((ann, bob), (bob, ann)):
        choice = choose(standings)

        assert choice is not None
        assert (choice.manager_id, choice.reason) == (winner, reason)


def test_D3_3_nobody_accrues_while_away_or_is_flooded_on_return() -> None:
    away = given(pause(ANN)).when(*map(dp, range(1, 21)))
    assert (set(away.got()), away.credits()) == ({BOB}, {})

    back = away.when(resume(ANN), *map(dp, range(21, 31)))

    assert back.got() == [ANN, BOB] * 5


def test_D3_3_a_new_manager_starts_at_zero() -> None:
    grown = given(*map(dp, range(1, 12))).when(rules(rule(ANN, BOB, CEM)))
    got = grown.when(*map(dp, range(12, 24))).got()

    assert {m: got.count(m) for m in (ANN, BOB, CEM)} == {ANN: 4, BOB: 4, CEM: 4}


def test_D3_4_a_manager_in_two_rules_has_one_ledger() -> None:
    hot = NEW._replace(status_id=71)
    two = rules(rule(ANN, BOB), rule(ANN, CEM, rule_id="b", stages=(hot,)))
    scenario = given(rules=two).when(dp(1, NEW), dp(2, hot), dp(3, NEW), dp(4, hot))

    assert scenario.got() == [ANN, CEM, BOB, ANN]


# How far from the fair share (D3.5) -----------------------------------------------------------


def worst_deviation(seed: int, leads: int) -> Fraction:
    """The largest |assigned - fair share| of any manager at any moment, in leads.

    Managers with random coefficients come on shift and go, up to 50 of them.
    """
    random = Random(seed)
    managers = list(range(1, random.randint(2, 50) + 1))
    weight = {m: random.choice((1, 1, 1, 2, 3, random.randint(1, 1_000))) for m in managers}
    on_shift = {m: random.random() < 0.5 for m in managers}
    credit, turns, worst = dict.fromkeys(managers, 0), dict.fromkeys(managers, 0), 0
    churn = random.choice((0.001, 0.01, 0.1))
    eligible: list[int] = []
    for turn in range(1, leads + 1):
        if not eligible or random.random() < churn:
            for m in random.sample(managers, max(1, len(managers) // 10)):
                on_shift[m] = not on_shift[m]
            eligible = [m for m in managers if on_shift[m]] or [random.choice(managers)]
            share = shares(tuple((m, weight[m]) for m in eligible))
        standings = tuple(
            Standing(m, 1, "eligible", credit[m], units, turns[m], 0, None) for m, units in share
        )
        choice = choose(standings)
        assert choice is not None
        turns[choice.manager_id] = turn
        for m, units in choice.movements:
            credit[m] += units
        # What was accrued and not yet given, and what was given in advance, is the credit.
        worst = max(worst, *(abs(credit[m]) for m in eligible))
    assert sum(credit.values()) == 0
    return Fraction(worst, LEAD)


@pytest.mark.parametrize("seed", range(40))
def test_D3_5_nobody_is_ever_two_leads_from_his_fair_share(seed: int) -> None:
    assert worst_deviation(seed, 2_000) < 2


def test_D3_5_nor_over_a_hundred_thousand_leads() -> None:
    assert worst_deviation(17, 100_000) < 2


def test_D3_5_the_account_itself_keeps_to_the_fair_share() -> None:
    random = Random(7)
    team = (ANN, BOB, CEM, DAN)
    scenario = given(rules=rules(rule(*team)))
    fair, got = dict.fromkeys(team, Fraction(0)), dict.fromkeys(team, 0)
    away: set[int] = set()
    for lead in range(1, 401):
        if random.random() < 0.1:
            manager = random.choice(team)
            away ^= {manager}
            scenario.when(pause(manager) if manager in away else resume(manager))
        scenario.when(dp(lead), at=at(lead))
        for event in scenario.answer:
            if isinstance(event, LeadAssigned):
                got[event.manager_id] += 1
                for s in event.standings:
                    fair[s.manager_id] += Fraction(s.share, LEAD)

        assert all(abs(got[m] - fair[m]) < 2 for m in team), lead


def test_D5_2_an_old_lead_of_the_first_reading_counts_and_asks_nothing() -> None:
    scenario = given(rules=rules(rule(ANN, limit=limit(1))))
    scenario.when(observed(9, NEW, by=ANN, reason="baseline", created=at(-3_600))).then(
        "lead 9 in new of 501"
    )

    assert verdicts(scenario.when(dp(1)))[ANN] == "at_limit"
