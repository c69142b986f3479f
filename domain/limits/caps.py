"""Caps: at most so many leads per hour, day, week or month and manager (D5.5, D5.7).

The periods are those of the calendar in the zone of the manager's schedule: the hour from :00,
the day from midnight, the week from Monday, the month from the first. Counted is what the
distribution gave them under any rule and did not take back; leads of duty are outside, as they
are for the limit.

Given leads are kept by quarters of an hour, because every zone's hours begin at one of them; so
a manager with schedules in two zones is counted right in both.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from contracts.events import CapPeriod
from contracts.rules import CapsSection
from domain.schedule.zones import first_instant, zone

LONGEST_FIRST: tuple[CapPeriod, ...] = ("month", "week", "day", "hour")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_QUARTER = timedelta(minutes=15)
_DAY_QUARTERS = 24 * 4
_WEEK_DAYS = 7
_NEXT_MONTH = timedelta(days=31)
# The longest period, and more where clocks are put back.
_WEEK_KEPT, _MONTH_KEPT = 8 * _DAY_QUARTERS, 33 * _DAY_QUARTERS


@dataclass(slots=True)
class Given:
    """The leads that were given to a manager lately.

    Attributes:
        quarters: Of an hour since 1970 in which there were any, ascending.
        totals: How many until the end of each.
    """

    quarters: list[int] = field(default_factory=list)
    totals: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, pairs: Iterable[tuple[int, int]]) -> "Given":
        """From each quarter and the leads in it, ascending."""
        given = cls()
        for quarter, leads in pairs:
            given.quarters.append(quarter)
            given.totals.append(given.total + leads)
        return given

    @property
    def total(self) -> int:
        """All of them."""
        return self.totals[-1] if self.totals else 0

    def items(self) -> list[tuple[int, int]]:
        """Each quarter and the leads in it, ascending."""
        before = (0, *self.totals)
        return [
            (quarter, total - earlier)
            for quarter, total, earlier in zip(self.quarters, self.totals, before, strict=False)
        ]

    def since(self, first: int) -> int:
        """How many since a quarter began."""
        place = bisect_left(self.quarters, first)
        return self.total - (self.totals[place - 1] if place else 0)

    def add(self, at: datetime, *, kept_quarters: int) -> None:
        """Count a lead given now, and forget what no period reaches back to."""
        quarter = quarter_of(at)
        if not self.quarters or self.quarters[-1] != quarter:
            self._forget(quarter - kept_quarters)
            self.quarters.append(quarter)
            self.totals.append(self.total)
        self.totals[-1] += 1

    def take_back(self, at: datetime) -> None:
        """Count a lead given then no more."""
        quarter = quarter_of(at)
        place = bisect_left(self.quarters, quarter)
        if place == len(self.quarters) or self.quarters[place] != quarter:
            return
        for later in range(place, len(self.totals)):
            self.totals[later] -= 1
        if self.totals[place] == (self.totals[place - 1] if place else 0):
            del self.quarters[place], self.totals[place]

    def _forget(self, first: int) -> None:
        place = bisect_left(self.quarters, first)
        if place:
            gone = self.totals[place - 1]
            self.quarters = self.quarters[place:]
            self.totals = [total - gone for total in self.totals[place:]]


@dataclass(frozen=True, slots=True)
class Caps:
    """The most leads per period, None for no cap, and the zone the periods are of."""

    zone_name: str
    hour: int | None
    day: int | None
    week: int | None
    month: int | None = None

    @property
    def kept_quarters(self) -> int:
        """How far back given leads have to be remembered."""
        return _WEEK_KEPT if self.month is None else _MONTH_KEPT

    def used_up(self, given: Given, at: datetime) -> tuple[CapPeriod, datetime] | None:
        """The cap that keeps a manager away for longest, and until when; None if none does."""
        longest: tuple[CapPeriod, datetime] | None = None
        for name in LONGEST_FIRST:
            most: int | None = getattr(self, name)
            if most is None:
                continue
            begins_at, ends_at = _period(name, self.zone_name, quarter_of(at))
            is_longer = longest is None or ends_at > longest[1]
            if is_longer and given.since(quarter_of(begins_at)) >= most:
                longest = name, ends_at
        return longest

    def periods(self, name: CapPeriod, since: datetime, until: datetime) -> Iterator[datetime]:
        """The begins of the periods that [since, until) reaches into."""
        at = since
        while at < until:
            begins_at, at = _period(name, self.zone_name, quarter_of(at))
            yield begins_at


def compile_caps(
    of_rule: CapsSection | None, own: CapsSection | None, zone_name: str, *, instead: bool
) -> Caps | None:
    """The caps as decisions ask for them: of the rule's and their own the smaller (D5.7).

    Args:
        of_rule: The rule's.
        own: The participant's.
        zone_name: Whose calendar it is.
        instead: Their own hold alone.
    """
    sections = [each for each in ((own,) if instead else (of_rule, own)) if each is not None]
    if not sections:
        return None

    def least(name: CapPeriod) -> int | None:
        return min((m for each in sections if (m := getattr(each, name)) is not None), default=None)

    return Caps(zone_name, least("hour"), least("day"), least("week"), least("month"))


def quarter_of(at: datetime) -> int:
    """The number of the quarter of an hour an instant is in."""
    return (at - _EPOCH) // _QUARTER


def period_of(name: CapPeriod, zone_name: str, at: datetime) -> tuple[datetime, datetime]:
    """The begin and the end of the period of the calendar that an instant is in."""
    return _period(name, zone_name, quarter_of(at))


@lru_cache(maxsize=4_096)
def _period(name: CapPeriod, zone_name: str, quarter: int) -> tuple[datetime, datetime]:
    """The period of the calendar that a quarter of an hour belongs to, as instants."""
    at, place = _EPOCH + quarter * _QUARTER, zone(zone_name)
    wall = at.astimezone(place).replace(tzinfo=None)
    if name == "hour":
        begins_at = at - timedelta(minutes=wall.minute)
        return begins_at, begins_at + timedelta(hours=1)
    begins = wall.replace(hour=0, minute=0)
    ends = begins + timedelta(days=1)
    if name == "week":
        begins -= timedelta(days=begins.weekday())
        ends = begins + timedelta(days=_WEEK_DAYS)
    elif name == "month":
        begins = begins.replace(day=1)
        ends = (begins + _NEXT_MONTH).replace(day=1)
    return first_instant(begins, place), first_instant(ends, place)
