"""What is wrong with the intervals of some days, each told with its place (D4.1)."""

from collections.abc import Iterator
from operator import itemgetter

from contracts.sentences import Sentence, sentence
from domain.schedule.hours import DAY_MINUTES, span

# Where in the section, as keys and positions: ("weekly", "mon", 1).
Path = tuple[str | int, ...]
Problem = tuple[Path, Sentence]
# A day's written intervals with the place of each.
Day = list[tuple[Path, str]]


def day_at(path: Path, intervals: list[str]) -> Day:
    """A day's intervals as they stand at a path."""
    return [((*path, index), interval) for index, interval in enumerate(intervals)]


def empty_intervals(day: Day) -> Iterator[Problem]:
    """Each interval that ends where it starts."""
    for path, interval in day:
        if _is_empty(interval):
            yield path, sentence("problem.interval_empty", interval=interval)


def overlaps(days: list[Day], *, repeats: bool) -> Iterator[Problem]:
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
    busy_until, busy, place = 0, "", ""
    for start, end, path, interval in spans:
        if start < busy_until:
            yield path, sentence("problem.overlap", interval=interval, busy=busy, place=place)
        if end > busy_until:
            busy_until, busy, place = end, interval, _place(path)


def _place(path: Path) -> str:
    return ".".join(str(key) for key in path)


def _is_empty(interval: str) -> bool:
    start, end = interval.split("-")
    return start == end
