"""One message in, its events out: the only entrance to the rules (D10.1)."""

from typing import assert_never

from contracts.events import AllocationEvent
from contracts.inbound import (
    ApplyRules,
    DescribeAccount,
    DistributeLeads,
    FactsRead,
    HandOverLeads,
    Inbound,
    LeadMissing,
    LeadObserved,
    LeadRemoved,
    LeadReported,
    LeadsListed,
    LinkedFound,
    LinkedSettled,
    PauseManager,
    PostCorrection,
    ResponsibleRefused,
    ResponsibleSet,
    ResumeManager,
    TimerDue,
    TouchesRead,
    TouchReported,
    TriggerFired,
    UndoHandovers,
)
from domain import commands, leads, linked, orders, reconciliation, redistribution, touches
from domain.account import Account
from domain.preparation import decide_unread, is_overdue, on_facts
from domain.requests import MORE_TIMER, drain, is_drain_due, serve_reserved
from domain.stalls import end_stalls
from domain.step import Step
from domain.timers import schedule


def decide(account: Account, message: Inbound) -> tuple[AllocationEvent, ...]:
    """Answer one message, and advance the account by the answer.

    An empty answer means that the message has already taken effect (D1.3). Whoever cannot store
    the events must drop the account and load it again: it has moved on.
    """
    step = Step(account, message.message_id, max(account.now, message.at))
    _dispatch(step, message)
    if account.preparing and is_overdue(step):
        decide_unread(step)
    if account.reserved:
        serve_reserved(step)
    if account.waiting and is_drain_due(step):
        drain(step)
    redistribution.settle_clocks(step)
    end_stalls(step)
    return tuple(step.events)


def _dispatch(step: Step, message: Inbound) -> None:  # noqa: C901, PLR0912 - a case per message
    body = message.body
    match body:
        case TriggerFired():
            leads.on_trigger(step, body)
        case LeadReported():
            leads.on_reported(step, body)
            touches.on_reported(step, body)
        case ResponsibleSet():
            leads.on_set(step, body)
        case LeadObserved():
            leads.on_observed(step, body, message.at)
        case FactsRead():
            on_facts(step, body)
        case LinkedFound():
            linked.on_found(step, body)
        case LinkedSettled():
            linked.on_settled(step, body)
        case UndoHandovers():
            commands.undo_handovers(step, body)
        case LeadRemoved() | LeadMissing():
            leads.on_removed(step, body)
        case ResponsibleRefused():
            leads.on_refused(step, body)
        case LeadsListed():
            reconciliation.on_listed(step, body)
        case TouchReported():
            touches.on_touch(step, body)
        case TouchesRead():
            redistribution.on_read(step, body)
        case DistributeLeads():
            orders.distribute(step, body)
        case HandOverLeads():
            orders.hand_over(step, body)
        case TimerDue():
            _on_timer(step, body)
        case DescribeAccount():
            commands.describe_account(step, body)
        case ApplyRules():
            commands.apply_rules(step, body)
        case PauseManager():
            commands.pause(step, body)
        case ResumeManager():
            commands.resume(step, body)
        case PostCorrection():
            commands.post_correction(step, body)
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
        commands.end_pause(step, int(subject))
    elif purpose == "lapse":
        redistribution.on_clock(step, int(subject))
    elif purpose == "look":
        step.has_room = True
    elif purpose == MORE_TIMER:
        schedule(step, MORE_TIMER, None)
        step.has_room = True
