"""What is wrong with a schedule's exceptions, told so that it can be mended (D4.2, D4.5)."""

from collections.abc import Iterator, Sequence
from datetime import date

from contracts.rules import ScheduleException
from contracts.sentences import sentence
from domain.schedule.intervals import Path, Problem, day_at, empty_intervals, overlaps

# Bounds what compiling costs; a school's holidays of twenty years are a third of it.
SPAN_DAYS_MAX = 5_000
_A_LEAP_YEAR = "2000"


def exception_problems(exceptions: Sequence[ScheduleException]) -> Iterator[Problem]:
    """Everything wrong with the exceptions of a schedule, each with its place."""
    first_at: dict[object, int] = {}
    left = SPAN_DAYS_MAX
    for index, exception in enumerate(exceptions):
        path = ("exceptions", index)
        problem = _date_problem(path, exception)
        if problem is not None:
            yield problem
        elif exception.start is not None and exception.end is not None:
            left -= (exception.end - exception.start).days
            if left < 0:
                yield path, sentence("problem.exceptions_long", most=SPAN_DAYS_MAX)
                return
            for ordinal in range(exception.start.toordinal(), exception.end.toordinal()):
                first = first_at.setdefault(ordinal, index)
                if first != index:
                    on = date.fromordinal(ordinal).isoformat()
                    twice = sentence("problem.exception_twice", on=on, first=first)
                    yield (*path, "from"), twice
                    break
        else:
            on = str(exception.on)
            first = first_at.setdefault(on, index)
            if first != index:
                yield (*path, "on"), sentence("problem.exception_twice", on=on, first=first)
        day = day_at((*path, "hours"), exception.hours)
        yield from empty_intervals(day)
        yield from overlaps([day], repeats=False)


def _date_problem(path: Path, exception: ScheduleException) -> Problem | None:
    """What is wrong with the dates of one exception."""
    on, start, end = exception.on, exception.start, exception.end
    if on is None and (start is None or end is None):
        return path, sentence("problem.exception_undated")
    if on is not None and (start is not None or end is not None):
        return path, sentence("problem.exception_both")
    if start is not None and end is not None and start >= end:
        order = sentence("problem.absence_order", start=str(start), end=str(end))
        return (*path, "to"), order
    if isinstance(on, str) and not _is_date(f"{_A_LEAP_YEAR}-{on}"):
        return (*path, "on"), sentence("problem.no_such_day", on=on)
    return None


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
