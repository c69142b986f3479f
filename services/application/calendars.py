"""The dates of a schedule as people see them: hours on the wall, exceptions, and clock changes.

Hours are those that a calendar has for a date; how long they really last is told apart from that,
so that neither the date nor a change of the clocks moves them (D4.1 to D4.3).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from contracts.rules import ScheduleException, ScheduleSection, SwapSection, Weekday
from domain.schedule import compile_schedule
from domain.schedule.hours import DAY_MINUTES, WEEKDAYS, Span, hours, intervals_of_week
from domain.schedule.zones import first_instant, zone
from services.application.typed_hours import hours_shown

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
WEEK = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedDay:
    """One date.

    Attributes:
        hours: As they are typed; empty for a free day.
        minutes: How long that really is.
        wall_minutes: How long it looks; another time only where the clocks change meanwhile.
        clock_minutes: By how much the date itself is longer than 24 hours; below 0 it is shorter.
        is_exception: The schedule names the date.
        reason: Then, why.
    """

    on: date
    hours: str
    minutes: int
    wall_minutes: int
    clock_minutes: int
    is_exception: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a day's hours, in minutes from midnight, both ends on that day.

    Attributes:
        number: Of the interval among those typed for its day.
        is_carried: It began on the day before.
    """

    start: int
    end: int
    number: int
    is_carried: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekdayHours:
    """A weekday of a weekly schedule.

    Attributes:
        hours: As they are typed; empty for a free day.
        stretches: What of it, and of the night before, lies on this day.
    """

    day: Weekday
    hours: str
    stretches: tuple[Stretch, ...]


def monday_of(on: date) -> date:
    """The first day of its week."""
    return on - on.weekday() * DAY


def planned_days(
    section: ScheduleSection, zone_name: str, *, first: date, days: int
) -> list[PlannedDay]:
    """So many dates of a schedule that has no problems, from a first one on.

    Args:
        section: The schedule.
        zone_name: Of whoever has none of their own.
        first: The first date.
        days: How many.
    """
    schedule = compile_schedule(section, zone_name)
    place = zone(schedule.zone_name)
    found: list[PlannedDay] = []
    for number in range(days):
        on = first + number * DAY
        ordinal = on.toordinal()
        spans = schedule.calendar.hours_on(ordinal)
        worked = sum((end - start for start, end in schedule.shifts_on(on)), timedelta())
        found.append(
            PlannedDay(
                on=on,
                hours=hours_shown(map(_written, spans)),
                minutes=worked // MINUTE,
                wall_minutes=sum(end - start for start, end in spans),
                clock_minutes=_length_of(on, place) // MINUTE - DAY_MINUTES,
                is_exception=schedule.calendar.exceptions.hours_on(ordinal) is not None,
                reason=_reason(section.exceptions, on),
            )
        )
    return found


def week_of(weekly: dict[str, list[str]]) -> list[WeekdayHours]:
    """Monday to Sunday of a weekly schedule; what goes over midnight is drawn on."""
    typed = intervals_of_week(weekly)
    spans = {day: hours(typed[day][1]) for day in WEEKDAYS}
    return [
        WeekdayHours(
            day=day,
            hours=hours_shown(typed[day][1]),
            stretches=(*_carried(spans[WEEKDAYS[number - 1]]), *_begun(spans[day])),
        )
        for number, day in enumerate(WEEKDAYS)
    ]


def swaps_on(swaps: Sequence[SwapSection], on: date) -> list[SwapSection]:
    """Extra hours, and hours taken over, on a date (D4.6)."""
    return [each for each in swaps if each.on == on]


def _begun(day: Sequence[Span]) -> list[Stretch]:
    return [
        Stretch(start, min(end, DAY_MINUTES), number) for number, (start, end) in enumerate(day)
    ]


def _carried(day: Sequence[Span]) -> list[Stretch]:
    return [
        Stretch(0, end - DAY_MINUTES, number, is_carried=True)
        for number, (_, end) in enumerate(day)
        if end > DAY_MINUTES
    ]


def _written(span: Span) -> str:
    start, end = span
    until = end if end == DAY_MINUTES else end % DAY_MINUTES
    return f"{start // 60:02}:{start % 60:02}-{until // 60:02}:{until % 60:02}"


def _length_of(on: date, place: ZoneInfo) -> timedelta:
    midnights = (datetime(each.year, each.month, each.day) for each in (on, on + DAY))  # noqa: DTZ001 - on the wall
    start, end = (first_instant(each, place) for each in midnights)
    return end - start


def _reason(exceptions: Sequence[ScheduleException], on: date) -> str:
    """Of the closest exception that names the date; of several alike, the last one's."""
    found = ("", 0)
    for each in exceptions:
        closeness = _closeness(each, on)
        if closeness and closeness >= found[1]:
            found = (each.reason, closeness)
    return found[0]


def _closeness(exception: ScheduleException, on: date) -> int:
    if isinstance(exception.on, date):
        return 3 if exception.on == on else 0
    if exception.on is not None:
        return 1 if exception.on == f"{on:%m-%d}" else 0
    if exception.start is None or exception.end is None:
        return 0
    return 2 if exception.start <= on < exception.end else 0
