"""What templates show, made ready: words and numbers, no decisions left to a template."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from contracts.events import LEAD, LeadAssigned
from contracts.sentences import sentence
from contracts.stage import Stage
from domain.explain.why_not import Stood
from projections.decisions import Decision
from services.application.attendance import Attendance, Teammate
from services.application.explain import Explained
from services.application.offered import OfferedLead
from services.application.rules import stages_of
from services.application.span import Span
from services.application.statement import StatementLine
from services.application.today import WaitingRule
from services.application.why_not import SHOWN_AT_ONCE, GivenLead, WhyNot
from services.console.hours import HoursBar, hours_bar
from services.console.moments import Moment, moment
from services.console.names import name_of, rule_of
from services.console.seeing import SeeingAccount
from services.words.forms import capital

# A deviation bar shows so many leads to either side.
AXIS_LEADS = 2
# Half of its width, in the units of its picture.
AXIS_HALF = 60
# A lead's story tells how long nothing happened, from so long on.
IDLE = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class MateLine:
    """A manager in a list, or on their own page.

    Attributes:
        attendance: Names the shape and the colour.
        state: The same in words.
        until: When it ends; empty if nothing tells.
        places: Open leads, of how many there may be.
        hours: When they work today; None where there is no day to draw.
        bar: Where the bar of their deviation begins, and how wide it is; None without any.
        is_above: They got more than their share.
        is_paused: It is a pause that keeps them away.
        has_duty_only: They take only what nobody else can.
        may_resume: Whoever looks may end it.
    """

    manager_id: int
    name: str
    href: str
    attendance: Attendance
    state: str
    until: str
    reason: str
    got_today: int
    places: str
    deviation: str
    bar: tuple[float, float] | None
    is_above: bool
    hours: HoursBar | None
    is_paused: bool
    has_duty_only: bool
    may_pause: bool
    may_resume: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionLine:
    """One decision in a list."""

    version: int
    at: Moment
    lead_id: int
    href: str
    kind: str
    text: str
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingLine:
    """Leads of a rule that wait."""

    rule_id: str
    rule: str
    leads: int
    since: Moment
    lead_id: int
    href: str
    next_look: Moment | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferLine:
    """A lead that somebody may take or pass on now.

    Attributes:
        href: Where its deeds begin.
        is_own: It is offered to whoever looks.
    """

    lead_id: int
    kommo: str
    is_own: bool
    href: str
    name: str
    until: Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Somebody who could have got a lead, and what spoke for or against them."""

    name: str
    href: str
    is_winner: bool
    verdict: str
    credit: str
    share: str
    places: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """One event of a lead's story.

    Attributes:
        candidates: Of a decision: everybody of the rule; empty for other events.
        idle: How long nothing had happened to the lead before, in words; empty if not for long.
        is_same: Whether the same comes out when it is decided again; None where nothing was.
        link: Of the hash chain at the event, as hex; empty where it has none yet.
    """

    version: int
    at: Moment
    first: str
    more: tuple[str, ...]
    idle: str
    candidates: tuple[Candidate, ...]
    rule: str
    revision: int
    is_same: bool | None
    link: str
    in_kommo: Moment | None

    @property
    def is_decision(self) -> bool:
        """Whether somebody got the lead here."""
        return bool(self.rule)


@dataclass(frozen=True, slots=True, kw_only=True)
class MovementLine:
    """One line of a statement."""

    version: int
    at: Moment
    reason: str
    lead_id: int | None
    href: str
    note: str
    by: str
    kinds: str
    moved: str
    balance: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyNotLine:
    """How often somebody stood in one way when a lead was given out.

    Attributes:
        share: Of all leads, in percent, for a bar.
        leads: The newest of them.
        rest: Where all of them are; empty if that is all.
    """

    name: str
    count: int
    share: int
    is_got: bool
    leads: tuple[DecisionLine, ...]
    rest: str


