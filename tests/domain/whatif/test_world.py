"""The past, lived through again by other rules."""

import copy
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest

from contracts.events import (
    AllocationEvent,
    LeadAssigned,
    LeadKind,
    LeadLapsed,
    Outcome,
    Recorded,
    RequestClosed,
    RequestDeferred,
    RequestOpened,
)
from contracts.inbound import LedgerKinds, PassLeadOn
from domain.decide import decide
from domain.snapshot import digest
from domain.state import Account
from domain.whatif.past import PastReader
from domain.whatif.world import Assumed, World
from services.demo.week import sample as s
from services.demo.week.world import Week
from tests.domain.scenario import (
    ACCOUNT_ID,
    ANN,
    BOB,
    BOSS,
    CEM,
    NEW,
    NOON,
    STAGES,
    WORK,
    Scenario,
    at,
    clock,
    facts,
    limit,
    missing,
    observed,
    participant,
    patched,
    pause,
    read,
    refused,
    reported,
    rule,
    rules,
    touch,
    users,
)

HOUR = timedelta(hours=1)
END = NOON + timedelta(days=2)


def began(*sections: dict[str, Any]) -> Scenario:
    """An account at work by these rules."""
    return Scenario(Account(ACCOUNT_ID), NOON).when(users(ANN, BOB, CEM, BOSS), rules(*sections))


def came(scenario: Scenario, lead: int, second: int, **rest: Any) -> Scenario:
    """A lead comes, and Kommo takes whatever is decided."""
    moment = at(second)
    scenario.when(reported(lead, action="add", modified=moment, created=moment, **rest), at=moment)
    wanted = scenario.account.leads[lead].wanted
    if wanted is not None:
        set_ = patched(lead, wanted.manager_id, request=wanted.request_id, modified=at(second + 1))
        scenario.when(set_, at=at(second + 1))
    return scenario


def log_of(scenario: Scenario) -> list[Recorded]:
    """All that was decided, with its causes."""
    account, log = Account(ACCOUNT_ID), list[Recorded]()
    for message in scenario.heard:
        for event in decide(account, message):
            version = len(log) + 1
            log.append(
                Recorded(
                    account_id=ACCOUNT_ID, version=version, cause=message.message_id, event=event
                )
            )
    assert digest(account) == digest(scenario.account)
    return log


def would(
    scenario: Scenario, *sections: dict[str, Any], **rest: Any
) -> tuple[list[AllocationEvent], Assumed]:
    """What other rules would have made of it."""
    begun = Account(ACCOUNT_ID)
    reader = PastReader(begun)
    reader.read(log_of(scenario))
    world = World(begun, reader.past)
    draft = rules(*sections, **rest).rules
    events = [recorded.event for recorded in world.live(draft, start=NOON, end=END)]
    return events, world.assumed


def got(events: list[AllocationEvent]) -> dict[int, int]:
    return dict(Counter(e.manager_id for e in events if isinstance(e, LeadAssigned)))


def decisions(log: list[Recorded]) -> dict[tuple[int, int], tuple[int, str]]:
    return {
        (e.lead_id, e.attempt): (e.manager_id, e.policy)
        for recorded in log
        if isinstance(e := recorded.event, LeadAssigned)
    }


@pytest.fixture(scope="module")
def week() -> Week:
    return Week(seed=7).run()


def lived_again(week: Week, rules_: dict[str, Any]) -> tuple[list[Recorded], World]:
    begun = Account(s.ACCOUNT_ID)
    reader = PastReader(begun)
    reader.read(week.log)
    world = World(begun, reader.past)
    start = week.log[0].event.at
    return list(world.live(rules_, start=start, end=Week.wall(7, 0))), world


def test_D10_3_the_rules_of_then_decide_as_they_did(week: Week) -> None:
    """The week has lunches, an illness, a handover, owners, nights on duty, lapses."""
    again, world = lived_again(week, s.week_rules())

    assert decisions(again) == decisions(week.log)
    assert world.assumed.unknown_conditions == 0


def test_D10_1_the_same_question_has_the_same_answer(week: Week) -> None:
    draft = copy.deepcopy(s.week_rules())
    draft["rules"][1]["participants"][0]["coefficient"] = 7

    first, _ = lived_again(week, draft)
    second, _ = lived_again(week, draft)

    assert first == second
    assert decisions(first) != decisions(week.log)


