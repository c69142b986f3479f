"""What hooks and readings say of leads: which report is new, stale or in doubt, and what follows.

Webhooks repeat, overtake each other and carry times of whole seconds, or none (F27 to F29). A
stage and a responsible only move forward by Kommo's own times; what cannot be told older from
newer is read from Kommo before anything is believed.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from contracts.events import (
    AssignmentConfirmed,
    CloseReason,
    LeadDeleted,
    LeadSeen,
    LookupRequested,
    ManagerFoundInactive,
    RequestSource,
)
from contracts.inbound import (
    LeadMissing,
    LeadObserved,
    LeadRemoved,
    LeadReported,
    ResponsibleRefused,
    ResponsibleSet,
    TriggerFired,
)
from contracts.stage import CLOSED_STATUSES, Stage
from domain.account import CLOCK_SLACK, REMEMBERED_FOR, TOLD_GONE, Account, Lead
from domain.linked import follow
from domain.requests import close_request, open_request, place, route, withdraw
from domain.step import Step

Source = Literal["dp_hook", "dp_widget", "webhook", "baseline", "sweep", "lookup"]
DeletedBy = Literal["webhook", "lookup", "own_write"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One statement about a lead, wherever it came from.

    Attributes:
        at: Kommo's time of the statement, None if it carries none.
        is_entry: Whether the lead just entered the stage, as far as the source can tell; for a
            lead already known the state tells it better.
        is_move: The source says that the lead came into the stage at `at`, not just is there.
        is_handover: The source speaks of the responsible, not of whatever else was edited at
            `at`: only that can tell a person's choice from the state before our decision.
        is_certain: Read from Kommo after we asked, so equal times leave no doubt.
        is_taken: Whoever is responsible was made so since the lead came into the stage, by a
            person or by a decision that is lost: it asks for nobody (F79).
    """

    lead_id: int
    stage: Stage
    responsible_id: int | None
    at: datetime | None
    source: Source
    is_entry: bool
    is_move: bool = False
    is_handover: bool = False
    is_certain: bool = False
    is_taken: bool = False


def on_trigger(step: Step, message: TriggerFired) -> None:
    """A trigger fired for a lead; a repeat for the same entry changes nothing (D1.3)."""
    lead = step.account.leads.get(message.lead_id)
    report = Report(
        lead_id=message.lead_id,
        stage=message.stage,
        responsible_id=lead.responsible_id if lead else None,
        at=message.occurred_at,
        source=message.source,
        is_entry=True,
        is_move=True,
    )
    if message.lead_id in step.account.gone:
        _look_up(step, message.lead_id, "trigger_after_end")
    elif lead is None:
        _apply(step, None, report)
    elif lead.stage == message.stage:
        if lead.request_id is None:
            _apply(step, lead, report)
    elif _is_before(message.occurred_at, lead.stage_at):
        return
    elif _is_believable(lead, message):
        _apply(step, lead, report)
    else:
        _look_up(step, message.lead_id, "trigger_may_be_late")


def _is_believable(lead: Lead, message: TriggerFired) -> bool:
    """Whether a trigger for another stage than the known one is surely news.

    Without a time it may be up to 95 minutes late (F29): it is believed only if it continues what
    is known, and if it cannot be the repeat of a trigger for an earlier entry.
    """
    if message.stage not in lead.asked and message.old_stage == lead.stage:
        return True
    known = (lead.stage_at, lead.doubtful_until)
    return lead.stage_at is not None and all(
        at is None or _is_after(message.occurred_at, at) for at in known
    )


def on_reported(step: Step, message: LeadReported) -> None:
    """An account webhook told the present fields of a lead."""
    _on_report(
        step,
        Report(
            lead_id=message.lead_id,
            stage=message.stage,
            responsible_id=message.responsible_id,
            at=message.modified_at,
            source="webhook",
            is_entry=message.action in ("add", "status")
            or _is_new(step.account, message.created_at),
            is_move=message.action in ("add", "status"),
            is_handover=message.action == "responsible",
        ),
    )


