"""What is wrong with a schedule, told so that an administrator can mend it (D4, S34)."""

from collections.abc import Iterator
from operator import itemgetter

from contracts.rules import Rotation, ScheduleSection
from domain.schedule.hours import DAY_MINUTES, WEEKDAYS, span, working_days
from domain.schedule.zones import zone_problem

# Where in the section, as keys and positions: ("weekly", "mon", 1).
Path = tuple[str | int, ...]
Problem = tuple[Path, str]
# A day's written intervals with the place of each.
_Day = list[tuple[Path, str]]

# Bounds of what one schedule may cost to compile; an administrator's is a hundredth of it.
INTERVALS_MAX = 500
TURN_DAYS_MAX = 366


def schedule_problems(section: ScheduleSection) -> list[Problem]:
    """Everything wrong with a schedule, each with its place; empty when it can be compiled.

    An interval that crosses midnight must leave the next regular day's hours alone. Special
    hours may meet the shift of the evening before, both then are one shift: nobody should have
    to rewrite a week for one holiday.
    """
    too_many = list(_too_many_intervals(section))
    if too_many:
        return too_many
    found = [
        *_kind_problems(section),
        *_zone_problems(section),
        *_weekly_problems(section),
        *(_rotation_problems(section.rotating) if section.rotating is not None else ()),
        *_exception_problems(section),
    ]
    # The hours of a rotation hold for many days, and are wrong only once.
    return list(dict.fromkeys(found))


def _too_many_intervals(section: ScheduleSection) -> Iterator[Problem]:
    lists = [
        *(section.weekly or {}).values(),
        *(exception.hours for exception in section.exceptions),
    ]
    if section.rotating is not None:
        lists += [section.rotating.hours or [], *(section.rotating.days or [])]
    count = sum(len(intervals) for intervals in lists)
    if count > INTERVALS_MAX:
        yield (), f"expected at most {INTERVALS_MAX} intervals in one schedule, found {count}"


def _kind_problems(section: ScheduleSection) -> Iterator[Problem]:
    kinds = {"weekly": section.weekly, "rotating": section.rotating, "always": section.always}
    given = [name for name, value in kinds.items() if value is not None]
    if len(given) != 1:
        found = " and ".join(given) or "none"
        yield (), f"expected exactly one of weekly, rotating, always, found {found}"


def _zone_problems(section: ScheduleSection) -> Iterator[Problem]:
    problem = None if section.timezone is None else zone_problem(section.timezone)
    if problem is not None:
        yield ("timezone",), problem


def _weekly_problems(section: ScheduleSection) -> Iterator[Problem]:
    if section.weekly is None:
        return
    week = [_day(("weekly", name), section.weekly.get(name, [])) for name in WEEKDAYS]
    for day in week:
        yield from _empty_intervals(day)
    yield from _overlaps(week, repeats=True)


def _rotation_problems(rotation: Rotation) -> Iterator[Problem]:
    pattern_problem = _pattern_problem(rotation.pattern)
    if pattern_problem is not None:
        yield ("rotating", "pattern"), pattern_problem
    if (rotation.hours is None) == (rotation.days is None):
        found = "neither" if rotation.hours is None else "both"
        yield ("rotating",), f"expected either hours or days, found {found}"
        return
    days = [
        _day(("rotating", "days", index), intervals)
        for index, intervals in enumerate(rotation.days or [])
    ]
    every = _day(("rotating", "hours"), rotation.hours or [])
    for day in (every, *days):
        yield from _empty_intervals(day)
    if pattern_problem is not None:
        return
    pattern = working_days(rotation.pattern)
    if rotation.days is None:
        days = [every] * sum(pattern)
    elif len(days) != sum(pattern):
        message = f"expected hours for each of the {sum(pattern)} working days of one turn"
        yield ("rotating", "days"), f"{message}, found {len(days)}"
        return
    remaining = iter(days)
    yield from _overlaps([next(remaining) if works else [] for works in pattern], repeats=True)


def _pattern_problem(pattern: str) -> str | None:
    counts = pattern.split("/")
    if len(counts) % 2:
        expected = "expected an even count of numbers, working and free days in turn"
        return f"{expected}, found {len(counts)}"
    total = sum(int(count) for count in counts)
    if total > TURN_DAYS_MAX:
        return f"expected a turn of at most {TURN_DAYS_MAX} days, found {total}"
    if not any(working_days(pattern)):
        return f"expected at least one working day, found none in {pattern}"
    return None


def _exception_problems(section: ScheduleSection) -> Iterator[Problem]:
    first_at: dict[object, int] = {}
    for index, exception in enumerate(section.exceptions):
        first = first_at.setdefault(exception.on, index)
        if first != index:
            yield (
                ("exceptions", index, "on"),
                f"expected one exception for {exception.on}, found another at position {first}",
            )
        day = _day(("exceptions", index, "hours"), exception.hours)
        yield from _empty_intervals(day)
        yield from _overlaps([day], repeats=False)


def _day(path: Path, intervals: list[str]) -> _Day:
    return [((*path, index), interval) for index, interval in enumerate(intervals)]


def _empty_intervals(day: _Day) -> Iterator[Problem]:
    for path, interval in day:
        if _is_empty(interval):
            message = f"expected an end other than the start, found {interval}"
            yield path, f"{message}; a whole day is 00:00-24:00"


def _overlaps(days: list[_Day], *, repeats: bool) -> Iterator[Problem]:
    """Each interval that starts before an earlier one has ended, days following one another."""
    spans = [
        (number * DAY_MINUTES + start, number * DAY_MINUTES + end, path, interval)
        for number, day in enumerate(days)
        for path, interval in day
        for start, end in [span(interval)]
        if not _is_empty(interval)
    ]
    spans.sort(key=itemgetter(0, 1))
    if repeats:
        # The turn's last night runs into its first day.
        turn = len(days) * DAY_MINUTES
        spans += [
            (start + turn, end + turn, path, interval)
            for start, end, path, interval in spans
            if start < DAY_MINUTES
        ]
    busy_until, busy = 0, ""
    for start, end, path, interval in spans:
        if start < busy_until:
            yield path, f"expected {interval} to start after the end of {busy}, they overlap"
        if end > busy_until:
            busy_until, busy = end, f"{interval} ({_place(path)})"


def _place(path: Path) -> str:
    return ".".join(str(key) for key in path)


def _is_empty(interval: str) -> bool:
    start, end = interval.split("-")
    return start == end
