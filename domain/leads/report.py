"""One statement about a lead, and whether it is new, stale or in doubt (F27 to F29).

Webhooks repeat, overtake each other and carry times of whole seconds, or none. A stage and a
responsible only move forward by Kommo's own times; what cannot be told older from newer is read
from Kommo before anything is believed.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from contracts.events import LookupRequested
from contracts.stage import Stage
from domain.state import ANNOUNCED, CLOCKS_DIFFER_BY, CROWDED, Lead
from domain.step import Step

Source = Literal["dp_hook", "dp_widget", "webhook", "baseline", "sweep", "lookup"]

# Leads nobody knows that are read at the same time: four requests.
UNREAD_MAX = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One statement about a lead, wherever it came from.

    Attributes:
        at: Kommo's time of the statement, None if it carries none.
        read_at: When Kommo was read, for the statement of a reading.
        is_entry: Whether the lead just entered the stage, as far as the source can tell; for a
            lead already known the state tells it better.
        is_move: The source says that the lead came into the stage at `at`, not just is there.
        is_handover: The source speaks of the responsible, not of whatever else was edited at
            `at`: only that can tell a person's choice from the state before our decision.
        is_certain: Read from Kommo after we asked, so equal times leave no doubt.
        is_chosen: Whoever is responsible was made so since a hook told that it came: it asks, and
            has its answer (F60).
        is_taken: Whoever is responsible was made so since the lead came into the stage, by a
            person or by a decision that is lost: it asks for nobody (F79).
    """

    lead_id: int
    stage: Stage
    responsible_id: int | None
    at: datetime | None
    source: Source
    is_entry: bool
    read_at: datetime | None = None
    is_move: bool = False
    is_handover: bool = False
    is_certain: bool = False
    is_chosen: bool = False
    is_taken: bool = False


def doubt_of(lead: Lead, report: Report, now: datetime) -> str | None:
    """Why the report cannot be told older or newer than what is known, None if it can."""
    if report.is_certain:
        return None
    stage_differs = report.stage != lead.stage
    responsible_differs = report.responsible_id not in (None, lead.responsible_id)
    if report.at is None:
        return "report_without_time" if stage_differs or responsible_differs else None
    doubt: str | None = None
    if responsible_differs:
        doubt = _doubt_of_responsible(lead, report, report.at, now)
    if stage_differs:
        doubt = _doubt_of_stage(lead, report, report.at, now) or doubt
    return doubt


def _doubt_of_stage(lead: Lead, report: Report, at: datetime, now: datetime) -> str | None:
    if _is_spoilt(lead.stage_at, report, now):
        return "known_time_spoilt"
    if at == lead.stage_at:
        return "same_second"
    is_doubtful = lead.doubtful_until is not None and at <= lead.doubtful_until
    return "trigger_without_time" if is_doubtful and not is_before(at, lead.stage_at) else None


def _doubt_of_responsible(lead: Lead, report: Report, at: datetime, now: datetime) -> str | None:
    if _is_spoilt(lead.responsible_at, report, now):
        return "known_time_spoilt"
    is_echo = lead.wanted is not None and lead.wanted.manager_id == report.responsible_id
    return "same_second" if at == lead.responsible_at and not is_echo else None


def newest(lead: Lead, report: Report) -> Report:
    """The report with what is older than we know replaced by what we know."""
    if report.is_certain or report.at is None:
        return report
    stage, responsible_id, is_move = report.stage, report.responsible_id, report.is_move
    if is_before(report.at, lead.stage_at):
        stage, is_move = lead.stage, False
    if responsible_id is None or is_before(report.at, lead.responsible_at):
        responsible_id = lead.responsible_id
    return replace(report, stage=stage, responsible_id=responsible_id, is_move=is_move)


def _is_spoilt(known: datetime | None, report: Report, now: datetime) -> bool:
    """Whether the report shows that the known time cannot have been Kommo's.

    It is still to come; or Kommo was read well after it, and knows of no change at that time.
    """
    if known is None or report.at is None or report.at >= known:
        return False
    if known > now + CLOCKS_DIFFER_BY:
        return True
    return report.read_at is not None and report.read_at > known + CLOCKS_DIFFER_BY


def look_up(step: Step, lead_id: int, reason: str) -> None:
    """Have the lead read, unless that is under way."""
    if lead_id not in step.account.lookups:
        step.record(LookupRequested(lead_id=lead_id, reason=reason, at=step.now))


def read_first(
    step: Step, lead_id: int, responsible_id: int | None = None, modified_at: datetime | None = None
) -> None:
    """Have a lead read that nothing but a hook tells of, before anything follows from it (S2).

    No more than so many at a time: who invents leads shall not keep real ones waiting. Of what is
    beyond, Kommo's list of changed leads shows those that exist.
    """
    unread = len(step.account.announced)
    if unread <= UNREAD_MAX and lead_id not in step.account.lookups:
        step.record(
            LookupRequested(
                lead_id=lead_id,
                reason=ANNOUNCED if unread < UNREAD_MAX else CROWDED,
                responsible_id=responsible_id,
                modified_at=modified_at,
                at=step.now,
            )
        )


def is_before(reported: datetime | None, known: datetime | None) -> bool:
    """Whether a report is surely older than what is known."""
    return reported is not None and known is not None and reported < known


def is_after(reported: datetime | None, instant: datetime) -> bool:
    """Whether a report is surely newer than an instant."""
    return reported is not None and reported > instant
