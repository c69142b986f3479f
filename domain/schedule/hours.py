"""Hours as written, and the turn of days they repeat in (D4.1).

Weekly, rotating and always-on schedules are one thing here: a turn of days, counted by calendar
dates from an anchor. A week is a turn of seven days anchored on a Monday, always-on a turn of one.
"""

from dataclasses import dataclass
from typing import get_args

from contracts.rules import Rotation, ScheduleSection, Weekday

DAY_MINUTES = 24 * 60
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)

# Minutes since the midnight of the day on which the interval starts, [from, to). The end is at
# most a day after the start, so at most 2 * DAY_MINUTES.
Span = tuple[int, int]
Hours = tuple[Span, ...]

# 1 January of the year 1, ordinal 1, is a Monday in the calendar Python counts in.
_SOME_MONDAY = 1
_WHOLE_DAY: Hours = ((0, DAY_MINUTES),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """The days that repeat: day `days[0]` falls on the anchor, the rest follows by date."""

    anchor: int
    days: tuple[Hours, ...]

    def hours_on(self, ordinal: int) -> Hours:
        """What starts on the date with this proleptic ordinal, before the anchor as well."""
        return self.days[(ordinal - self.anchor) % len(self.days)]


def span(interval: str) -> Span:
    """`HH:MM-HH:MM` in minutes; an end at or before the start is on the next day."""
    start, end = (_minutes(time) for time in interval.split("-"))
    return start, end if end > start else end + DAY_MINUTES


def hours(intervals: list[str]) -> Hours:
    """The day's intervals in order of their start."""
    return tuple(sorted(span(interval) for interval in intervals))


def turn_of(section: ScheduleSection) -> Turn:
    """The turn of days a schedule repeats.

    Raises:
        ValueError: The section names no turn, or a rotation that cannot be read.
    """
    if section.weekly is not None:
        days = tuple(hours(section.weekly.get(weekday, [])) for weekday in WEEKDAYS)
        return Turn(anchor=_SOME_MONDAY, days=days)
    if section.rotating is not None:
        return _rotation(section.rotating)
    if section.always:
        return Turn(anchor=_SOME_MONDAY, days=(_WHOLE_DAY,))
    raise ValueError("expected one of weekly, rotating, always")


def working_days(pattern: str) -> tuple[bool, ...]:
    """Each day of one turn of a pattern: `2/1` is two working days and a free one."""
    counts = [int(count) for count in pattern.split("/")]
    return tuple(index % 2 == 0 for index, count in enumerate(counts) for _ in range(count))


def _rotation(rotation: Rotation) -> Turn:
    pattern = working_days(rotation.pattern)
    if rotation.days is not None:
        each = [hours(intervals) for intervals in rotation.days]
    else:
        each = [hours(rotation.hours or [])] * sum(pattern)
    if not pattern or len(each) != sum(pattern):
        raise ValueError("expected hours for each working day of one turn")
    remaining = iter(each)
    days = tuple(next(remaining) if works else () for works in pattern)
    return Turn(anchor=rotation.anchor.toordinal(), days=days)


def _minutes(time: str) -> int:
    hour, minute = time.split(":")
    return int(hour) * 60 + int(minute)