def test_D3_1_other_coefficients_give_other_shares() -> None:
    scenario = began(rule(ANN, BOB))
    for lead in range(1, 21):
        came(scenario, lead, 10 * lead)

    events, _ = would(
        scenario, rule(participant(ANN, coefficient=7), participant(BOB, coefficient=3))
    )

    assert got(scenario.log) == {ANN: 10, BOB: 10}
    assert got(events) == {ANN: 14, BOB: 6}


def test_D5_1_leads_close_when_they_did_and_make_room_whoever_has_them() -> None:
    scenario = began(rule(ANN, BOB))
    came(scenario, 1, 10)
    came(scenario, 2, 20)
    scenario.when(reported(1, STAGES["won"], by=None, modified=at(100)), at=at(100))
    came(scenario, 3, 200)

    events, _ = would(scenario, rule(ANN, limit=limit(1)))

    assert [e.lead_id for e in events if isinstance(e, RequestDeferred)] == [2, 3]
    given = [(e.lead_id, e.manager_id) for e in events if isinstance(e, LeadAssigned)]
    assert given == [(1, ANN), (2, ANN)]


def test_D7_5_whom_a_person_gave_a_lead_to_has_it_here_too() -> None:
    scenario = began(rule(ANN))
    came(scenario, 1, 10)
    scenario.when(
        reported(1, by=CEM, modified=at(100), action="responsible", author=BOSS), at=at(100)
    )
    came(scenario, 2, 200)

    events, _ = would(scenario, rule(BOB, CEM, limit=limit(1)))

    assert got(events) == {BOB: 2}
    told = next(e for e in events if isinstance(e, LeadAssigned) and e.lead_id == 2)
    assert [(each.manager_id, each.open_leads) for each in told.standings] == [(BOB, 0), (CEM, 1)]


def test_D1_5_what_a_rule_asked_then_is_known_and_what_no_rule_asked_is_not() -> None:
    dear: dict[str, Any] = {"conditions": {"price": {"from": 5_000}}}
    scenario = began(rule(ANN, **dear), rule(BOB, rule_id="b"))
    for lead, is_met in ((1, True), (2, False)):
        moment = at(10 * lead)
        scenario.when(reported(lead, action="add", modified=moment, created=moment), at=moment)
        answer = facts(
            lead,
            modified=moment,
            outcomes=(Outcome("a", "price", is_met),),
            request_id=f"{lead}.{lead}",
        )
        scenario.when(answer, at=moment + timedelta(seconds=1))

    same, known = would(scenario, rule(CEM, rule_id="c", **dear), rule(BOB, rule_id="b"))
    other, unknown = would(
        scenario,
        rule(CEM, rule_id="c", conditions={"price": {"from": 9_000}}),
        rule(BOB, rule_id="b"),
    )

    assert got(same) == {CEM: 1, BOB: 1}
    assert known.unknown_conditions == 0
    assert got(other) == {BOB: 2}
    assert unknown.unknown_conditions == 2


def test_D3_9_kinds_are_what_they_were_found_to_be_and_else_other() -> None:
    ledger = {"account": {"kinds": [{"price": [1_000]}]}}
    scenario = Scenario(Account(ACCOUNT_ID), NOON)
    scenario.when(users(ANN, BOB, CEM, BOSS), rules(rule(ANN, BOB), ledgers=ledger))
    (dimension,) = scenario.account.configuration.kinds["account"]
    cheap, dear = dimension.numbers or ()
    for lead, number in ((1, dear), (2, cheap)):
        moment = at(10 * lead)
        scenario.when(reported(lead, action="add", modified=moment, created=moment), at=moment)
        kinds = (LedgerKinds("account", (LeadKind("price", number),)),)
        answer = facts(lead, modified=moment, request_id=f"{lead}.{lead}", kinds=kinds)
        scenario.when(answer, at=moment + timedelta(seconds=1))

    same, known = would(scenario, rule(ANN, BOB), ledgers=ledger)
    finer, unknown = would(
        scenario, rule(ANN, BOB), ledgers={"account": {"kinds": [{"price": [500, 1_000]}]}}
    )

    def told(events: list[AllocationEvent]) -> list[int]:
        return [each.kinds[0].kind for each in events if isinstance(each, LeadAssigned)]

    assert told(same) == [dear, cheap]
    assert known.unknown_kinds == 0
    assert told(finer) == [dear, 0]  # from 1,000 on is still a band, below it is none any more
    assert unknown.unknown_kinds == 1


