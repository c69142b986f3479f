"""One message in, its events out: the only entrance to the rules (D10.1)."""

from typing import assert_never

from contracts.events import AllocationEvent
from contracts.inbound import (
    Command,
    DescribeAccount,
    FactsRead,
    Inbound,
    LeadAnnounced,
    LeadMissing,
    LeadObserved,
    LeadRemoved,
    LeadReported,
    LeadsListed,
    LinkedFound,
    LinkedSettled,
    NoticeSettled,
    ResponsibleRefused,
    ResponsibleSet,
    StayedSuspended,
    TaskRemoved,
    TaskReported,
    TasksListed,
    TimerDue,
    TouchesRead,
    TouchReported,
    TriggerFired,
)
from domain.carry_out import carry_out
from domain.commands import description, pauses, repeats
from domain.leads import answers, facts, reconciliation, removal, reports, task_reports
from domain.linked import transfers
from domain.notices import telling
from domain.redistribution import clocks, shift_end, touches
from domain.requests import backlog, prepared, stalls, suspension
from domain.state import Account
from domain.step import Step
from domain.timers import schedule


def decide(account: Account, message: Inbound) -> tuple[AllocationEvent, ...]:
    """Answer one message, and advance the account by the answer.

    An empty answer means that the message has already taken effect (D1.3). Whoever cannot store
    the events must drop the account and load it again: it has moved on.
    """
    step = Step(account, message.message_id, max(account.now, message.at))
    if not repeats.is_repeated(step, message):
        _dispatch(step, message)
    if account.requests.preparing and prepared.is_overdue(step):
        prepared.decide_unread(step)
    if account.requests.reserved:
        backlog.serve_reserved(step)
    if account.requests.waiting and backlog.is_drain_due(step):
        backlog.drain(step)
    clocks.settle_clocks(step)
    shift_end.settle_shifts(step)
    stalls.end_stalls(step)
    return tuple(step.events)


def _dispatch(step: Step, message: Inbound) -> None:  # noqa: C901, PLR0912 - a case per message
    body = message.body
    if isinstance(body, Command):
        carry_out(step, body)
        return
    match body:
        case TriggerFired():
            reports.on_trigger(step, body)
        case LeadReported():
            reports.on_reported(step, body)
            touches.on_reported(step, body)
        case ResponsibleSet():
            answers.on_set(step, body)
        case LeadAnnounced():
            reports.on_announced(step, body)
        case LeadObserved():
            reports.on_observed(step, body, message.at)
        case FactsRead():
            facts.on_facts(step, body)
        case LinkedFound():
            transfers.on_found(step, body)
        case LinkedSettled():
            transfers.on_settled(step, body)
        case NoticeSettled():
            telling.on_settled(step, body)
        case LeadRemoved() | LeadMissing():
            removal.on_removed(step, body)
        case ResponsibleRefused():
            answers.on_refused(step, body)
        case LeadsListed():
            reconciliation.on_listed(step, body)
        case TouchReported():
            touches.on_touch(step, body)
        case TaskReported():
            task_reports.on_reported(step, body)
        case TaskRemoved():
            task_reports.on_removed(step, body)
        case TasksListed():
            task_reports.on_listed(step, body)
        case TouchesRead():
            clocks.on_read(step, body)
        case TimerDue():
            _on_timer(step, body)
        case StayedSuspended():
            suspension.on_suspended(step, body)
        case DescribeAccount():
            description.describe_account(step, body)
        case _:
            assert_never(body)


def _on_timer(step: Step, message: TimerDue) -> None:
    timer = step.account.timers.get(message.timer_id)
    if timer is None or timer.generation != message.generation or timer.due_at is None:
        return
    if timer.due_at > step.now:  # the clock runs ahead of the log: ask once more
        schedule(step, message.timer_id, timer.due_at, again=True)
        return
    purpose, _, subject = message.timer_id.partition("/")
    if purpose == "pause":
        pauses.end_pause(step, int(subject))
    elif purpose == "lapse":
        clocks.on_clock(step, int(subject))
    elif purpose == shift_end.SHIFT_TIMER:
        shift_end.on_shift_end(step, subject)
    elif purpose == "look":
        step.has_room = True
    elif purpose == backlog.MORE_TIMER:
        schedule(step, backlog.MORE_TIMER, None)
        step.has_room = True
