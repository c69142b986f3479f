"""The history checker finds nothing in true histories, and each lie by its name."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from contracts.events import (
    AllocationEvent,
    AssignmentWithdrawn,
    CommandReceived,
    CommandRepeated,
    CreditMoved,
    LeadAssigned,
    LinkedDecided,
    LookupRequested,
    Recorded,
    RequestClosed,
    RequestOpened,
    TimerScheduled,
    Transfer,
)
from contracts.inbound import PostCorrection
from domain.choosing.policies import choose
from domain.choosing.standings import judge
from domain.evolve import evolve
from domain.state import Account
from domain.state.commands import KEPT_FOR
from services.history.check import check, examine
from services.history.record import Change, History, Hook, LeadInKommo, StageEntry, Write
from tests.domain import kommo_model
from tests.domain.scenario import (
    ACCOUNT_ID,
    ANN,
    BOB,
    BOSS,
    CEM,
    DAN,
    NEW,
    NOON,
    WORK,
    dp,
    reported,
)
from tests.services.history.tale import Tale, begun, decisions, founded, rewritten, tables_of, told

SECOND = timedelta(seconds=1)


def test_a_true_history_keeps_every_promise() -> None:
    verdict = examine(told().history())

    assert verdict.violations == []
    assert verdict.checks > 200


def test_I3_a_command_that_came_three_times_keeps_every_promise() -> None:
    assert check(_commanded().history()) == []


def test_I3_an_id_may_be_used_again_when_it_is_forgotten() -> None:
    tale = _commanded()
    tale.now += KEPT_FOR
    tale.tell(PostCorrection(manager_id=ANN, credit_units=6, by="a", reason=""), once="c1")

    assert check(tale.history()) == []


def test_an_unsettled_history_is_not_asked_for_its_end() -> None:
    history = begun().history()

    assert {v.invariant for v in check(history)} == {"I5"}  # nothing was pushed
    assert check(replace(history, is_settled=False)) == []


def test_D6_4_a_lead_that_follows_another_is_written_by_decision() -> None:
    tale = told()
    tale.close(2)
    decided = LinkedDecided(
        order_id="3.3/1",
        request_id="3.3",
        lead_id=3,
        handovers=(Transfer("lead", 6, BOB, CEM),),
        is_undo=False,
        by="rule",
        at=tale.now,
    )
    history = tale.history()
    write = Write(lead_id=6, manager_id=CEM, status=200, at=tale.now + SECOND)
    written = replace(history, writes=(*history.writes, write))

    assert {violation.invariant for violation in check(written)} == {"I4"}
    # Nobody asked what belongs to it, and nothing tells how that ended: those are other promises.
    told_of = check(rewritten(written, _added(written, decided)))
    assert [(violation.invariant, violation.lead_id) for violation in told_of] == [
        ("I4", 3),
        ("I2", None),
    ]


def test_an_account_that_nothing_happened_to_keeps_every_promise() -> None:
    assert check(History(account_id=ACCOUNT_ID, events=(), tables=tables_of(()))) == []


@pytest.mark.parametrize("start", range(0, 300, 50))
def test_random_histories_of_the_engine_keep_every_promise(start: int) -> None:
    for seed in range(start, start + 50):
        history = _of_model(kommo_model.History(seed).run())

        assert [str(violation) for violation in check(history)] == [], seed


def _of_model(model: kommo_model.History) -> History:
    """A random history with the log that a store would have made of it."""
    causes = [
        message.message_id
        for message, first, last in zip(
            model.messages, [0, *model.versions], model.versions, strict=False
        )
        for _ in range(last - first)
    ]
    events = tuple(
        Recorded(account_id=ACCOUNT_ID, version=version, cause=cause, event=event)
        for version, (cause, event) in enumerate(zip(causes, model.events, strict=True), 1)
    )
    return History(
        account_id=ACCOUNT_ID,
        events=events,
        inbound=tuple(model.messages),
        changes=tuple(
            Change(lead_id=lead.lead_id, old_id=None, new_id=DAN, is_ours=False, at=at)
            for lead in model.leads.values()
            for at in lead.taken
        ),
        leads=tuple(
            LeadInKommo(
                lead_id=lead.lead_id,
                stage=lead.stage,
                responsible_id=lead.responsible_id,
                is_deleted=lead.is_deleted,
            )
            for lead in model.leads.values()
        ),
        tables=tables_of(events),
    )


# How a history is spoiled ----------------------------------------------------------------------


def _changed(history: History, place: int, **fields: Any) -> list[Recorded]:
    """The log with other fields in one event."""
    events = list(history.events)
    changed: AllocationEvent = replace(events[place].event, **fields)
    events[place] = replace(events[place], event=changed)
    return events


def _added(history: History, *events: AllocationEvent, cause: str = "more") -> list[Recorded]:
    first = len(history.events) + 1
    return [
        *history.events,
        *(
            Recorded(account_id=ACCOUNT_ID, version=version, cause=cause, event=event)
            for version, event in enumerate(events, first)
        ),
    ]


def _place(history: History, kind: type[AllocationEvent], number: int = 0) -> int:
    return [p for p, r in enumerate(history.events) if isinstance(r.event, kind)][number]


def _decided_for(history: History, request_id: str, attempt: int) -> LeadAssigned:
    """A decision about a request as the engine would take it after the log, asked or not."""
    account = Account(ACCOUNT_ID)
    for recorded in history.events:
        evolve(account, recorded.event)
    rule = account.configuration.by_id["a"]
    standings = judge(account, rule, account.now)
    choice = choose(standings)
    assert choice is not None
    _, model = decisions(history)[0]
    lead_id = int(request_id.partition(".")[0])
    lead = account.leads[lead_id]
    return replace(
        model,
        request_id=request_id,
        attempt=attempt,
        turn=account.turns + 1,
        lead_id=lead_id,
        manager_id=choice.manager_id,
        responsible_before=lead.responsible_id,
        was_owner_id=lead.owner_id,
        standings=standings,
        movements=choice.movements,
        reason=choice.reason,
        at=account.now,
    )


def _with_row(history: History, table: str, place: int, **columns: Any) -> History:
    assert history.tables is not None
    rows = list(getattr(history.tables, table))
    rows[place] = {**rows[place], **columns}
    return replace(history, tables=replace(history.tables, **{table: tuple(rows)}))


def _without_row(history: History, table: str) -> History:
    assert history.tables is not None
    rows = getattr(history.tables, table)[1:]
    return replace(history, tables=replace(history.tables, **{table: rows}))


# I1: accepted is durable --------------------------------------------------------------------------


def accepted_and_nowhere() -> History:
    history = told().history()
    hook = Hook(lead_id=99, kind="webhook", stage=None, status=200, at=NOON)
    return replace(history, hooks=(*history.hooks, hook))


def accepted_and_not_in_the_events() -> History:
    return replace(accepted_and_nowhere(), inbound=None)


def accepted_twice_and_kept_once() -> History:
    history = told().history()
    return replace(history, hooks=(*history.hooks, history.hooks[0]))


# I2: nothing is lost ------------------------------------------------------------------------------


def lost_request() -> History:
    history = told().history()
    lead = LeadInKommo(lead_id=99, stage=NEW, responsible_id=BOSS)
    return replace(
        history,
        leads=(*history.leads, lead),
        entries=(*(history.entries or ()), StageEntry(lead_id=99, stage=NEW)),
    )


def lost_request_whose_trigger_was_accepted() -> History:
    history = told().history()
    lead = LeadInKommo(lead_id=99, stage=NEW, responsible_id=BOSS)
    hook = Hook(lead_id=99, kind="trigger", stage=NEW, status=200, at=NOON)
    return replace(
        history,
        leads=(*history.leads, lead),
        hooks=(*history.hooks, hook),
        set_aside_lead_ids=(99,),
    )


def undecided_request() -> History:
    history = told().history()
    opened = replace(
        history.events[_place(history, RequestOpened)].event,
        request_id="6.9",
        lead_id=6,
        at=history.events[-1].event.at,
    )
    return replace(rewritten(history, _added(history, opened)), entries=None)


def waiting_request_that_nobody_looks_at() -> History:
    history = replace(begun().history(), is_settled=False)
    timer = history.events[_place(history, TimerScheduled, -1)].event
    return rewritten(
        history,
        _added(history, replace(timer, generation=99, due_at=None)),
    )


# I3: nothing is decided twice ---------------------------------------------------------------------


def second_decision() -> History:
    tale = told()
    tale.close(2)
    history = replace(tale.history(), is_settled=False)
    return rewritten(history, _added(history, _decided_for(history, "3.3", attempt=2)))


def decision_after_the_end() -> History:
    tale = told()
    tale.close(2)
    history = replace(tale.history(), is_settled=False)
    return rewritten(history, _added(history, _decided_for(history, "4.4", attempt=2)))


def decision_that_nobody_asked_for() -> History:
    tale = told()
    tale.close(2)
    history = replace(tale.history(), is_settled=False)
    events = _added(history, _decided_for(history, "3.77", attempt=1))
    return replace(history, events=tuple(events), inbound=None, snapshots=(), tables=None)


def two_requests_for_one_entry() -> History:
    tale = told()
    tale.close(2)
    for stage in (WORK, NEW):
        tale.now += SECOND
        tale.tell(reported(3, stage, by=tale.leads[3].responsible_id, modified=tale.now))
    tale.push(3)
    return tale.history()


def _commanded() -> Tale:
    """A true history in which a correction came three times."""
    tale = told()
    for _ in range(3):
        tale.tell(PostCorrection(manager_id=ANN, credit_units=6, by="a", reason=""), once="c1")
    return tale


def _command_again(*kinds: type[AllocationEvent]) -> History:
    """The same with some of what the first one came to once more, under the same id."""
    history = _commanded().history()
    now = history.events[-1].event.at
    answer = [recorded.event for recorded in history.events if recorded.cause == "c1"]
    again = [replace(event, at=now) for event in answer if isinstance(event, kinds)]
    for event in tuple(again):
        if isinstance(event, CreditMoved):  # and back: the books shall balance
            back = tuple((manager, -units) for manager, units in event.movements)
            again.append(replace(event, movements=back))
    return rewritten(history, _added(history, *again, cause="c1"))


def command_taken_up_twice() -> History:
    return _command_again(CommandReceived)


def command_with_two_effects() -> History:
    return _command_again(CreditMoved)


def repeat_of_another_command() -> History:
    history = _commanded().history()
    place = _place(history, CommandRepeated)
    return rewritten(history, _changed(history, place, first_version=1))


# I4: decide, record, then act ---------------------------------------------------------------------


def act_before_its_record() -> History:
    history = told().history()
    first = replace(history.writes[0], at=NOON)
    return replace(history, writes=(first, *history.writes[1:]))


def act_without_a_decision() -> History:
    history = told().history()
    write = replace(history.writes[0], manager_id=DAN)
    return replace(history, writes=(*history.writes, write))


def act_done_twice() -> History:
    history = told().history()
    return replace(history, writes=(*history.writes, history.writes[0]))


# I5: Kommo converges, a person always wins --------------------------------------------------------


def overwritten_person() -> History:
    history = told().history()
    withdrawn = history.events[_place(history, AssignmentWithdrawn)].event
    assert isinstance(withdrawn, AssignmentWithdrawn)
    write = replace(
        history.writes[0],
        lead_id=withdrawn.lead_id,
        manager_id=withdrawn.manager_id,
        at=withdrawn.at + 10 * SECOND,
    )
    return replace(history, writes=(*history.writes, write))


def decision_that_kommo_does_not_hold() -> History:
    history = told().history()
    leads = [
        replace(lead, responsible_id=DAN) if lead.lead_id == 3 else lead for lead in history.leads
    ]
    return replace(history, leads=tuple(leads))


def lead_that_changed_hands_by_nobody() -> History:
    history = told().history()  # a person took lead 2 in the end
    ours = [change for change in history.changes if change.is_ours or change.lead_id != 2]
    return replace(history, changes=tuple(ours))


def decision_that_is_never_settled() -> History:
    history = begun().history()
    return replace(history, leads=())


# I6: one writer -----------------------------------------------------------------------------------


def version_gap() -> History:
    history = told().history()
    events = [*history.events[:9], *(replace(r, version=r.version + 1) for r in history.events[9:])]
    return replace(history, events=tuple(events), snapshots=())


def version_twice() -> History:
    history = told().history()
    events = [*history.events[:-1], replace(history.events[-1], version=len(history.events) - 1)]
    return replace(history, events=tuple(events))


def event_of_another_account() -> History:
    history = told().history()
    events = [*history.events[:-1], replace(history.events[-1], account_id=8)]
    return replace(history, events=tuple(events))


# I7: replay is exact ------------------------------------------------------------------------------


def snapshot_of_another_state() -> History:
    history = told().history()
    wrong = replace(history.snapshots[0], digest=bytes(32))
    return replace(history, snapshots=(wrong,))


def snapshot_that_leads_elsewhere() -> History:
    history = told().history()
    wrong = replace(
        history.snapshots[0], state=history.snapshots[0].state.replace(b'"UTC"', b'"GMT"')
    )
    return replace(history, snapshots=(wrong,))


def decision_that_cannot_be_taken_again() -> History:
    history = told().history()
    place, event = decisions(history)[0]
    reason = "longest_wait" if event.reason != "longest_wait" else "largest_credit"
    return rewritten(history, _changed(history, place, reason=reason))


def messages_in_another_order() -> History:
    history = told().history()
    inbound = list(history.inbound or ())
    place = next(p for p, m in enumerate(inbound) if m.body == dp(2, NEW))
    inbound[place - 1], inbound[place + 1] = inbound[place + 1], inbound[place - 1]
    return replace(history, inbound=tuple(inbound), hooks=())


def event_without_a_message() -> History:
    history = told().history()
    return replace(history, inbound=(history.inbound or ())[:-1], hooks=())


# I8: the books balance ----------------------------------------------------------------------------


def unbalanced_ledger() -> History:
    history = told().history()
    moved = CreditMoved(
        ledger="account",
        movements=((ANN, 5),),
        reason="corrected",
        by="admin",
        note="",
        at=history.events[-1].event.at,
    )
    return rewritten(history, _added(history, moved))


def refund_that_is_not_what_was_paid() -> History:
    tale = founded()
    tale.enter(1)
    tale.take(1, BOSS + 1)
    history = tale.history()
    place = _place(history, AssignmentWithdrawn)
    return rewritten(history, _changed(history, place, movements=((ANN, 1), (BOB, -1))))


def wrong_load() -> History:
    history = told().history()
    assert history.tables is not None
    return _with_row(
        history, "open_leads", 0, open_leads=history.tables.open_leads[0]["open_leads"] + 1
    )


def load_that_is_missing() -> History:
    return _without_row(told().history(), "open_leads")


def decision_on_a_wrong_load() -> History:
    history = told().history()
    place, event = decisions(history)[0]
    standings = tuple(s._replace(open_leads=s.open_leads + 1) for s in event.standings)
    return rewritten(history, _changed(history, place, standings=standings))


# I9: views are derived ----------------------------------------------------------------------------


def request_shown_otherwise() -> History:
    return _with_row(told().history(), "requests", 0, state="waiting")


def assignment_that_is_not_shown() -> History:
    return _without_row(told().history(), "assignments")


def timer_shown_otherwise() -> History:
    return _with_row(told().history(), "timers", 0, generation=77)


def share_counted_otherwise() -> History:
    return _with_row(told().history(), "shares", 0, assigned=77)


# I10: order ---------------------------------------------------------------------------------------


def overtaken_request() -> History:
    tale = begun()
    tale.enter(6)
    history = replace(tale.history(), is_settled=False)
    withdrawn_of = decisions(history)[0][1]
    room = AssignmentWithdrawn(
        request_id=withdrawn_of.request_id,
        attempt=1,
        lead_id=withdrawn_of.lead_id,
        manager_id=withdrawn_of.manager_id,
        reason="taken_by_person",
        detail="",
        ledger="account",
        movements=tuple((m, -units) for m, units in withdrawn_of.movements),
        stage=NEW,
        owner_id=BOSS,
        at=history.events[-1].event.at,
    )
    closed = RequestClosed(
        request_id=withdrawn_of.request_id,
        lead_id=withdrawn_of.lead_id,
        reason="taken_by_person",
        detail="",
        at=room.at,
    )
    freed = rewritten(history, _added(history, room, closed))
    return rewritten(freed, _added(freed, _decided_for(freed, "6.6", attempt=1)))


def time_that_goes_back() -> History:
    history = told().history()
    lookup = LookupRequested(lead_id=3, reason="same_second", at=NOON)
    return rewritten(history, _added(history, lookup))


def turn_that_is_skipped() -> History:
    history = told().history()
    place, event = decisions(history)[-1]
    spoiled = _changed(history, place, turn=event.turn + 1)
    return rewritten(history, spoiled)


BAD: dict[str, tuple[Callable[[], History], ...]] = {
    "I1": (accepted_and_nowhere, accepted_and_not_in_the_events, accepted_twice_and_kept_once),
    "I2": (
        lost_request,
        lost_request_whose_trigger_was_accepted,
        undecided_request,
        waiting_request_that_nobody_looks_at,
    ),
    "I3": (
        second_decision,
        decision_after_the_end,
        decision_that_nobody_asked_for,
        two_requests_for_one_entry,
        command_taken_up_twice,
        command_with_two_effects,
        repeat_of_another_command,
    ),
    "I4": (act_before_its_record, act_without_a_decision, act_done_twice),
    "I5": (
        overwritten_person,
        decision_that_kommo_does_not_hold,
        lead_that_changed_hands_by_nobody,
        decision_that_is_never_settled,
    ),
    "I6": (version_gap, version_twice, event_of_another_account),
    "I7": (
        snapshot_of_another_state,
        snapshot_that_leads_elsewhere,
        decision_that_cannot_be_taken_again,
        messages_in_another_order,
        event_without_a_message,
    ),
    "I8": (
        unbalanced_ledger,
        refund_that_is_not_what_was_paid,
        wrong_load,
        load_that_is_missing,
        decision_on_a_wrong_load,
    ),
    "I9": (
        request_shown_otherwise,
        assignment_that_is_not_shown,
        timer_shown_otherwise,
        share_counted_otherwise,
    ),
    "I10": (overtaken_request, time_that_goes_back, turn_that_is_skipped),
}
CASES = [(invariant, spoil) for invariant, spoils in BAD.items() for spoil in spoils]


@pytest.mark.parametrize(
    ("invariant", "spoil"), CASES, ids=[f"{name}-{spoil.__name__}" for name, spoil in CASES]
)
def test_a_spoiled_history_breaks_exactly_its_promise(
    invariant: str, spoil: Callable[[], History]
) -> None:
    violations = check(spoil())

    assert {violation.invariant for violation in violations} == {invariant}, [*map(str, violations)]


def test_there_is_a_bad_history_for_every_promise() -> None:
    assert list(BAD) == [f"I{number}" for number in range(1, 11)]
