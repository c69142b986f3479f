"""Leads that an operator orders to be distributed (D1.1), and handovers (D9.3)."""

from collections import Counter
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from contracts.events import (
    DistributionOrdered,
    HandoverOrdered,
    LeadAssigned,
    Outcome,
    RequestClosed,
    RequestOpened,
    Skipped,
)
from contracts.inbound import DistributeLeads, HandOverLeads, Inbound, LeadObserved
from domain.preview import preview, preview_of
from domain.snapshot import dump, load
from tests.domain.scenario import (
    ACCOUNT_ID,
    ANN,
    BOB,
    BOSS,
    CEM,
    DAN,
    HOT,
    NEW,
    NOON,
    OFFICE,
    STAGES,
    WORK,
    Scenario,
    at,
    dp,
    due,
    facts,
    given,
    missing,
    observed,
    patched,
    pause,
    removed,
    reported,
    rule,
    rules,
    users,
)


def distribute(*lead_ids: int) -> DistributeLeads:
    return DistributeLeads(lead_ids=lead_ids, by="administrator zoe")


def hand_over(*lead_ids: int, manager: int = ANN, rule_id: str | None = None) -> HandOverLeads:
    return HandOverLeads(
        handover_id="h1", manager_id=manager, lead_ids=lead_ids, by="zoe", rule_id=rule_id
    )


def known(*lead_ids: int, stage: Any = NEW, by: int = BOSS, **rest: Any) -> Scenario:
    """Leads that were there before the connection: nobody asked for anything yet."""
    return given(*(older(lead, stage, by=by) for lead in lead_ids), **rest)


def older(lead: int, stage: Any = NEW, *, by: int = BOSS) -> LeadObserved:
    """A lead of before the connection."""
    return observed(lead, stage, by=by, reason="baseline", created=NOON - timedelta(days=3))


# Distribute -----------------------------------------------------------------------------------


def test_D1_1_an_operator_distributes_leads_that_had_no_request() -> None:
    scenario = known(1, 2).when(distribute(1, 2))

    scenario.then(
        "ordered [1, 2] by administrator zoe",
        "opened 1.1 under a",
        "assigned 1.1 to 501",
        "opened 2.2 under a",
        "assigned 2.2 to 502",
    )
    opened = [e.source for e in scenario.answer if isinstance(e, RequestOpened)]
    assert opened == ["operator", "operator"]


def test_D1_3_a_lead_that_is_decided_for_its_entry_says_so_and_is_not_decided_twice() -> None:
    scenario = given(dp(1), patched(1)).when(distribute(1))

    scenario.then("ordered [] by administrator zoe, not 1: decided")
    scenario.when(distribute(1)).then("ordered [] by administrator zoe, not 1: decided")


@pytest.mark.parametrize(
    ("lead", "before", "reason"),
    [
        (9, [], "unknown"),
        (1, [removed(1), missing(1)], "closed"),
        (1, [reported(1, STAGES["won"], modified=at(5), author=0)], "closed"),
        (1, [reported(1, WORK, modified=at(5), author=0)], "no_rule"),
    ],
)
def test_D1_1_every_lead_that_is_left_alone_says_why(
    lead: int, before: list[Any], reason: Any
) -> None:
    scenario = known(1).when(*before, at=at(9)).when(distribute(lead))

    (event,) = scenario.answer
    assert isinstance(event, DistributionOrdered)
    assert (event.lead_ids, event.skipped) == ((), (Skipped(lead, reason),))


def test_D1_1_a_lead_that_waits_is_not_asked_for_again() -> None:
    scenario = given(pause(ANN), pause(BOB), dp(1)).when(distribute(1, 1))

    scenario.then("ordered [] by administrator zoe, not 1: waiting")


def test_D1_1_an_order_is_bounded() -> None:
    scenario = given().when(distribute(*range(1, 502)))

    scenario.then("refused distribute: too_many_leads, leads 501, limit 500")


# Hand over ------------------------------------------------------------------------------------

TEAM = rules(rule(ANN, BOB, CEM), rule(CEM, rule_id="b", stages=(HOT,)))


def test_D9_3_the_leads_of_an_absent_manager_are_shared_by_the_rules_of_their_stages() -> None:
    scenario = known(1, 2, 3, by=ANN, rules=TEAM)
    scenario.when(older(4, HOT, by=ANN), pause(ANN))
    scenario.when(hand_over(1, 2, 3, 4))

    got = {e.lead_id: e.manager_id for e in scenario.answer if isinstance(e, LeadAssigned)}
    assert got == {1: BOB, 2: CEM, 3: BOB, 4: CEM}
    assert ANN not in scenario.account.loads.totals


def test_D9_3_leads_that_were_decided_before_are_handed_over_too() -> None:
    scenario = given(dp(1), patched(1), pause(ANN)).when(hand_over(1))

    scenario.then("ordered [1] by zoe", "opened 1.2 under a", "assigned 1.2 to 502")
    (decision,) = [e for e in scenario.answer if isinstance(e, LeadAssigned)]
    # What an undo has to know.
    assert (decision.responsible_before, decision.was_owner_id) == (ANN, ANN)


def test_D9_3_leads_in_stages_without_a_rule_need_a_rule_to_be_named() -> None:
    scenario = known(1, stage=WORK, by=ANN, rules=TEAM).when(pause(ANN))
    scenario.when(hand_over(1)).then("ordered [] by zoe, not 1: no_rule")

    scenario.when(hand_over(1, rule_id="b"))
    scenario.then("ordered [1] by zoe", "opened 1.1 under b", "assigned 1.1 to 503")


