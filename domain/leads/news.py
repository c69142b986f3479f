"""What follows from a report that is believed: decisions settled, news kept, entries answered."""

from contracts.events import CloseReason, LeadSeen, LookupRequested, RequestSource
from contracts.stage import CLOSED_STATUSES
from domain.leads.answers import confirm
from domain.leads.report import Report, is_after
from domain.requests.ending import close_request, withdraw
from domain.requests.life import open_chosen, open_request
from domain.requests.silences import note_silences
from domain.state import CLOCK_SLACK, REMEMBERED_FOR, Account, Lead, Told
from domain.step import Step


def believe(step: Step, lead: Lead | None, report: Report) -> None:
    """Believe the report: settle the decision on its way, record the news, answer the entry."""
    account, lead_id = step.account, report.lead_id
    told = account.told.get(lead_id)
    was_given_up = lead_id in account.given_up
    was_given_up_wrongly = _was_given_up_wrongly(account, lead, report)
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
    _read_hearsay(step, report, was_given_up=was_given_up)
    if was_given_up_wrongly:
        open_request(step, lead_id=lead_id, stage=report.stage, source=_source(report))
        return
    if entered:
        is_entry = (was_known or report.is_entry) and not _is_refuted(told, report)
    else:  # the move was told before, by something that does not tell a move from a stay
        is_move = report.is_move or _is_borne_out(told, report)
        is_entry = is_move and account.leads[lead_id].request_id is None
    if not is_entry or report.is_taken:
        return
    note_silences(step, report.stage)
    if _asks(account, report):
        source = _source(report)
        if report.is_chosen and lead is None:
            open_chosen(step, lead_id=lead_id, stage=report.stage, source=source)
        else:
            open_request(step, lead_id=lead_id, stage=report.stage, source=source)


def _source(report: Report) -> RequestSource:
    return "sweep" if report.source == "baseline" else report.source


def _read_hearsay(step: Step, report: Report, *, was_given_up: bool) -> None:
    """Have a lead read that asks no more because somebody took it, as only hooks tell (S2).

    A reading that is under way may have been before that, and tell of nobody who took it.
    """
    is_given_up = report.lead_id in step.account.given_up
    if is_given_up and not was_given_up and report.read_at is None:
        step.record(LookupRequested(lead_id=report.lead_id, reason="taken_by_hearsay", at=step.now))


def _was_given_up_wrongly(account: Account, lead: Lead | None, report: Report) -> bool:
    """Whether the lead is read to be whose it was, so that nobody took it whatever hooks tell."""
    if lead is None or report.read_at is None or lead.stage != report.stage or report.is_taken:
        return False
    if report.lead_id not in account.given_up:
        return False
    return report.responsible_id == account.given_up[report.lead_id]


def _asks(account: Account, report: Report) -> bool:
    """Whether a lead that came into a stage asks for a manager there."""
    configuration = account.configuration
    if report.source in ("dp_hook", "dp_widget"):
        return True
    in_scope = report.stage in configuration.by_stage
    return in_scope and report.stage not in configuration.only_by_triggers


def _is_refuted(told: Told | None, report: Report) -> bool:
    """Whether the lead is read to be where it was and was served, whatever hooks have told."""
    if told is None or report.read_at is None:
        return False
    return report.stage == told.before and not told.has_waited


def _is_borne_out(told: Told | None, report: Report) -> bool:
    """Whether Kommo was read, and the lead may have come where it is when hooks say."""
    if told is None or not report.is_certain or report.at is None:
        return False
    return told.is_borne_out(report.at)


def _settle(step: Step, lead_id: int, lead: Lead, report: Report) -> bool:
    """Hold the reported responsible against ours; whether a person took the lead (D7.5)."""
    reported, wanted = report.responsible_id, lead.wanted
    if reported is None or reported == lead.responsible_id:
        return False
    if wanted is not None and reported == wanted.manager_id:
        confirm(step, lead_id, report.at, "read" if report.is_certain else "echo")
        return False
    if reported in lead.superseded_ids:
        return False  # the echo of an earlier decision of ours
    if wanted is None:
        return lead.responsible_id is not None or report.is_taken
    is_news = is_after(report.at, wanted.decided_at + CLOCK_SLACK)
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