def test_S2_what_kommo_did_not_bear_out_asks_for_nobody() -> None:
    scenario = began(rule(ANN))
    moment = at(10)
    scenario.when(reported(1, action="add", modified=moment, created=moment), at=moment)
    scenario.when(refused(1, ANN, reason="not_there"), at=at(12))

    events, _ = would(scenario, rule(BOB))

    assert [each.reason for each in scenario.log if isinstance(each, RequestClosed)] == [
        "not_there"
    ]
    assert got(events) == {}


PASSES: dict[str, Any] = {"redistribution": {"after_minutes": 30, "clock": "wall_clock"}}


def test_D7_2_a_manager_lets_lapse_what_they_let_lapse_and_works_as_soon_as_they_did() -> None:
    scenario = came(began(rule(ANN, BOB, **PASSES)), 1, 10)
    first = scenario.account.offers[1].manager_id
    over = scenario.account.timers["lapse/1"].due_at
    assert over is not None
    scenario.when(clock(scenario), at=over)
    scenario.when(read(1), at=over + timedelta(seconds=1))
    second = scenario.account.offers[1].manager_id
    set_ = patched(1, second, request="1.1", attempt=2, modified=over + timedelta(seconds=2))
    scenario.when(set_, at=over + timedelta(seconds=2))
    deed = over + timedelta(minutes=5)
    scenario.when(touch(second, happened=deed), at=deed)

    again, _ = would(scenario, rule(ANN, BOB, **PASSES))
    only, _ = would(scenario, rule(second, **PASSES))

    assert [e.manager_id for e in again if isinstance(e, LeadLapsed)] == [first]
    assert got(again) == {first: 1, second: 1}
    assert [e for e in only if isinstance(e, LeadLapsed)] == []


def test_D7_6_a_manager_passes_on_what_they_passed_on() -> None:
    scenario = came(began(rule(ANN, BOB, **PASSES)), 1, 10)
    first = scenario.account.offers[1].manager_id
    given_up = PassLeadOn(lead_id=1, by="kommo:1", reason="speaks Thai", manager_id=first)
    scenario.when(given_up, at=at(130))

    again, _ = would(scenario, rule(ANN, BOB, **PASSES))

    (lapsed,) = [e for e in again if isinstance(e, LeadLapsed)]
    assert (lapsed.manager_id, lapsed.passed_on_by is not None) == (first, True)
    assert lapsed.at - at(130) < timedelta(seconds=10)


def test_D7_1_of_whom_nobody_knows_when_they_worked_it_is_said() -> None:
    scenario = came(began(rule(ANN)), 1, 10)

    events, assumed = would(scenario, rule(BOB, **PASSES))

    assert assumed.unknown_reactions == 1
    assert not any(isinstance(e, LeadLapsed) for e in events)


def test_D1_1_a_stage_that_no_rule_covered_can_be_covered_by_a_draft() -> None:
    scenario = began(rule(ANN))
    scenario.when(reported(1, WORK, action="add", modified=at(10), created=at(10)), at=at(10))

    events, _ = would(scenario, rule(BOB, stages=(NEW, WORK)))

    assert got(events) == {BOB: 1}


def test_D1_7_leads_that_were_there_before_ask_for_nobody_here_either() -> None:
    old = NOON - 5 * HOUR
    scenario = began(rule(ANN))
    scenario.when(observed(1, modified=old, created=old, reason="baseline"), at=at(10))

    events, _ = would(scenario, rule(BOB))

    assert not any(isinstance(e, RequestOpened) for e in events)


def test_D9_2_pauses_are_as_they_were_and_what_nobody_can_take_waits() -> None:
    scenario = began(rule(ANN, BOB))
    scenario.when(pause(BOB, admin=True, until=NOON + HOUR), at=at(5))
    came(scenario, 1, 10)

    events, _ = would(scenario, rule(BOB))

    (given,) = [e for e in events if isinstance(e, LeadAssigned)]
    assert given.at >= NOON + HOUR


def test_D1_2_a_lead_that_was_deleted_ends_its_request() -> None:
    scenario = began(rule(ANN))
    came(scenario, 1, 10)
    scenario.when(missing(1), at=at(100))

    never = {"never": {"weekly": {"sun": ["03:00-03:30"]}}}
    events, _ = would(scenario, rule(participant(CEM, schedule="never")), schedules=never)

    (closed,) = [e for e in events if isinstance(e, RequestClosed)]
    assert closed.reason == "lead_deleted"


def test_D10_1_times_of_what_would_be_never_go_back(week: Week) -> None:
    again, _ = lived_again(week, s.week_rules())
    times = [recorded.event.at for recorded in again]

    assert times == sorted(times)
    assert all(isinstance(each, datetime) for each in times)
