"""Hours as written, and the turn of days they repeat in (D4.1, D4.5).

Weekly, rotating and always-on schedules are one thing here: a turn of days, counted by calendar
dates from an anchor. A week is a turn of seven days anchored on a Monday, always-on a turn of one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast, get_args

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
    """The days that repeat: day `days[0]` falls on the anchor, the rest follows by date.

    Attributes:
        anchor: The proleptic ordinal of a date; the first that counts, if it does not itself.
        skipped: The weekdays that are free and do not count, 0 is Monday.
        skips_holidays: Whether days off by exception do not count either.
    """

    anchor: int
    days: tuple[Hours, ...]
    skipped: tuple[int, ...] = ()
    skips_holidays: bool = False


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
        week = intervals_of_week(section.weekly)
        return Turn(anchor=_SOME_MONDAY, days=tuple(hours(week[day][1]) for day in WEEKDAYS))
    if section.rotating is not None:
        return _rotation(section.rotating)
    if section.always:
        return Turn(anchor=_SOME_MONDAY, days=(_WHOLE_DAY,))
    raise ValueError("expected one of weekly, rotating, always")


def weekdays(key: str) -> tuple[Weekday, ...]:
    """The days that a key of `weekly` names: `mon`, `mon-fri`, or over the weekend `fri-mon`."""
    first, _, last = key.partition("-")
    start = [*WEEKDAYS].index(cast("Weekday", first))
    end = [*WEEKDAYS].index(cast("Weekday", last)) if last else start
    return tuple(WEEKDAYS[(start + n) % 7] for n in range((end - start) % 7 + 1))


def intervals_of_week(weekly: Mapping[str, list[str]]) -> dict[Weekday, tuple[str, list[str]]]:
    """For each weekday the key that has its hours, and these as written.

    A day by itself goes before several at once; of two that name it, the later one holds.
    """
    week: dict[Weekday, tuple[str, list[str]]] = {day: (day, []) for day in WEEKDAYS}
    for key, intervals in sorted(weekly.items(), key=lambda item: "-" not in item[0]):
        week |= dict.fromkeys(weekdays(key), (key, intervals))
    return week


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
    return Turn(
        anchor=rotation.anchor.toordinal(),
        days=days,
        skipped=tuple(n for n, day in enumerate(WEEKDAYS) if day in rotation.skip),
        skips_holidays="holidays" in rotation.skip,
    )


def _minutes(time: str) -> int:
    hour, minute = time.split(":")
    return int(hour) * 60 + int(minute)
