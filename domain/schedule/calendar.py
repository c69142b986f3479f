"""Which hours a date has: its exception's, else those of its turn of days (D4.2, D4.5).

Dates are proleptic ordinals here: whole numbers, a day apart.
"""

from bisect import bisect_left
from calendar import isleap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date

from contracts.rules import ScheduleException
from domain.schedule.hours import Hours, Turn, hours

_WEEK = 7
_LEAP_DAY = (2, 29)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exceptions:
    """Dates with hours of their own.

    Attributes:
        dated: Ordinal to hours, in order.
        yearly: Month and day to hours, in order; 29 February is there in leap years only.
    """

    dated: tuple[tuple[int, Hours], ...] = ()
    yearly: tuple[tuple[tuple[int, int], Hours], ...] = ()

    def hours_on(self, ordinal: int) -> Hours | None:
        """The hours of a date; None where no exception is."""
        at = bisect_left(self.dated, (ordinal,))
        if at < len(self.dated) and self.dated[at][0] == ordinal:
            return self.dated[at][1]
        if not self.yearly:
            return None
        day = date.fromordinal(ordinal)
        key = (day.month, day.day)
        at = bisect_left(self.yearly, (key,))
        if at < len(self.yearly) and self.yearly[at][0] == key:
            return self.yearly[at][1]
        return None

    def holidays(self, year: int) -> Iterator[int]:
        """The days off of a year, in no order, each once."""
        first, last = date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal()
        begin, end = bisect_left(self.dated, (first,)), bisect_left(self.dated, (last + 1,))
        own = {ordinal for ordinal, _ in self.dated[begin:end]}
        yield from (ordinal for ordinal, day in self.dated[begin:end] if not day)
        for (month, day_of_month), day in self.yearly:
            if day or ((month, day_of_month) == _LEAP_DAY and not isleap(year)):
                continue
            ordinal = date(year, month, day_of_month).toordinal()
            if ordinal not in own:
                yield ordinal


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """The hours of every date. Immutable; what it keeps of what it counted cannot be seen."""

    turn: Turn
    exceptions: Exceptions
    _holidays: dict[int, tuple[int, ...]] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )
    _before: dict[int, int] = field(default_factory=dict, init=False, compare=False, repr=False)

    def hours_on(self, ordinal: int) -> Hours:
        """What starts on a date; an exception replaces that, and only that (D4.2)."""
        own = self.exceptions.hours_on(ordinal)
        if own is not None:
            return own
        turn = self.turn
        if not turn.skipped and not turn.skips_holidays:
            return turn.days[(ordinal - turn.anchor) % len(turn.days)]
        if (ordinal - 1) % _WEEK in turn.skipped:
            return ()
        return turn.days[(self._counted(ordinal) - self._counted(turn.anchor)) % len(turn.days)]

    def _counted(self, ordinal: int) -> int:
        """How many dates before this one count as days of the turn, but for a constant."""
        weeks, rest = divmod(ordinal - 1, _WEEK)
        skipped = self.turn.skipped
        counted = weeks * (_WEEK - len(skipped)) + rest - sum(day < rest for day in skipped)
        return counted - self._holidays_before(ordinal) if self.turn.skips_holidays else counted

    def _holidays_before(self, ordinal: int) -> int:
        """The holidays on days that count, from the year of the anchor on; negative before it."""
        year, base = date.fromordinal(ordinal).year, date.fromordinal(self.turn.anchor).year
        if year not in self._before:
            passed = sum(len(self._in_year(each)) for each in range(base, year))
            self._before[year] = passed - sum(len(self._in_year(e)) for e in range(year, base))
        return self._before[year] + bisect_left(self._in_year(year), ordinal)

    def _in_year(self, year: int) -> tuple[int, ...]:
        if year not in self._holidays:
            found = self.exceptions.holidays(year)
            counted = (day for day in found if (day - 1) % _WEEK not in self.turn.skipped)
            self._holidays[year] = tuple(sorted(counted))
        return self._holidays[year]


def compile_exceptions(sections: Iterable[ScheduleException]) -> Exceptions:
    """What an administrator wrote, by date; of two of one kind for a date, the later one holds."""
    spans: dict[int, Hours] = {}
    dated: dict[int, Hours] = {}
    yearly: dict[tuple[int, int], Hours] = {}
    for section in sections:
        own = hours(section.hours)
        if isinstance(section.on, date):
            dated[section.on.toordinal()] = own
        elif section.on is not None:
            month, _, day = section.on.partition("-")
            yearly[int(month), int(day)] = own
        elif section.start is not None and section.end is not None:
            spans |= dict.fromkeys(range(section.start.toordinal(), section.end.toordinal()), own)
    return Exceptions(
        dated=tuple(sorted((spans | dated).items())), yearly=tuple(sorted(yearly.items()))
    )