def on_observed(step: Step, message: LeadObserved, at: datetime) -> None:
    """Kommo was read; `at` is when."""
    account = step.account
    asked_at = account.lookups.get(message.lead_id)
    _on_report(
        step,
        Report(
            lead_id=message.lead_id,
            stage=message.stage,
            responsible_id=message.responsible_id,
            at=message.modified_at,
            source=message.reason,
            is_entry=_is_new(account, message.created_at),
            is_handover=True,
            is_certain=message.reason == "lookup" and asked_at is not None and at >= asked_at,
            is_taken=message.is_taken,
        ),
    )


def on_removed(step: Step, message: LeadRemoved | LeadMissing) -> None:
    """The lead does not exist any more; its request ends with that reason.

    What tells of a deletion without being asked carries no time, and may come after the lead was
    taken out of the bin again (F29): only a reading can tell.
    """
    account, lead_id = step.account, message.lead_id
    lead = account.leads.get(lead_id)
    is_told = isinstance(message, LeadRemoved) or (lead is not None and lead.is_told_gone)
    source: DeletedBy = "webhook" if is_told else "lookup"
    if lead is None:
        gone = account.gone.get(lead_id)
        # The deletion may have overtaken everything else that we shall hear of the lead.
        if lead_id in account.lookups or gone is None or not gone.is_deleted:
            _record_deleted(step, lead_id, None, source)
        return
    if isinstance(message, LeadRemoved):
        _look_up(step, lead_id, TOLD_GONE)
        return
    if lead.wanted is not None:
        withdraw(step, lead_id=lead_id, reason="lead_gone")
    _bury(step, lead_id, source)


def on_set(step: Step, message: ResponsibleSet) -> None:
    """Kommo holds what we wanted."""
    lead = step.account.leads.get(message.lead_id)
    if lead is None or lead.wanted is None:
        return
    if (lead.wanted.request_id, lead.wanted.attempt) == (message.request_id, message.attempt):
        _confirm(step, message.lead_id, message.modified_at, message.how)


def on_refused(step: Step, message: ResponsibleRefused) -> None:
    """Kommo will not have it: refund, and decide again without him if it was the manager."""
    account, lead_id = step.account, message.lead_id
    lead = account.leads.get(lead_id)
    if lead is None or lead.wanted is None:
        return
    wanted = lead.wanted
    if (wanted.request_id, wanted.attempt) != (message.request_id, message.attempt):
        return
    withdraw(step, lead_id=lead_id, reason=message.reason, detail=message.detail)
    if message.reason == "lead_gone":
        _bury(step, lead_id, "own_write")
    elif message.reason == "manager_refused":
        step.record(ManagerFoundInactive(manager_id=wanted.manager_id, at=step.now))
        if lead.request_id == wanted.request_id:
            _decide_again(step, wanted.request_id)
        else:  # nobody asks for a manager where the lead is now, or another request does
            close_request(step, request_id=wanted.request_id, lead_id=lead_id, reason="left_stage")


def _decide_again(step: Step, request_id: str) -> None:
    account = step.account
    request = account.opened[request_id]
    rule = account.configuration.by_id.get(request.rule_id)
    if rule is None:
        route(step, request)
    else:
        place(step, rule, request)  # what waits since before is served first (D5.3)


def _on_report(step: Step, report: Report) -> None:
    account, lead_id = step.account, report.lead_id
    lead, gone = account.leads.get(lead_id), account.gone.get(lead_id)
    if lead is None and gone is not None:
        is_news = report.at is not None and not _is_before(report.at, gone.stage_at)
        if report.is_certain or (is_news and not gone.is_deleted and report.at != gone.stage_at):
            _apply(step, None, report)
        elif is_news and report.stage.status_id not in CLOSED_STATUSES:
            _look_up(step, lead_id, "report_after_end")
    elif lead is None:
        _apply(step, None, report)
    elif doubt := _doubt(lead, report):
        _look_up(step, lead_id, doubt)
    else:
        _apply(step, lead, _newest(lead, report))


