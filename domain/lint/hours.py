"""Hours of the week at which nobody of a rule is at work, and at which nobody has duty."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from contracts.rules import RuleSection, RulesFile
from contracts.sentences import Sentence, sentence
from domain.configuration import Configuration, Participant, Rule
from domain.lint.finding import Finding
from domain.schedule import Path, Schedule, compile_schedule
from domain.schedule.spans import merged
from domain.schedule.zones import zone

Span = tuple[datetime, datetime]

WEEK = timedelta(days=7)
LISTED_MAX = 8
_SECOND = timedelta(seconds=1)


def hours_findings(
    at_rule: Path, section: RuleSection, configuration: Configuration, rule: Rule, at: datetime
) -> Iterator[Finding]:
    """What is wrong with the hours of a rule in the week from an instant on."""
    week = (at, at + WEEK)
    place = _zone_of(rule)
    people = [(each.manager_id, each.schedule) for each in rule.participants if each.weight]
    working = merged(_anybody(configuration, people, week))
    closed = without([week], list(working))
    if not working:
        yield Finding(
            path=(*at_rule, "participants"),
            severity="warning",
            found=sentence("lint.nobody_works"),
            advice=sentence("lint.nobody_works.advice"),
        )
    elif closed and rule.off_hours == "wait":
        yield Finding(
            path=(*at_rule, "off_hours") if "off_hours" in section.model_fields_set else at_rule,
            severity="note",
            found=sentence("lint.closed_hours", hours=told(closed, place)),
            advice=sentence("lint.closed_hours.advice"),
        )
    if rule.rota is not None and rule.rota.fallback_id is None:
        rota = [(entry.manager_id, entry.schedule) for entry in rule.rota.managers]
        on_duty = merged(_anybody(configuration, rota, week))
        # Off hours duty is needed when nobody else is there; for the rest it is needed any time.
        asked = closed if rule.off_hours == "duty" and not _may_ask_any_time(rule) else [week]
        if idle := without(asked, on_duty):
            yield Finding(
                path=(*at_rule, "duty"),
                severity="warning",
                found=sentence("lint.no_duty", hours=told(idle, place)),
                advice=sentence("lint.no_duty.advice"),
            )


def shift_end_findings(
    at_rule: Path, configuration: Configuration, rule: Rule, at: datetime
) -> Iterator[Finding]:
    """A rule at whose ends of shifts nobody is ever left to hand leads over to (D9.4)."""
    if rule.shift_end is None:
        return
    if not any(_is_relieved(configuration, rule, each, at) for each in rule.participants):
        yield Finding(
            path=(*at_rule, "at_shift_end"),
            severity="warning",
            found=sentence("lint.nobody_relieves"),
            advice=sentence("lint.nobody_relieves.advice"),
        )


def _is_relieved(
    configuration: Configuration, rule: Rule, leaving: Participant, at: datetime
) -> bool:
    """Whether anybody else is at work at any end of their shifts in the week from an instant on."""
    assert rule.shift_end is not None, "of a rule that hands over at the end of a shift"
    end = rule.shift_end.ends_at(leaving.schedule, at)
    while end is not None and end < at + WEEK:
        moment = (end, end + _SECOND)
        for other in rule.participants:
            is_other = other.manager_id != leaving.manager_id and other.weight
            if is_other and any(present(configuration, other.manager_id, other.schedule, moment)):
                return True
        end = rule.shift_end.ends_at(leaving.schedule, end + _SECOND)
    return False


def closed_findings(file: RulesFile, timezone: str, at: datetime) -> Iterator[Finding]:
    """Schedules by which nobody ever works again."""
    for name, section in file.schedules.items():
        schedule = compile_schedule(section, file.timezone or timezone)
        if not schedule.is_open(at) and schedule.next_start(at) is None:
            yield Finding(
                path=("schedules", name),
                severity="warning",
                found=sentence("lint.schedule_empty", schedule=name),
                advice=sentence("lint.schedule_empty.advice"),
            )


def _anybody(
    configuration: Configuration, people: Iterable[tuple[int, Schedule | None]], week: Span
) -> Iterator[Span]:
    """When somebody of several is at work.

    A schedule is walked once for all of whom no absence is known in the span: in a team of 200
    that is nearly everybody, and it took three quarters of the time of looking the rules over.
    """
    walked: list[Schedule | None] = []
    for manager_id, schedule in people:
        if _is_absent_within(configuration, manager_id, week):
            yield from present(configuration, manager_id, schedule, week)
        elif not any(schedule is each for each in walked):
            walked.append(schedule)
            yield from on_shift(schedule, week)


def _is_absent_within(configuration: Configuration, manager_id: int, week: Span) -> bool:
    if configuration.absences is None:
        return False
    is_absent, until = configuration.absences.state_at(manager_id, week[0])
    return is_absent or (until is not None and until < week[1])


def present(
    configuration: Configuration, manager_id: int, schedule: Schedule | None, week: Span
) -> Iterator[Span]:
    """When a manager is at work within a span, absences taken out."""
    for start, end in on_shift(schedule, week):
        at = start
        while at < end:
            absences = configuration.absences
            is_absent, until = (
                absences.state_at(manager_id, at) if absences is not None else (False, None)
            )
            upto = end if until is None else min(until, end)
            if not is_absent:
                yield at, upto
            at = upto


def on_shift(schedule: Schedule | None, week: Span) -> Iterator[Span]:
    """The shifts of a schedule within a span; no schedule is always on."""
    at, end = week
    if schedule is None:
        yield week
        return
    while at < end:
        is_open, until = schedule.state_at(at)
        upto = min(until, end)
        if is_open:
            yield at, upto
        at = upto


def told(spans: list[Span], place: ZoneInfo) -> Sentence:
    """How long spans are together, and when: the first of them one by one."""
    listed = tuple(
        sentence("lint.span", start=start.astimezone(place), end=end.astimezone(place))
        for start, end in spans[:LISTED_MAX]
    )
    total, rest = _seconds(spans), spans[LISTED_MAX:]
    if rest:
        return sentence(
            "lint.hours_and_more",
            total=total,
            spans=listed,
            count=len(rest),
            more=_seconds(rest),
        )
    return sentence("lint.hours", total=total, spans=listed)


def _seconds(spans: list[Span]) -> int:
    return sum((end - start) // _SECOND for start, end in spans)


def without(spans: list[Span], taken: list[Span]) -> list[Span]:
    """What is left of spans without others; both in order, the others not touching."""
    left: list[Span] = []
    for start, end in spans:
        at = start
        for taken_from, taken_to in taken:
            if at < taken_from < end:
                left.append((at, taken_from))
            if taken_from < end:
                at = max(at, min(taken_to, end))
        if at < end:
            left.append((at, end))
    return left


def _may_ask_any_time(rule: Rule) -> bool:
    """Whether leads may go to duty while others are at work."""
    others = (rule.duty_after, rule.age_limit, rule.redistribution)
    return any(option is not None for option in others)


def _zone_of(rule: Rule) -> ZoneInfo:
    names = [p.schedule.zone_name for p in rule.participants if p.schedule is not None]
    return zone(names[0] if names else "UTC")
