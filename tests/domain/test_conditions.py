"""Conditions on leads: which rule takes one, and what is waited for to know it (D1.4, D1.5)."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given as any_of
from hypothesis import strategies as st

from contracts.events import LeadAssigned, Outcome, RequestPrepared
from contracts.rules import ConditionsSection, RulesFile
from contracts.sentences import Sentence, sentence
from contracts.stage import LOST, Stage
from domain.conditions import Facts, compile_conditions, folded, judged
from domain.lint import lint
from domain.requests import prepared as preparation
from tests.domain.scenario import (
    ANN,
    BOB,
    CEM,
    NINE,
    NOON,
    OFFICE,
    WORK,
    at,
    dp,
    due,
    facts,
    given,
    limit,
    missing,
    observed,
    pause,
    reported,
    resume,
    rule,
    rules,
    told,
)

VIP = {"tags": ["vip"]}
TAGGED = rules(rule(ANN, rule_id="vip", conditions=VIP), rule(BOB, rule_id="rest"))
ONLY_VIP = rules(rule(ANN, rule_id="vip", conditions=VIP))
YES, NO, UNKNOWN = (Outcome("vip", "tags", held) for held in (True, False, None))
MINUTE = at(60)


def conditions(**section: Any) -> Any:
    return compile_conditions(ConditionsSection.model_validate(section))


def holds(read: Facts, **section: Any) -> list[bool | None]:
    return [each.is_met for each in judged("a", conditions(**section), read)]


# What holds -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("section", "read", "expected"),
    [
        ({"tags": ["VIP ", "hot"]}, Facts(tags=(folded("Vip"),)), [True]),
        ({"tags": ["vip"]}, Facts(tags=("cold",)), [False]),
        ({"price": {"from": 10, "to": 20}}, Facts(price=10), [True]),
        ({"price": {"from": 10, "to": 20}}, Facts(price=20), [True]),
        ({"price": {"from": 10, "to": 20}}, Facts(price=21), [False]),
        ({"price": {"to": 20}}, Facts(price=0), [True]),
        ({"price": {"from": 0}}, Facts(price=None), [False]),
        ({"sources": [7, 8]}, Facts(source_id=8), [True]),
        ({"sources": [7, 8]}, Facts(source_id=None), [False]),
        ({"fields": [{"field": 5, "equals": "Lima"}]}, Facts(fields={5: ("lima",)}), [True]),
        ({"fields": [{"field": 5, "one_of": ["1", "2"]}]}, Facts(fields={5: ("2",)}), [True]),
        ({"fields": [{"field": 5, "equals": "Lima"}]}, Facts(fields={6: ("lima",)}), [False]),
        (
            {"contact_fields": [{"field": 9, "one_of": ["es", "pt"]}]},
            Facts(contact_fields={9: ("pt",)}),
            [True],
        ),
        ({"contact_fields": [{"field": 9, "equals": "es"}]}, Facts(contact_fields={}), [False]),
        ({"contact_fields": [{"field": 9, "equals": "es"}]}, Facts(contact_fields=None), [None]),
        ({"tags": ["vip"], "price": {"from": 5}}, Facts(tags=("vip",), price=1), [True, False]),
    ],
)
def test_D1_5_a_condition_holds_or_not(
    section: dict[str, Any], read: Facts, expected: list[bool | None]
) -> None:
    assert holds(read, **section) == expected


@any_of(st.integers(0, 2**53 - 1), st.integers(0, 2**53 - 1), st.integers(-(2**53), 2**53))
def test_D1_5_a_price_range_holds_exactly_between_its_ends(a: int, b: int, price: int) -> None:
    low, high = sorted((a, b))

    assert holds(Facts(price=price), price={"from": low, "to": high}) == [low <= price <= high]


@any_of(st.text(max_size=20))
def test_D1_5_capitals_and_outer_spaces_do_not_matter(text: str) -> None:
    assert folded(f"  {text.upper()} ") == folded(folded(text.upper()))


# Which rule takes the lead --------------------------------------------------------------------


def test_D1_5_a_request_is_prepared_and_then_decided_under_the_rule_that_holds() -> None:
    given(rules=TAGGED).when(dp(1)).then(
        "lead 1 in new of None",
        "opened 1.1 under None",
        "read lead for 1.1 until 12:01:00",
        "timer readings #1: 12:01:00",
    ).when(facts(1, outcomes=(YES,))).then(
        "lead 1 in new of 900",
        "prepared 1.1 for vip",
        f"assigned 1.1 to {ANN}",
    )


def test_D1_4_the_first_rule_that_matches_wins() -> None:
    both = rules(
        rule(ANN, rule_id="vip", conditions=VIP),
        rule(CEM, rule_id="dear", conditions={"price": {"from": 1}}),
        rule(BOB, rule_id="rest"),
    )
    dear = Outcome("dear", "price", is_met=True)

    first = given(dp(1), rules=both).when(facts(1, outcomes=(YES, dear)))
    second = given(dp(1), rules=both).when(facts(1, outcomes=(NO, dear)))
    third = given(dp(1), rules=both).when(
        facts(1, outcomes=(NO, Outcome("dear", "price", is_met=False)))
    )

    assert (first.got(), second.got(), third.got()) == ([ANN], [CEM], [BOB])


def test_D1_5_outcomes_are_kept_with_the_decision_and_nothing_else() -> None:
    prepared = given(dp(1), rules=TAGGED).when(facts(1, outcomes=(NO,))).answer[1]

    assert prepared == RequestPrepared(
        request_id="1.1",
        lead_id=1,
        rule_id="rest",
        outcomes=(NO,),
        responsibles=(),
        unread=(),
        at=NOON,
    )


def test_D1_5_a_request_that_matches_no_rule_is_closed_with_that_reason() -> None:
    given(dp(1), rules=ONLY_VIP).when(facts(1, outcomes=(NO,))).then(
        "lead 1 in new of 900", "prepared 1.1 for None", "closed 1.1: no_rule"
    )


def test_D1_5_a_rule_without_conditions_before_them_needs_no_reading() -> None:
    order = rules(rule(BOB, rule_id="rest"), rule(ANN, rule_id="vip", conditions=VIP))

    assert given(rules=order).when(dp(1)).got() == [BOB]


def test_D1_4_a_rule_with_conditions_leaves_leads_to_the_rules_after_it() -> None:
    def found(*sections: dict[str, Any]) -> list[Sentence]:
        file = RulesFile.model_validate(rules(*sections).rules)
        return [f.found for f in lint(file, at=NOON, timezone="UTC") if f.severity == "warning"]

    vip, rest = rule(ANN, rule_id="vip", conditions=VIP), rule(BOB, rule_id="rest")

    assert found(vip, rest) == []
    assert found(rest, vip) == [sentence("lint.rule_unreached", rule="vip", earlier=("rest",))]


# Waiting for Kommo (I2) -----------------------------------------------------------------------


def test_I2_after_the_time_limit_it_is_decided_without_the_reading_and_says_so() -> None:
    given(dp(1), rules=TAGGED).when(due("readings"), at=MINUTE).then(
        "prepared 1.1 for rest without lead", f"assigned 1.1 to {BOB}"
    )


def test_I2_the_time_limit_holds_even_if_the_clock_is_silent() -> None:
    late = given(dp(1), rules=TAGGED).when(reported(9, WORK), at=MINUTE)

    assert late.got() == [BOB]


def test_I2_without_another_rule_it_goes_on_waiting_for_the_reading() -> None:
    given(dp(1), rules=ONLY_VIP).when(due("readings"), at=MINUTE).then(
        "read lead for 1.1 until 12:02:00", "timer readings #2: 12:02:00"
    ).when(facts(1, outcomes=(YES,))).then(
        "lead 1 in new of 900", "prepared 1.1 for vip", f"assigned 1.1 to {ANN}"
    )


def test_I13_what_is_overdue_is_decided_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparation, "SERVED_PER_STEP_MAX", 2)
    asked = given(*(dp(lead) for lead in range(1, 6)), rules=TAGGED)

    first = asked.when(due("readings"), at=MINUTE)
    assert (len(first.got()), len(asked.account.requests.preparing)) == (2, 3)
    assert "timer readings #2: 12:01:00" in map(told, first.answer)
    asked.when(due("readings", 2)).when(due("readings", 3))
    assert asked.account.requests.preparing == {}


def test_D1_5_the_time_limit_is_configurable() -> None:
    patient = rules(rule(ANN, conditions=VIP), read_within_s=300)
    asked = given(rules=patient).when(dp(1)).answer[2]

    assert asked.next_look_at == NOON + timedelta(minutes=5)  # type: ignore[union-attr]


def test_D1_3_a_late_or_repeated_answer_changes_nothing() -> None:
    decided = given(dp(1), facts(1, outcomes=(YES,)), rules=TAGGED)

    decided.when(facts(1, outcomes=(YES,)), facts(1, outcomes=(NO,))).then()
    given(dp(1), rules=TAGGED).when(due("readings"), at=MINUTE).when(
        facts(1, outcomes=(YES,))
    ).then()


def test_D1_3_a_repeated_trigger_while_preparing_asks_nothing_again() -> None:
    given(dp(1), rules=TAGGED).when(dp(1), dp(1)).then()


def test_F84_an_answer_for_rules_of_before_comes_too_late() -> None:
    changed = given(dp(1), rules=TAGGED).when(ONLY_VIP)

    assert "read lead for 1.1 until 12:01:00" in map(told, changed.answer)
    changed.when(facts(1, outcomes=(YES,))).then()
    assert changed.when(facts(1, revision=2, outcomes=(YES,))).got() == [ANN]


def test_F84_rules_that_ask_nothing_decide_what_waits_for_a_reading() -> None:
    assert given(dp(1), rules=TAGGED).when(rules(rule(CEM))).got() == [CEM]


def test_F84_waiting_requests_are_read_again_only_if_their_conditions_changed() -> None:
    full = given(pause(BOB), dp(1), facts(1, outcomes=(NO,)), rules=TAGGED)
    same = rules(
        rule(ANN, rule_id="vip", conditions=VIP), rule(BOB, CEM, rule_id="rest", limit=limit(9))
    )
    other = rules(rule(ANN, rule_id="vip", conditions={"tags": ["hot"]}), rule(BOB, rule_id="rest"))

    assert full.waiting("rest") == ["1.1"]
    assert full.when(same).got() == [CEM]
    again = given(pause(BOB), dp(1), facts(1, outcomes=(NO,)), rules=TAGGED).when(other)
    assert list(again.account.requests.preparing) == ["1.1"]


@pytest.mark.parametrize(
    ("happens", "reason"),
    [
        (reported(1, WORK, modified=at(5)), "left_stage"),
        (reported(1, Stage(7, LOST), modified=at(5)), "lead_closed"),
        (missing(1), "lead_deleted"),
        (observed(1, by=CEM, modified=at(5)), "taken_by_person"),
        (facts(1, WORK, modified=at(5), outcomes=(YES,)), "left_stage"),
    ],
    ids=str,
)
def test_F29_what_happens_to_the_lead_ends_the_preparation(happens: Any, reason: str) -> None:
    ended = given(reported(1), rules=TAGGED).when(happens, at=at(9))

    assert f"closed 1.1: {reason}" in map(told, ended.answer)
    assert (ended.got(), dict(ended.account.requests.preparing)) == ([], {})


# Order (D5.3, I10) ----------------------------------------------------------------------------


def test_D5_3_a_prepared_request_takes_its_place_by_its_number() -> None:
    queue = given(pause(ANN), dp(1), dp(2), dp(3), rules=ONLY_VIP)
    queue.when(facts(2, outcomes=(YES,)), facts(3, outcomes=(YES,)), facts(1, outcomes=(YES,)))

    assert queue.waiting("vip") == ["1.1", "2.2", "3.3"]
    answer = queue.when(resume(ANN, admin=True)).answer
    assert [e.request_id for e in answer if isinstance(e, LeadAssigned)] == ["1.1", "2.2", "3.3"]


def test_D5_3_a_prepared_request_does_not_overtake_those_that_wait() -> None:
    one = rules(rule(ANN, rule_id="vip", conditions=VIP, limit=limit(1)))
    full = given(dp(1), dp(2), dp(3), rules=one)
    full.when(*(facts(lead, outcomes=(YES,)) for lead in (1, 2, 3)))

    assert full.got() == [ANN]
    assert "deferred 3.3: behind_queue until 12:15:00" in map(told, full.answer)


def test_D8_1_a_prepared_request_may_wait_for_a_shift() -> None:
    office = rules(
        rule(ANN, rule_id="vip", conditions=VIP),
        schedules={"office": OFFICE},
        default_schedule="office",
    )
    early = NINE - timedelta(hours=2)
    night = given(dp(1), rules=office, at=early).when(
        facts(1, modified=early, created_at=early, outcomes=(YES,))
    )

    assert night.waiting("vip") == ["1.1"]
    assert night.when(due("look/vip"), at=NINE).got() == [ANN]