def _doubt(lead: Lead, report: Report) -> str | None:
    """Why the report cannot be told older or newer than what is known, None if it can."""
    if report.is_certain:
        return None
    stage_differs = report.stage != lead.stage
    responsible_differs = report.responsible_id not in (None, lead.responsible_id)
    if report.at is None:
        return "report_without_time" if stage_differs or responsible_differs else None
    if stage_differs and report.at == lead.stage_at:
        return "same_second"
    if stage_differs and lead.doubtful_until is not None and report.at <= lead.doubtful_until:
        return None if _is_before(report.at, lead.stage_at) else "trigger_without_time"
    if responsible_differs and report.at == lead.responsible_at:
        is_echo = lead.wanted is not None and lead.wanted.manager_id == report.responsible_id
        return None if is_echo else "same_second"
    return None


def _newest(lead: Lead, report: Report) -> Report:
    """The report with what is older than we know replaced by what we know."""
    if report.is_certain or report.at is None:
        return report
    stage, responsible_id, is_move = report.stage, report.responsible_id, report.is_move
    if _is_before(report.at, lead.stage_at):
        stage, is_move = lead.stage, False
    if responsible_id is None or _is_before(report.at, lead.responsible_at):
        responsible_id = lead.responsible_id
    return replace(report, stage=stage, responsible_id=responsible_id, is_move=is_move)


def _apply(step: Step, lead: Lead | None, report: Report) -> None:
    """Believe the report: settle the decision on its way, record the news, answer the entry."""
    account, lead_id = step.account, report.lead_id
    is_closed = report.stage.status_id in CLOSED_STATUSES
    # Of leads we do not know only a fresh end matters: it may have overtaken their other hooks.
    is_fresh = report.at is not None and report.at >= step.now - REMEMBERED_FOR
    if lead is None and is_closed and lead_id not in account.lookups and not is_fresh:
        return
    entered = lead is None or lead.stage != report.stage
    gone = account.gone.get(lead_id)
    # Back from the bin a lead is where it was, unless it moved while nobody told (F30).
    is_elsewhere = gone is not None and gone.stage is not None and gone.stage != report.stage
    is_back = gone is not None and (not gone.is_deleted or is_elsewhere)
    was_known = lead is not None or is_back
    taken = lead is not None and _settle(step, lead_id, lead, report)
    if lead is not None and (entered or taken) and (waiting := step.account.waiting_of(lead_id)):
        moved: CloseReason = "lead_closed" if is_closed else "left_stage"
        close_request(
            step,
            request_id=waiting.request_id,
            lead_id=lead_id,
            reason=moved if entered else "taken_by_person",
        )
    if is_closed and lead is not None and account.leads[lead_id].wanted is not None:
        withdraw(step, lead_id=lead_id, reason="lead_closed")
    _record_seen(step, account.leads.get(lead_id), report)
    if is_closed:
        return
    if entered:
        is_entry = was_known or report.is_entry
    else:  # the move was told before, by something that does not tell a move from a stay
        is_entry = report.is_move and account.leads[lead_id].request_id is None
    in_scope = report.stage in account.configuration.by_stage
    if is_entry and not report.is_taken and (in_scope or report.source in ("dp_hook", "dp_widget")):
        source: RequestSource = "sweep" if report.source == "baseline" else report.source
        open_request(step, lead_id=lead_id, stage=report.stage, source=source)


