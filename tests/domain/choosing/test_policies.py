"""The alternatives to the fair share, and ledgers of rules' own (D3.4, D3.6)."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from contracts.events import LEAD, LeadAssigned, SharingPolicy, Standing
from contracts.inbound import PostCorrection
from domain.choosing.policies import choose, free_share
from domain.explain.reproduced import is_reproduced
from tests.domain.scenario import (
    ANN,
    BOB,
    CEM,
    DAN,
    HOT,
    NEW,
    WORK,
    Scenario,
    dp,
    given,
    limit,
    observed,
    participant,
    rule,
    rules,
)
from tests.support.words import in_words

ALTERNATIVES: tuple[SharingPolicy, ...] = ("least_loaded", "most_available")


def owned(*managers: int, stage: object = WORK) -> list[object]:
    """Old leads of these managers."""
    return [
        observed(100 + number, stage, by=manager, reason="baseline")  # type: ignore[arg-type]
        for number, manager in enumerate(managers)
    ]


def loaded(section: dict[str, object], *managers: int) -> Scenario:
    """An account whose managers have these open leads already."""
    return given(*owned(*managers), rules=rules(section))  # type: ignore[arg-type]


def decision(scenario: Scenario) -> LeadAssigned:
    return next(e for e in reversed(scenario.answer) if isinstance(e, LeadAssigned))


# Fewest open leads ----------------------------------------------------------------------------


def test_D3_6_least_loaded_gives_to_whoever_has_the_fewest_open_leads() -> None:
    scenario = loaded(rule(ANN, BOB, CEM, policy="least_loaded"), ANN, ANN, BOB)

    assert scenario.when(*map(dp, range(1, 5))).got() == [CEM, BOB, CEM, ANN]


def test_D3_6_only_the_stages_of_the_limit_are_counted() -> None:
    section = rule(ANN, BOB, policy="least_loaded", limit=limit(50, NEW))

    assert loaded(section, ANN, ANN, ANN).when(dp(1), dp(2)).got() == [ANN, BOB]


def test_D3_6_ties_go_to_the_larger_credit_then_the_longest_wait_then_the_smaller_id() -> None:
    both = rules(
        rule(ANN, BOB, CEM, policy="least_loaded", limit=limit(50, NEW)),
        rule(ANN, BOB, CEM, rule_id="b", stages=[HOT]),
    )
    scenario = given(rules=both).when(dp(1, HOT))  # by the fair share: ANN owes, the others wait
    assert scenario.got() == [ANN]

    scenario.when(dp(2))
    assert (scenario.got(), decision(scenario).reason) == ([BOB], "smaller_id")
    scenario.when(dp(3))
    assert (scenario.got(), decision(scenario).reason) == ([CEM], "largest_credit")


def test_D3_6_priorities_and_coefficients_of_0_hold_under_every_policy() -> None:
    people = (participant(ANN, priority=2), participant(BOB, limit=1), participant(CEM))
    for policy in ALTERNATIVES:
        section = rule(
            *people,
            participant(DAN, coefficient=0),
            policy=policy,
            limit=limit(3),
            when_full="next_tier",
        )

        assert given(rules=rules(section)).when(*map(dp, range(1, 7))).got() == (
            [BOB, CEM, CEM, CEM, ANN, ANN]
        )


# Largest free share of the limit --------------------------------------------------------------


def test_D3_6_most_available_compares_exact_parts_of_the_limits() -> None:
    section = rule(
        participant(ANN, limit=3),
        participant(BOB, limit=6),
        participant(CEM, limit=2),
        policy="most_available",
    )
    scenario = given(rules=rules(section))

    # Left: 3/3 6/6 2/2, 2/3 6/6 2/2, 2/3 5/6 2/2, 2/3 5/6 1/2, 2/3 4/6 1/2: a tie of thirds.
    assert scenario.when(*map(dp, range(1, 6))).got() == [ANN, BOB, CEM, BOB, ANN]
    assert decision(scenario).reason == "longest_wait"


def test_D3_6_a_difference_that_a_float_would_lose_still_counts() -> None:
    standings = (
        Standing(ANN, 1, "eligible", 0, 0, 0, 1, 10**17),
        Standing(BOB, 1, "eligible", 0, 0, 0, 1, 10**17 + 1),
    )
    choice = choose(standings, "most_available")

    assert choice is not None
    assert (choice.manager_id, choice.reason) == (BOB, "largest_free_share")


# What holds for both --------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ALTERNATIVES)
def test_D3_6_the_alternatives_leave_the_ledger_alone(policy: str) -> None:
    scenario = given(rules=rules(rule(ANN, BOB, policy=policy, limit=limit(50))))
    scenario.when(*map(dp, range(1, 8)))

    assert scenario.credits() == {}
    assert all(not e.movements for e in scenario.answer if isinstance(e, LeadAssigned))


standings_strategy = st.lists(
    st.builds(
        Standing,
        manager_id=st.integers(1, 99),
        tier=st.integers(1, 2),
        verdict=st.sampled_from(("eligible", "eligible", "off_shift")),
        credit=st.integers(-LEAD, LEAD) | st.just(0),
        share=st.just(0),
        last_turn=st.integers(0, 3),
        open_leads=st.integers(0, 4),
        limit=st.integers(5, 9),
    ),
    max_size=8,
    unique_by=lambda s: s.manager_id,
)


@for_all(standings_strategy, st.sampled_from(ALTERNATIVES), st.randoms(use_true_random=False))
def test_D3_6_nobody_eligible_ranks_before_the_winner(
    standings: list[Standing], policy: SharingPolicy, random: object
) -> None:
    def rank(s: Standing) -> tuple[object, ...]:
        measure = s.open_leads if policy == "least_loaded" else Fraction(s.open_leads, s.limit or 1)
        return (s.tier, measure, -s.credit, s.last_turn, s.manager_id)

    able = sorted((s for s in standings if s.verdict == "eligible"), key=rank)
    choice = choose(standings, policy)

    assert (choice.manager_id if choice else None) == (able[0].manager_id if able else None)
    random.shuffle(standings)  # type: ignore[attr-defined]
    assert choose(standings, policy) == choice


@pytest.mark.parametrize("policy", ALTERNATIVES)
def test_D10_2_a_decision_of_each_policy_is_reproduced_from_its_event(policy: str) -> None:
    section = rule(ANN, BOB, CEM, policy=policy, limit=limit(50))
    scenario = loaded(section, ANN, BOB, CEM, CEM).when(*map(dp, range(1, 20)))
    decisions = [e for e in scenario.answer if isinstance(e, LeadAssigned)]

    assert {e.policy for e in decisions} == {policy}
    assert [e for e in decisions if not is_reproduced(e)] == []
    assert not is_reproduced(replace(decisions[0], manager_id=CEM))
    assert not is_reproduced(replace(decisions[0], policy="fair_share"))


def test_D3_6_each_policy_is_explained_by_what_it_compares() -> None:
    least = rule(ANN, BOB, policy="least_loaded")
    event = decision(loaded(least, ANN, ANN, BOB).when(dp(1)))
    assert in_words(event)[1:] == [
        "Of the people with priority 1, 2 of 2 could take it.",
        "M502 had the fewest open leads: 1 open, credit +0.000.",
        "Not M501: 2 open, credit +0.000.",
    ]

    most = rule(participant(ANN, limit=4), participant(BOB, limit=8), policy="most_available")
    event = decision(loaded(most, ANN, BOB).when(dp(1)))
    assert in_words(event)[2:] == [
        (
            "M502 had the largest part of the limit left:"
            " 1 of 8 leads open, 87% left, credit +0.000."
        ),
        "Not M501: 1 of 4 leads open, 75% left, credit +0.000.",
    ]


def test_D3_6_what_decides_between_equals_is_explained() -> None:
    least = rule(ANN, BOB, policy="least_loaded")
    most = rule(ANN, BOB, policy="most_available", limit=limit(4))
    fair = rule(ANN, BOB)
    told = [in_words(decision(given(rules=rules(r)).when(dp(1))))[2] for r in (least, most, fair)]

    equal = "as much credit and as long a wait"
    assert told == [
        (
            f"M501 had as few open leads as anybody, and {equal}; the smaller id decided:"
            " 0 open, credit +0.000."
        ),
        (
            f"M501 had as much of the limit left as anybody, and {equal}; the smaller id decided:"
            " 0 of 4 leads open, 100% left, credit +0.000."
        ),
        f"M501 had {equal} as others; the smaller id decided: +0.000 before, +0.500 for this lead.",
    ]


def test_D3_6_without_a_limit_a_manager_is_wholly_free() -> None:
    assert free_share(Standing(ANN, 1, "eligible", 0, 0, 0, 7, None)) == 1


# Ledgers of rules' own (D3.4) -----------------------------------------------------------------


def two_rules(**of_second: object) -> Scenario:
    second = rule(ANN, BOB, rule_id="b", stages=[HOT], **of_second)
    return given(rules=rules(rule(ANN, BOB), second))


def test_D3_4_rules_share_the_account_s_ledger_so_a_manager_gets_one_fair_share() -> None:
    assert two_rules().when(dp(1), dp(2, HOT), dp(3), dp(4, HOT)).got() == [ANN, BOB, ANN, BOB]


def test_D3_4_a_rule_with_a_ledger_of_its_own_owes_nobody_elsewhere() -> None:
    scenario = two_rules(ledger="vip").when(dp(1), dp(2, HOT), dp(3))
    assert scenario.got() == [ANN, BOB, BOB]  # the second only waited longer, it owes nothing

    half = LEAD // 2
    assert scenario.account.ledger("account") == {}
    assert scenario.account.ledger("vip") == {ANN: half, BOB: -half}


def test_D3_4_a_correction_names_its_ledger() -> None:
    correction = PostCorrection(
        manager_id=BOB, credit_units=LEAD, by="admin", reason="", ledger="vip"
    )
    scenario = two_rules(ledger="vip").when(correction)
    assert scenario.account.ledger("vip") == {ANN: -LEAD, BOB: LEAD}
    assert scenario.account.ledger("account") == {}

    scenario.when(replace(correction, ledger="vpi"))
    scenario.then("refused correct: ledger_unknown, ledger vpi")

    scenario.when(replace(correction, manager_id=900))
    scenario.then("refused correct: not_in_ledger, manager 900, ledger vip")
