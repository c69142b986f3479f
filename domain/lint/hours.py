"""Hours of the week at which nobody of a rule is at work, and at which nobody has duty."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from contracts.rules import RuleSection
from domain.configuration import Configuration, Rule
from domain.lint.finding import Finding
from domain.schedule import Path, Schedule
from domain.schedule.spans import merged
from domain.schedule.zones import zone

Span = tuple[datetime, datetime]

WEEK = timedelta(days=7)
LISTED_MAX = 8
_MINUTE = timedelta(minutes=1)


def hours_findings(
    at_rule: Path, section: RuleSection, configuration: Configuration, rule: Rule, at: datetime
) -> Iterator[Finding]:
    """What is wrong with the hours of a rule in the week from an instant on."""
    week = (at, at + WEEK)
    place = _zone_of(rule)
    working = merged(
        span
        for participant in rule.participants
        if participant.weight
        for span in present(configuration, participant.manager_id, participant.schedule, week)
    )
    closed = outside(working, week)
    if not working:
        yield Finding(
            path=(*at_rule, "participants"),
            severity="warning",
            text="nobody is at work in the next seven days",
            advice="give somebody a schedule with hours, or name somebody who is not absent",
        )
    elif closed and rule.off_hours == "wait":
        yield Finding(
            path=(*at_rule, "off_hours") if "off_hours" in section.model_fields_set else at_rule,
            severity="note",
            text=f"nobody is on shift {words(closed, place)}; leads wait then",
            advice="nothing if they may wait; else `off_hours: duty` or `reserve_first_starter`",
        )
    if rule.rota is not None and rule.rota.fallback_id is None:
        on_duty = merged(
            span
            for entry in rule.rota.managers
            for span in present(configuration, entry.manager_id, entry.schedule, week)
        )
        # Off hours duty is needed when nobody else is there; for the rest it is needed any time.
        asked = closed if rule.off_hours == "duty" and not _may_ask_any_time(rule) else [week]
        if idle := _without(asked, on_duty):
            yield Finding(
                path=(*at_rule, "duty"),
                severity="warning",
                text=f"nobody has duty {words(idle, place)}; leads wait then",
                advice="add somebody to the rota for these hours, or name a `fallback`",
            )


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


def outside(spans: Iterable[Span], week: Span) -> list[Span]:
    """What is left of a span without others, which are in order and do not touch."""
    return _without([week], list(spans))


def words(spans: list[Span], place: ZoneInfo) -> str:
    """Spans for people: `for 123 of 168 hours (Mon 00:00 to Mon 09:00, ...)`."""
    total = sum(((end - start) // _MINUTE for start, end in spans), 0)
    hours, minutes = divmod(total, 60)
    listed = ", ".join(
        f"{start.astimezone(place):%a %H:%M} to {end.astimezone(place):%a %H:%M}"
        for start, end in spans[:LISTED_MAX]
    )
    more = f", and {len(spans) - LISTED_MAX} more times" if len(spans) > LISTED_MAX else ""
    return f"for {hours}:{minutes:02} of 168 hours ({listed}{more})"


def _without(spans: list[Span], taken: list[Span]) -> list[Span]:
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