def test_D9_3_a_handed_over_lead_is_not_its_owners() -> None:
    owners = {"sources": ["lead", "contact"], "others": "keep"}
    first = rules(rule(ANN, BOB, owners=owners))
    scenario = known(1, by=ANN, rules=first).when(pause(ANN, until=at(600)))

    assert scenario.when(hand_over(1)).got() == [BOB]


KEEPING = {"sources": ["contact"], "others": "keep", "keep_for": [DAN]}


@pytest.mark.parametrize("tags", [None, ["vip"]], ids=["unread", "read"])
def test_D9_3_a_kept_employees_leads_are_handed_over_all_the_same(tags: list[str] | None) -> None:
    """What `keep` leaves with them is what a handover is to take from them (D6.3)."""
    conditions = {} if tags is None else {"conditions": {"tags": tags}}
    keeping = rules(rule(ANN, BOB, owners=KEEPING, **conditions))
    met = (Outcome("a", "tags", is_met=True),) if tags else ()
    kept = known(1, by=DAN, rules=keeping).when(distribute(1))
    kept.when(facts(1, by=DAN, created_by=DAN, outcomes=met))

    assert [e.reason for e in kept.answer if isinstance(e, RequestClosed)] == ["kept"]
    scenario = known(1, by=DAN, rules=keeping).when(pause(DAN), hand_over(1, manager=DAN))
    if tags:
        assert scenario.got() == []
        scenario.when(facts(1, by=DAN, created_by=DAN, outcomes=met))
    assert scenario.got() == [ANN]
    assert scenario.account.leads[1].owner_id == ANN


def test_D9_3_a_kept_employees_lead_waits_for_others_and_not_for_him() -> None:
    keeping = rules(rule(ANN, owners=KEEPING), **_office())
    scenario = known(1, by=DAN, rules=keeping, at=at(12 * 3_600)).when(pause(DAN))
    scenario.when(hand_over(1, manager=DAN))

    assert scenario.waiting() == ["1.1"]
    assert scenario.when(due("look/a"), at=at(21 * 3_600)).got() == [ANN]


def test_F84_a_rule_that_an_order_named_may_be_gone_or_stay() -> None:
    def waits() -> Scenario:
        scenario = known(1, stage=WORK, by=ANN, rules=TEAM).when(pause(ANN), pause(CEM))
        return scenario.when(hand_over(1, rule_id="b"))

    gone = waits().when(rules(rule(ANN, BOB, CEM)))
    stays = waits().when(rules(rule(BOB, CEM), rule(BOB, rule_id="b", stages=(HOT,))))

    assert [e.reason for e in gone.answer if isinstance(e, RequestClosed)] == ["no_rule"]
    assert stays.got() == [BOB]


def test_D9_3_what_is_not_his_any_more_is_left_alone() -> None:
    scenario = known(1, by=BOB).when(pause(ANN), hand_over(1))

    assert isinstance(scenario.answer[-1], HandoverOrdered)
    assert scenario.answer[-1].skipped == (Skipped(1, "not_his"),)


def test_D9_3_a_manager_who_is_there_has_to_be_paused_first() -> None:
    scenario = known(1, by=ANN).when(hand_over(1))

    scenario.then("refused handover: still_at_work, manager 501")


def test_D9_3_a_deactivated_manager_needs_no_pause() -> None:
    scenario = known(1, by=ANN).when(users(BOB, BOSS), hand_over(1))

    assert scenario.got() == [BOB]


def test_D9_3_an_unknown_rule_is_refused() -> None:
    scenario = known(1, by=ANN).when(pause(ANN)).when(hand_over(1, rule_id="z"))

    scenario.then("refused handover: rule_unknown, rule z")


def test_D9_3_while_nobody_is_at_work_the_leads_wait_and_stay_where_they_are() -> None:
    night = at(12 * 3_600)
    scenario = known(1, by=ANN, rules=rules(rule(ANN, BOB), **_office()), at=night)
    scenario.when(pause(ANN)).when(hand_over(1))

    assert scenario.waiting() == ["1.1"]
    assert scenario.account.leads[1].owner_id == ANN


def _office() -> dict[str, Any]:
    return {"schedules": {"office": OFFICE}, "default_schedule": "office"}


def test_D9_3_a_decision_on_its_way_to_him_is_replaced_and_refunded() -> None:
    scenario = given(dp(1)).when(pause(ANN)).when(hand_over(1))

    scenario.then(
        "ordered [1] by zoe",
        "opened 1.2 under a",
        "withdrawn 1.1 from 501: superseded",
        "closed 1.1: superseded",
        "assigned 1.2 to 502",
    )


# Preview --------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(30))
def test_D9_3_a_preview_is_what_the_order_comes_to_and_changes_nothing(seed: int) -> None:
    chance = Random(seed)
    lead_ids = list(range(1, chance.randint(2, 12)))
    scenario = given(rules=TEAM)
    for lead in lead_ids:
        stage = chance.choice((NEW, HOT, WORK))
        by = chance.choice((ANN, ANN, BOB))
        scenario.when(older(lead, stage, by=by))
    scenario.when(pause(ANN))
    body = hand_over(*lead_ids, rule_id=chance.choice((None, "a")))
    before = dump(scenario.account)
    message = Inbound(account_id=ACCOUNT_ID, message_id="p", at=scenario.clock, body=body)

    foreseen = preview(load(before), [message])

    assert dump(scenario.account) == before
    scenario.when(body)
    assert preview_of(scenario.answer) == foreseen
    got = Counter(scenario.got())
    assert dict(foreseen.gets) == got
    assert foreseen.leads + len(foreseen.skipped) == len(lead_ids)
    assert foreseen.refusal is None