def mate_line(who: SeeingAccount, mate: Teammate, day: Span | None = None) -> MateLine:
    """A manager as a line, with their hours of a day."""
    is_own = who.principal.manager_id == mate.manager_id
    may_pause = who.principal.may("activity") or (is_own and who.principal.may("self"))
    units = mate.deviation_units
    is_paused = mate.attendance == "paused"
    return MateLine(
        manager_id=mate.manager_id,
        name=name_of(who, mate.manager_id),
        href=f"{who.base}/managers/{mate.manager_id}",
        attendance=mate.attendance,
        state=who.words.say(sentence(f"console.attendance.{mate.attendance}")),
        until=_until(who, mate),
        reason=mate.reason,
        got_today=mate.got_today,
        places=_places(mate.open_leads, mate.limit),
        deviation="" if units is None else who.words.say(sentence("cell.credit", units=units)),
        bar=None if units is None else _bar(units),
        is_above=units is not None and units > 0,
        hours=None if day is None else hours_bar(who, mate.hours, day),
        is_paused=is_paused,
        has_duty_only=mate.has_duty_only,
        may_pause=may_pause and not is_paused and mate.attendance != "inactive",
        may_resume=is_paused
        and may_pause
        and (who.principal.may("activity") or not mate.by_administrator),
    )


def _until(who: SeeingAccount, mate: Teammate) -> str:
    if mate.until is not None:
        return who.words.marked.say(sentence("console.until", at=moment(who, mate.until).marked))
    if mate.attendance == "paused":
        return who.words.say(sentence("console.until_ended"))
    return ""


def _places(open_leads: int, limit: int | None) -> str:
    return str(open_leads) if limit is None else f"{open_leads} / {limit}"


def _bar(units: int) -> tuple[float, float]:
    width = round(min(1.0, abs(units) / (AXIS_LEADS * LEAD)) * AXIS_HALF, 1)
    return (AXIS_HALF, width) if units >= 0 else (round(AXIS_HALF - width, 1), width)


def decision_line(who: SeeingAccount, decision: Decision) -> DecisionLine:
    """A decision as a line."""
    manager = "" if decision.manager_id is None else name_of(who, decision.manager_id)
    return DecisionLine(
        version=decision.version,
        at=moment(who, decision.at),
        lead_id=decision.lead_id,
        href=f"{who.base}/leads/{decision.lead_id}#v{decision.version}",
        kind=decision.kind,
        text=manager or who.words.say(sentence(f"console.decided.{decision.kind}")),
        rule=rule_of(who, decision.rule_id or ""),
    )


def waiting_line(who: SeeingAccount, waiting: WaitingRule) -> WaitingLine:
    """The waiting leads of a rule as a line."""
    oldest = waiting.oldest
    return WaitingLine(
        rule_id=waiting.rule_id,
        rule=rule_of(who, waiting.rule_id),
        leads=waiting.leads,
        since=moment(who, oldest.opened_at),
        lead_id=oldest.lead_id,
        href=f"{who.base}/leads/{oldest.lead_id}",
        next_look=None if waiting.next_look_at is None else moment(who, waiting.next_look_at),
    )


def offer_line(who: SeeingAccount, offer: OfferedLead) -> OfferLine:
    """An offered lead as a line."""
    return OfferLine(
        lead_id=offer.lead_id,
        kommo=kommo_lead(who, offer.lead_id),
        is_own=offer.manager_id == who.principal.manager_id,
        href=f"{who.base}/leads/{offer.lead_id}",
        name=name_of(who, offer.manager_id),
        until=moment(who, offer.ends_at),
    )


def story_of(who: SeeingAccount, found: Sequence[Explained]) -> list[Chapter]:
    """A lead's story, the newest event last."""
    before = [None, *(each.at for each in found)]
    return [_chapter(who, each, earlier) for each, earlier in zip(found, before, strict=False)]


def _idle(who: SeeingAccount, at: datetime, before: datetime | None) -> str:
    if before is None or at - before < IDLE:
        return ""
    minutes = (at - before) // timedelta(minutes=1)
    return who.words.say(sentence("console.lead.idle", seconds=60 * minutes))


