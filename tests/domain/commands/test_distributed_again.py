"""Leads without a decision that stands are distributed again, others say why not (D1.6)."""

from typing import Any, get_args

import pytest

from contracts.events import RequestOpened, UnassignedReason
from contracts.inbound import DistributeLeads, Ended
from tests.domain.scenario import (
    ANN,
    BOB,
    BOSS,
    HOT,
    NEW,
    Scenario,
    at,
    dp,
    facts,
    given,
    patched,
    pause,
    refused,
    reported,
    rule,
    rules,
)

TAGGED = rule(ANN, BOB, conditions={"tags": ["vip"]})


def again(scenario: Scenario, lead: int = 1, reason: Any = "no_rule", **changes: Any) -> Scenario:
    """The order, with what the log says of the lead's newest request."""
    known = scenario.account.leads[lead]
    ended = Ended(lead, f"{lead}.1", reason, known.owner_id)._replace(**changes)
    return scenario.when(DistributeLeads(lead_ids=(lead,), by="zoe", ended=(ended,)), at=at(100))


def no_rule() -> Scenario:
    """A lead that no rule took, and rules that would now."""
    closed = given(rules=rules(TAGGED)).when(reported(1), facts(1))
    return closed.when(rules(rule(ANN, BOB)))


@pytest.mark.parametrize("reason", get_args(UnassignedReason))
def test_D1_6_a_request_that_ended_without_a_manager_is_opened_again(reason: str) -> None:
    scenario = again(no_rule(), reason=reason)

    scenario.then("ordered [1] by zoe", "opened 1.2 under a", "assigned 1.2 to 501")
    assert [e.source for e in scenario.answer if isinstance(e, RequestOpened)] == ["operator"]


def test_D1_6_after_a_refusal_by_kommo_it_is_decided_anew() -> None:
    rejected = given(reported(1), refused(1, ANN, reason="rejected", detail="odd"))

    again(rejected, reason="rejected").then(
        "ordered [1] by zoe", "opened 1.2 under a", "assigned 1.2 to 502"
    )


def test_D1_6_without_a_word_of_the_log_the_decision_stands() -> None:
    decided = given(dp(1), patched(1))

    decided.when(DistributeLeads(lead_ids=(1,), by="zoe")).then("ordered [] by zoe, not 1: decided")


def test_D1_6_what_the_log_says_of_an_earlier_request_is_no_reason() -> None:
    moved = no_rule().when(reported(1, HOT, modified=at(5)), at=at(5))
    moved.when(rules(rule(ANN, BOB, stages=(NEW, HOT))), reported(1, NEW, modified=at(9)), at=at(9))

    again(moved).then("ordered [] by zoe, not 1: decided")


def test_D1_6_a_lead_that_waits_goes_on_waiting() -> None:
    waits = given(pause(ANN), pause(BOB), dp(1))

    again(waits).then("ordered [] by zoe, not 1: waiting")


def test_D1_6_a_persons_own_choice_is_left_alone() -> None:
    taken = no_rule().when(reported(1, by=BOB, action="responsible", modified=at(5)), at=at(5))

    again(taken, reason="taken_by_person").then("ordered [] by zoe, not 1: taken")


def test_D1_6_a_choice_made_since_the_log_was_read_is_left_alone_as_well() -> None:
    taken = no_rule().when(reported(1, by=BOB, action="responsible", modified=at(5)), at=at(5))

    again(taken, owner_id=BOSS).then("ordered [] by zoe, not 1: taken")


def test_D1_6_a_stage_without_a_rule_says_so() -> None:
    bare = no_rule().when(rules(rule(ANN, stages=(HOT,))))

    again(bare).then("ordered [] by zoe, not 1: no_rule")