def _settle(step: Step, lead_id: int, lead: Lead, report: Report) -> bool:
    """Hold the reported responsible against ours; whether a person took the lead (D7.5)."""
    reported, wanted = report.responsible_id, lead.wanted
    if reported is None or reported == lead.responsible_id:
        return False
    if wanted is not None and reported == wanted.manager_id:
        _confirm(step, lead_id, report.at, "read" if report.is_certain else "echo")
        return False
    if reported in lead.superseded_ids:
        return False  # the echo of an earlier decision of ours
    if wanted is None:
        return lead.responsible_id is not None or report.is_taken
    is_news = _is_after(report.at, wanted.decided_at + CLOCK_SLACK)
    if wanted.previous_id is None and not (report.is_handover and is_news):
        return False  # the state before our decision, heard of only now
    withdraw(step, lead_id=lead_id, reason="taken_by_person")
    return True


def _record_seen(step: Step, lead: Lead | None, report: Report) -> None:
    responsible_id = report.responsible_id
    owner_id = lead.wanted.manager_id if lead is not None and lead.wanted else responsible_id
    # A late hook that tells nothing new is no answer: the doubt stays until Kommo was read.
    is_answer = report.source == "lookup" and report.lead_id in step.account.lookups
    if lead is not None and not is_answer:
        is_known = (report.stage, responsible_id) == (lead.stage, lead.responsible_id)
        times = (lead.stage_at, lead.responsible_at)
        if is_known and (report.at is None or all(t is not None and t >= report.at for t in times)):
            return
    # Kommo holds an earlier decision of ours: the present one is to replace it, as no person's.
    is_ours = lead is not None and lead.wanted and responsible_id in lead.superseded_ids
    step.record(
        LeadSeen(
            lead_id=report.lead_id,
            stage=report.stage,
            responsible_id=responsible_id,
            modified_at=report.at,
            was_stage=lead.stage if lead else None,
            was_owner_id=lead.owner_id if lead else None,
            owner_id=owner_id,
            source="own_write" if is_ours else report.source,
            at=step.now,
        )
    )
    if lead is not None and (lead.stage != report.stage or lead.owner_id != owner_id):
        step.has_room = True


def _bury(step: Step, lead_id: int, source: DeletedBy) -> None:
    """Close what still waits for a lead that is gone: a request may wait beside a decision."""
    if (waiting := step.account.waiting_of(lead_id)) is not None:
        close_request(step, request_id=waiting.request_id, lead_id=lead_id, reason="lead_deleted")
    _record_deleted(step, lead_id, step.account.leads[lead_id], source)
    step.has_room = True


def _record_deleted(step: Step, lead_id: int, lead: Lead | None, source: DeletedBy) -> None:
    step.record(
        LeadDeleted(
            lead_id=lead_id,
            was_stage=lead.stage if lead else None,
            was_owner_id=lead.owner_id if lead else None,
            at=step.now,
            source=source,
        )
    )


def _confirm(
    step: Step, lead_id: int, modified_at: datetime | None, how: Literal["answered", "read", "echo"]
) -> None:
    wanted = step.account.leads[lead_id].wanted
    assert wanted is not None, "only a decision that is on its way can be confirmed"
    step.record(
        AssignmentConfirmed(
            request_id=wanted.request_id,
            attempt=wanted.attempt,
            lead_id=lead_id,
            manager_id=wanted.manager_id,
            modified_at=modified_at,
            how=how,
            at=step.now,
        )
    )
    follow(step, lead_id, wanted)


def _look_up(step: Step, lead_id: int, reason: str) -> None:
    if lead_id not in step.account.lookups:
        step.record(LookupRequested(lead_id=lead_id, reason=reason, at=step.now))


def _is_new(account: Account, created_at: datetime | None) -> bool:
    """Whether the lead was made since the connection, so that its first stage is an entry."""
    connected_at = account.connected_at
    if created_at is None or connected_at is None:
        return False
    return created_at >= connected_at - CLOCK_SLACK


def _is_before(reported: datetime | None, known: datetime | None) -> bool:
    return reported is not None and known is not None and reported < known


def _is_after(reported: datetime | None, instant: datetime) -> bool:
    return reported is not None and reported > instant
