"""Who waits and who has duty, made ready for a page (W4.7)."""

from dataclasses import dataclass

from contracts.sentences import sentence
from projections.requests import Request, WaitingReason
from projections.stalls import Stall
from projections.unassigned import Unassigned
from services.application.duty import DutyAhead
from services.application.span import Span
from services.console.bands import Band, band
from services.console.moments import Moment, moment
from services.console.names import name_of, rule_of
from services.console.seeing import SeeingAccount
from services.console.shapes import stage_name


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonLine:
    """Leads that wait for the same."""

    reason: str
    text: str
    leads: int
    oldest: Moment
    lead_id: int
    next_look: Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLine:
    """A lead that waits."""

    lead_id: int
    href: str
    rule: str
    stage: str
    text: str
    since: Moment
    next_look: Moment | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedLine:
    """Leads whose request ended without a manager.

    Attributes:
        words: Kommo's own, or the rule whose pass is over.
    """

    text: str
    words: str
    leads: int
    since: Moment
    lead_id: int
    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StallLine:
    """A rule that stands still."""

    rule: str
    since: Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyLine:
    """Who has duty for a rule.

    Attributes:
        now: Who has it; empty for nobody.
        fallback: Who takes leads while nobody has; empty for nobody.
    """

    rule: str
    now: str
    fallback: str
    week: Band


def reason_line(who: SeeingAccount, waits: WaitingReason) -> ReasonLine:
    """A reason as a line."""
    return ReasonLine(
        reason=waits.reason,
        text=waits_for(who, waits.reason),
        leads=waits.leads,
        oldest=moment(who, waits.oldest_at),
        lead_id=waits.oldest_lead_id,
        next_look=moment(who, waits.next_look_at),
    )


def waits_for(who: SeeingAccount, reason: str) -> str:
    """What a lead waits for, in words."""
    return who.words.say(sentence(f"console.waits_for.{reason}"))


def request_line(who: SeeingAccount, request: Request) -> RequestLine:
    """A waiting request as a line."""
    return RequestLine(
        lead_id=request.lead_id,
        href=f"{who.base}/leads/{request.lead_id}",
        rule=rule_of(who, request.rule_id or ""),
        stage=stage_name(who, request.stage),
        text=waits_for(who, request.reason or "eligible"),
        since=moment(who, request.opened_at),
        next_look=None if request.next_look_at is None else moment(who, request.next_look_at),
    )


def ended_line(who: SeeingAccount, ended: Unassigned) -> EndedLine:
    """Leads without a manager as a line."""
    return EndedLine(
        text=who.words.say(sentence(f"explain.closed_for.{ended.reason}")),
        words=ended.detail,
        leads=ended.leads,
        since=moment(who, ended.since),
        lead_id=ended.example_id,
        href=f"{who.base}/leads/{ended.example_id}",
    )


def stall_line(who: SeeingAccount, stall: Stall) -> StallLine:
    """A rule that stands still as a line."""
    return StallLine(rule=rule_of(who, stall.rule_id), since=moment(who, stall.stalled_at))


def duty_line(who: SeeingAccount, ahead: DutyAhead, span: Span) -> DutyLine:
    """Who has duty for a rule, now and in the days that come."""
    fallback = "" if ahead.fallback_id is None else name_of(who, ahead.fallback_id)
    nobody = who.words.say(
        sentence("console.duty.fallback", manager=ahead.fallback_id)
        if ahead.fallback_id is not None
        else sentence("console.duty.nobody")
    )
    present = next((each for each in ahead.covers if each.start <= who.now < each.end), None)
    now = () if present is None else present.manager_ids
    return DutyLine(
        rule=rule_of(who, ahead.rule_id),
        now=name_of(who, now[0]) if now else "",
        fallback=fallback,
        week=band(who, ahead.covers, span, nobody=nobody, is_first=True),
    )