def _chapter(who: SeeingAccount, explained: Explained, before: datetime | None) -> Chapter:
    event = explained.event.event
    lines = who.words.marked.lines(explained.sentences)
    decided = event if isinstance(event, LeadAssigned) else None
    return Chapter(
        version=explained.version,
        at=moment(who, explained.at),
        first=capital(lines[0]),
        more=tuple(lines[1:]),
        idle=_idle(who, explained.at, before),
        candidates=() if decided is None else _candidates(who, decided),
        rule="" if decided is None else rule_of(who, decided.rule_id),
        revision=0 if decided is None else decided.revision,
        is_same=explained.is_reproduced,
        link=explained.link,
        in_kommo=None if explained.in_kommo_at is None else moment(who, explained.in_kommo_at),
    )


def _candidates(who: SeeingAccount, decided: LeadAssigned) -> tuple[Candidate, ...]:
    return tuple(
        Candidate(
            name=name_of(who, standing.manager_id),
            href=f"{who.base}/managers/{standing.manager_id}",
            is_winner=standing.manager_id == decided.manager_id,
            verdict=who.words.say(sentence(f"explain.state.{standing.verdict}")),
            credit=who.words.say(sentence("cell.credit", units=standing.credit)),
            share=who.words.say(sentence("cell.leads", units=standing.share)),
            places=_places(standing.open_leads, standing.limit),
        )
        for standing in decided.standings
    )


def movement_line(who: SeeingAccount, line: StatementLine, by: str) -> MovementLine:
    """A line of a statement, and who posted it."""
    movement = line.movement
    return MovementLine(
        version=movement.version,
        at=moment(who, movement.at),
        reason=who.words.say(sentence(f"console.moved.{movement.reason}")),
        lead_id=movement.lead_id,
        href="" if movement.lead_id is None else f"{who.base}/leads/{movement.lead_id}",
        note=line.note,
        by=by,
        kinds=", ".join(map(who.words.say, line.kinds)),
        moved=who.words.say(sentence("cell.credit", units=movement.units)),
        balance=who.words.say(sentence("cell.credit", units=movement.balance_units)),
    )


def stood_line(who: SeeingAccount, stood: Stood, manager_id: int) -> str:
    """How somebody stood to leads; whoever looks at their own is spoken to."""
    if manager_id == who.principal.manager_id:
        return who.words.say(sentence(f"why_not.own.{stood}"))
    return who.words.say(sentence(f"why_not.line.{stood}"))


def why_not_lines(who: SeeingAccount, found: WhyNot) -> list[WhyNotLine]:
    """How somebody stood, the most frequent first but for what they got."""
    ordered = sorted(
        found.counts, key=lambda each: (not each.startswith("got"), -found.counts[each])
    )
    return [
        WhyNotLine(
            name=stood_line(who, stood, found.asked.manager_id),
            count=found.counts[stood],
            share=round(100 * found.counts[stood] / found.given),
            is_got=stood.startswith("got"),
            leads=tuple(
                why_not_lead(who, lead)
                for lead in (found.leads[stood].leads if stood in found.leads else ())
            ),
            rest=f"{who.base}/managers/{found.asked.manager_id}/why/{stood}"
            if found.counts[stood] > SHOWN_AT_ONCE
            else "",
        )
        for stood in ordered
    ]


def why_not_lead(who: SeeingAccount, lead: GivenLead) -> DecisionLine:
    """A lead that was given to somebody, as a line."""
    return DecisionLine(
        version=lead.version,
        at=moment(who, lead.at),
        lead_id=lead.lead_id,
        href=f"{who.base}/leads/{lead.lead_id}#v{lead.version}",
        kind="assigned",
        text="" if lead.got_by is None else name_of(who, lead.got_by),
        rule=rule_of(who, lead.rule_id),
    )


def stage_name(who: SeeingAccount, stage: Stage) -> str:
    """A stage by name, or by its ids."""
    return (stages_of(who.account) or {}).get(stage, f"{stage.pipeline_id}:{stage.status_id}")


def kommo_lead(who: SeeingAccount, lead_id: int) -> str:
    """Where the lead is in Kommo."""
    return f"{who.account.base_url}/leads/detail/{lead_id}"
