"""How each event changes an account. `evolve` never refuses: history has happened."""

from typing import assert_never

from contracts.events import (
    AccountDescribed,
    AllocationEvent,
    AssignmentConfirmed,
    AssignmentWithdrawn,
    CommandReceived,
    CommandRefused,
    CommandRepeated,
    CreditMoved,
    DistributionOrdered,
    HandoverOrdered,
    LeadAssigned,
    LeadDeleted,
    LeadLapsed,
    LeadSeen,
    LeadTouched,
    LinkedChanged,
    LinkedDecided,
    LinkedLeft,
    LinkedRequested,
    LookupRequested,
    ManagerFoundInactive,
    ManagerPaused,
    ManagerResumed,
    NoticeLeft,
    NoticeRequested,
    NoticeWritten,
    ReadingRequested,
    RequestClosed,
    RequestDeferred,
    RequestOpened,
    RequestPrepared,
    RequestReserved,
    RuleRevived,
    RulesApplied,
    RuleStalled,
    TasksCounted,
    TimerScheduled,
    TouchesRequested,
    TriggerFellSilent,
    TriggerHeard,
)
from domain.evolve import (
    decisions,
    leads,
    ledger,
    offers,
    registries,
    requests,
    silences,
    told,
    transfers,
)
from domain.limits.tasks import OpenTask, Tasks
from domain.state import LAPSE_TIMER, Account, OpenNotice, Pause, Taken, Timer
from domain.state.commands import remember


def evolve(account: Account, event: AllocationEvent) -> None:  # noqa: C901, PLR0912, PLR0915 - a case per event
    """Fold the next event of the log into the state."""
    account.version += 1
    account.now = max(account.now, event.at)
    told.fold(account, event)
    match event:
        case LeadSeen():
            leads.seen(account, event)
            silences.reached(account, event.source, event.at)
        case LeadDeleted():
            leads.deleted(account, event)
        case LookupRequested():
            leads.lookup_requested(account, event)
        case RequestOpened():
            requests.opened(account, event)
            silences.entered(account, event)
            silences.reached(account, event.source, event.at)
        case ReadingRequested():
            requests.reading_requested(account, event)
        case RequestPrepared():
            requests.prepared(account, event)
        case RequestReserved():
            requests.reserved(account, event)
        case RequestDeferred():
            requests.deferred(account, event)
        case RequestClosed():
            requests.forget(account, event.request_id)
        case LeadAssigned():
            decisions.assigned(account, event)
        case AssignmentConfirmed():
            decisions.confirmed(account, event)
        case AssignmentWithdrawn():
            decisions.withdrawn(account, event)
        case LinkedRequested():
            account.linking[event.order_id] = event
        case LinkedDecided():
            transfers.decided(account, event)
        case LinkedChanged() | LinkedLeft():
            transfers.settled(account, event)
        case NoticeRequested():
            account.notices[event.order_id, event.kind] = OpenNotice.of(event)
        case NoticeWritten() | NoticeLeft():
            account.notices.pop((event.order_id, event.kind), None)
        case CreditMoved():
            ledger.moved(account, event)
        case TasksCounted():
            _tasks_counted(account, event)
        case TimerScheduled(due_at=None) if event.timer_id.startswith(LAPSE_TIMER):
            account.timers.pop(event.timer_id, None)
        case TimerScheduled():
            account.timers[event.timer_id] = Timer(generation=event.generation, due_at=event.due_at)
        case ManagerPaused():
            account.pauses[event.manager_id] = Pause(
                by_administrator=event.by_administrator, until=event.until
            )
        case ManagerResumed():
            account.pauses.pop(event.manager_id, None)
        case ManagerFoundInactive():
            refused = sorted({*account.refused_user_ids, event.manager_id})
            account.refused_user_ids = tuple(refused)
            account.refusals.pop(event.manager_id, None)
        case AccountDescribed():
            _described(account, event)
        case RulesApplied():
            _rules_applied(account, event)
        case RuleStalled():
            account.stalled = tuple(sorted({*account.stalled, event.rule_id}))
        case RuleRevived():
            account.stalled = tuple(r for r in account.stalled if r != event.rule_id)
        case TriggerFellSilent():
            silences.fell_silent(account, event)
        case TriggerHeard():
            silences.heard(account, event)
        case CommandReceived():
            taken = Taken(version=account.version, at=event.at)
            remember(account.commands, event.message_id, taken)
        case (
            DistributionOrdered()
            | HandoverOrdered()
            | CommandRepeated()
            | CommandRefused()
            | TouchesRequested()
            | LeadTouched()
            | LeadLapsed()
        ):
            pass
        case _:
            assert_never(event)
    offers.fold(account, event)


def _described(account: Account, event: AccountDescribed) -> None:
    account.timezone = event.timezone
    account.active_user_ids = tuple(sorted(event.active_user_ids))
    account.refused_user_ids = ()
    account.limited = {access.user_id: access for access in event.limited}
    account.refusals = {}
    account.began_at = event.began_at or account.began_at
    account.connected_at = account.connected_at or event.at
    account.compile()


def _rules_applied(account: Account, event: RulesApplied) -> None:
    """Put the rules in force, and forget what none of them keeps any more."""
    account.revision, account.rules_data = event.revision, event.rules
    account.compile()
    rules = account.configuration.rules
    catching_up = {rule.ledger for rule in rules if rule.catch_up_units}
    paced = {rule.rule_id for rule in rules if rule.pace is not None}
    account.missed = {name: m for name, m in account.missed.items() if name in catching_up}
    account.releases = {rule_id: r for rule_id, r in account.releases.items() if rule_id in paced}
    silences.keep_silences(account)
    ledger.keep_kinds(account)
    registries.keep_registries(account)
    account.given = account.given if account.configuration.given_kept_quarters else {}
    account.tasks = account.tasks if account.configuration.counts_tasks else Tasks()
    account.again = account.again if account.configuration.makes_tasks else {}
    if account.configuration.trusts_webhooks:
        account.told, account.given_up = {}, {}


def _tasks_counted(account: Account, event: TasksCounted) -> None:
    tasks = account.tasks
    for change in event.changes:
        manager_id, modified_at = change.manager_id, change.modified_at
        if manager_id is None or modified_at is None:
            tasks.put(change.task_id, None)
        else:
            task = OpenTask(manager_id, change.due_at, modified_at, change.is_missed)
            tasks.put(change.task_id, task)
    tasks.is_known = tasks.is_known or event.is_whole
