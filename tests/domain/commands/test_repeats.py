"""A command takes effect once, however often, late and mixed it comes (I3, A5.2)."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import get_args

import pytest
from hypothesis import given as any_of
from hypothesis import strategies as st

from contracts.events import LEAD, AllocationEvent, CommandReceived, CommandRepeated, Transfer
from contracts.inbound import (
    ApplyRules,
    Command,
    DistributeLeads,
    HandOverLeads,
    PassLeadOn,
    PostCorrection,
    TakeLead,
    UndoTransfers,
)
from domain.commands.repeats import NAMES
from domain.decide import decide
from domain.snapshot import dump, load
from domain.state import Account, commands
from domain.state.commands import KEPT_FOR
from tests.domain.scenario import (
    ACCOUNT_ID,
    ANN,
    BOB,
    CEM,
    NOON,
    Scenario,
    at,
    dp,
    given,
    pause,
    resume,
    rule,
    rules,
)

MOVED = "moved corrected: {501: 1000000000, 502: -1000000000}"
SECOND = timedelta(seconds=1)


def correct(units: int = LEAD) -> PostCorrection:
    return PostCorrection(manager_id=ANN, credit_units=units, by="person:7", reason="holiday")


def test_I3_a_correction_that_comes_twice_under_one_id_moves_credit_once() -> None:
    scenario = given().when(correct(), once="c1")
    scenario.then("correct c1 by person:7", MOVED)

    scenario.when(correct(), once="c1").then("repeated c1, first in version 3")
    assert scenario.credits() == {ANN: LEAD, BOB: -LEAD}


def test_I3_the_same_correction_under_another_id_is_another_one() -> None:
    scenario = given().when(correct(), once="c1").when(correct(), once="c2")

    assert scenario.credits() == {ANN: 2 * LEAD, BOB: -2 * LEAD}


def test_I3_a_late_repeat_does_not_bring_old_rules_back() -> None:
    old, new = rules(rule(ANN, BOB, CEM)), rules(rule(ANN))
    scenario = given().when(old, once="r1").when(new, once="r2")

    scenario.when(old, once="r1").then("repeated r1, first in version 3")
    assert scenario.account.rules_data == new.rules


def test_I3_rules_that_were_in_force_already_do_not_come_back_by_a_repeat() -> None:
    same, new = rules(rule(ANN, BOB)), rules(rule(ANN))
    scenario = given(rules=same).when(same, once="r1")
    scenario.then("apply_rules r1 by admin")
    scenario.when(new, once="r2")

    scenario.when(same, once="r1").then("repeated r1, first in version 3")
    assert scenario.account.rules_data == new.rules


def test_I3_a_repeated_pause_does_not_take_out_whoever_was_put_back_since() -> None:
    scenario = given().when(pause(ANN), once="p1").when(resume(ANN), once="p2")

    scenario.when(pause(ANN), once="p1").then("repeated p1, first in version 3")
    assert scenario.account.pauses == {}


def test_I3_what_was_refused_stays_refused_when_it_comes_again() -> None:
    scenario = given(rules=rules(rule(ANN))).when(correct(), once="c1")
    scenario.then("correct c1 by person:7", "refused correct: nobody_bears_it")
    scenario.when(rules(rule(ANN, BOB)))

    scenario.when(correct(), once="c1").then("repeated c1, first in version 3")
    assert scenario.credits() == {}


def test_I3_a_command_without_the_promise_is_answered_as_before() -> None:
    given().when(correct(), correct()).then(MOVED, MOVED)


def test_A5_7_rules_made_for_another_revision_are_refused_as_a_fact() -> None:
    def made_for(base: int, *managers: int) -> ApplyRules:
        return replace(rules(rule(*managers)), base_revision=base)

    scenario = given().when(made_for(1, ANN), made_for(1, BOB))
    scenario.then("rules 2 by admin", "refused apply_rules: revision_moved, base 1, revision 2")
    assert scenario.account.rules_data == made_for(1, ANN).rules

    scenario.when(made_for(1, ANN)).then()  # in force already, whatever they were made for
    scenario.when(made_for(2, BOB)).then("rules 3 by admin")


def test_the_first_rules_are_made_for_revision_0() -> None:
    first = Scenario(Account(ACCOUNT_ID), NOON)

    first.when(replace(rules(rule(ANN)), base_revision=0)).then("rules 1 by admin")


def test_I13_ids_are_kept_for_seven_days_by_the_time_of_the_messages() -> None:
    scenario = given().when(correct(), once="c1")

    scenario.when(correct(), once="c1", at=NOON + KEPT_FOR - SECOND)
    assert isinstance(scenario.answer[0], CommandRepeated)
    scenario.when(correct(), once="c2", at=NOON + KEPT_FOR)
    assert list(scenario.account.commands) == ["c2"]
    scenario.when(correct(), once="c1").then("correct c1 by person:7", MOVED)


def test_I13_of_too_many_ids_the_oldest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "COMMANDS_MAX", 3)
    scenario = given()
    for number in range(5):
        scenario.when(resume(ANN), once=f"p{number}", at=at(number))

    assert list(scenario.account.commands) == ["p2", "p3", "p4"]


def test_F83_a_snapshot_keeps_the_ids_in_their_order() -> None:
    scenario = given().when(correct(), once="z").when(correct(), once="a", at=at(1))

    restored = load(dump(scenario.account))

    assert list(restored.commands) == ["z", "a"]
    assert restored == scenario.account


def test_every_command_has_a_name() -> None:
    assert set(NAMES) == set(get_args(Command))


def _orders() -> Iterator[Command]:
    yield correct()
    yield rules(rule(ANN, BOB, CEM))
    yield rules(rule(BOB, CEM))
    yield pause(ANN)
    yield resume(ANN)
    yield DistributeLeads(lead_ids=(1, 2), by="cli:root")
    yield HandOverLeads(handover_id="h", manager_id=ANN, lead_ids=(1,), by="cli:root")
    yield UndoTransfers(
        request_id="1.1", lead_id=1, handovers=(Transfer("contact", 8, ANN, BOB),), by="cli:root"
    )
    yield PassLeadOn(lead_id=1, by="cli:root", reason="")
    yield TakeLead(lead_id=1, by="cli:root")


ORDERS = tuple(_orders())


def _effects(events: list[AllocationEvent]) -> list[AllocationEvent]:
    """What happened, without what was dropped; versions in it count what was dropped, too."""
    return [each for each in events if not isinstance(each, CommandRepeated)]


@any_of(st.data())
def test_I3_any_mix_of_repeats_has_the_effect_of_the_first_ones(data: st.DataObject) -> None:
    """Each order once in some order, and then any of those before it again, in between."""
    first = data.draw(st.permutations(range(len(ORDERS))))
    plain, mixed = given(dp(1)), given(dp(1))
    for place, number in enumerate(first):
        moment = at(10 * (place + 1))
        plain.when(ORDERS[number], once=f"o{number}", at=moment)
        mixed.when(ORDERS[number], once=f"o{number}", at=moment)
        for again in data.draw(st.lists(st.sampled_from(first[: place + 1]), max_size=4)):
            mixed.when(ORDERS[again], once=f"o{again}", at=moment)
        if data.draw(st.booleans()):  # whoever decides died, and goes on from a snapshot
            mixed.account = load(dump(mixed.account))

    effects = _effects(mixed.log)
    assert [type(each) for each in effects] == [type(each) for each in _effects(plain.log)]
    received = [each.message_id for each in effects if isinstance(each, CommandReceived)]
    assert sorted(received) == [f"o{number}" for number in range(len(ORDERS))]
    for what in ("credits", "rules_data", "pauses", "revision", "leads", "turns"):
        assert getattr(mixed.account, what) == getattr(plain.account, what), what


@any_of(st.lists(st.sampled_from(range(len(ORDERS))), min_size=1, max_size=12))
def test_I7_a_history_with_repeats_is_decided_the_same_again(numbers: list[int]) -> None:
    told = given(dp(1))
    for number in numbers:
        told.when(ORDERS[number], once=f"o{number}")

    again = Account(ACCOUNT_ID)
    events = [event for message in told.heard for event in decide(again, message)]

    assert events == told.log
    assert dump(again) == dump(told.account)
