"""What is wrong with a schedule, told so that an administrator can mend it (D4, S34)."""

from collections.abc import Iterator

from contracts.rules import Rotation, ScheduleSection
from contracts.sentences import sentence
from domain.schedule.exception_problems import exception_problems
from domain.schedule.hours import (
    WEEKDAYS,
    intervals_of_week,
    weekdays,
    working_days,
)
from domain.schedule.intervals import Problem, day_at, empty_intervals, overlaps
from domain.schedule.zones import zone_problem

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
        *exception_problems(section.exceptions),
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
        yield (), sentence("problem.too_many_intervals", most=INTERVALS_MAX, found=count)


def _kind_problems(section: ScheduleSection) -> Iterator[Problem]:
    kinds = {"weekly": section.weekly, "rotating": section.rotating, "always": section.always}
    given = tuple(name for name, value in kinds.items() if value is not None)
    if not given:
        yield (), sentence("problem.schedule_empty")
    if len(given) > 1:
        yield (), sentence("problem.schedule_mixed", given=given)


def _zone_problems(section: ScheduleSection) -> Iterator[Problem]:
    problem = None if section.timezone is None else zone_problem(section.timezone)
    if problem is not None:
        yield ("timezone",), problem


def _weekly_problems(section: ScheduleSection) -> Iterator[Problem]:
    if section.weekly is None:
        return
    first_in: dict[str, str] = {}
    for key in section.weekly:
        for name in weekdays(key) if "-" in key else ():
            first = first_in.setdefault(name, key)
            if first != key:
                yield ("weekly", key), sentence("problem.weekday_twice", day=name, first=first)
                break
    hours = intervals_of_week(section.weekly)
    week = [day_at(("weekly", hours[name][0]), hours[name][1]) for name in WEEKDAYS]
    for day in week:
        yield from empty_intervals(day)
    yield from overlaps(week, repeats=True)


def _rotation_problems(rotation: Rotation) -> Iterator[Problem]:
    pattern_problem = _pattern_problem(rotation)
    if pattern_problem is not None:
        yield pattern_problem
    if (rotation.hours is None) == (rotation.days is None):
        if rotation.hours is None:
            yield ("rotating",), sentence("problem.hours_or_days")
        else:
            yield ("rotating",), sentence("problem.hours_and_days")
        return
    days = [
        day_at(("rotating", "days", index), intervals)
        for index, intervals in enumerate(rotation.days or [])
    ]
    every = day_at(("rotating", "hours"), rotation.hours or [])
    for day in (every, *days):
        yield from empty_intervals(day)
    if pattern_problem is not None:
        return
    pattern = working_days(rotation.pattern)
    if rotation.days is None:
        days = [every] * sum(pattern)
    elif len(days) != sum(pattern):
        working, found = sum(pattern), len(days)
        yield ("rotating", "days"), sentence("problem.turn_days", working=working, found=found)
        return
    remaining = iter(days)
    yield from overlaps([next(remaining) if works else [] for works in pattern], repeats=True)


def _pattern_problem(rotation: Rotation) -> Problem | None:
    pattern = rotation.pattern
    counts = pattern.split("/")
    path = ("rotating", "pattern")
    if len(counts) % 2:
        return path, sentence("problem.pattern_odd", found=len(counts))
    counted = len(WEEKDAYS) - len(set(rotation.skip) - {"holidays"})
    if not counted:
        return ("rotating", "skip"), sentence("problem.skip_all")
    # A turn that skips days takes longer.
    total = -(-sum(int(count) for count in counts) * len(WEEKDAYS) // counted)
    if total > TURN_DAYS_MAX:
        return path, sentence("problem.pattern_long", most=TURN_DAYS_MAX, found=total)
    if not any(working_days(pattern)):
        return path, sentence("problem.pattern_idle", pattern=pattern)
    return None
