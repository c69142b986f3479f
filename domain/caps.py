"""Caps: at most so many leads per hour, day or week and manager (D5.5).

The periods are those of the calendar in the zone of the manager's schedule: the hour from :00,
the day from midnight, the week from Monday. Counted is what the distribution gave him under any
rule and did not take back; leads of duty are outside, as they are for the limit.

Given leads are kept by quarters of an hour, because every zone's hours begin at one of them; so
a manager with schedules in two zones is counted right in both.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from contracts.events import CapPeriod
from contracts.rules import CapsSection
from domain.schedule.zones import first_instant, zone

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_QUARTER = timedelta(minutes=15)
_KEPT_QUARTERS = 8 * 24 * 4  # a week, and more where clocks are put back
_WEEK_DAYS = 7

# Quarters of an hour since 1970, oldest first, to the leads given in each.
Given = dict[int, int]


@dataclass(frozen=True, slots=True)
class Caps:
    """The most leads per period, None for no cap, and the zone the periods are of."""

    zone_name: str
    hour: int | None
    day: int | None
    week: int | None

    def used_up(self, given: Given, at: datetime) -> tuple[CapPeriod, datetime] | None:
        """The cap that keeps a manager away for longest, and until when; None if none does."""
        for name, most in self._longest_first():
            begins_at, ends_at = _period(name, self.zone_name, quarter_of(at))
            if _since(given, quarter_of(begins_at)) >= most:
                return name, ends_at
        return None

    def periods(self, name: CapPeriod, since: datetime, until: datetime) -> Iterator[datetime]:
        """The begins of the periods that [since, until) reaches into."""
        at = since
        while at < until:
            begins_at, at = _period(name, self.zone_name, quarter_of(at))
            yield begins_at

    def _longest_first(self) -> Iterator[tuple[CapPeriod, int]]:
        if self.week is not None:
            yield "week", self.week
        if self.day is not None:
            yield "day", self.day
        if self.hour is not None:
            yield "hour", self.hour


def compile_caps(section: CapsSection | None, zone_name: str) -> Caps | None:
    """The caps as decisions ask for them."""
    if section is None:
        return None
    return Caps(zone_name, section.hour, section.day, section.week)


def add(given: Given, at: datetime) -> None:
    """Count a lead given now, and forget what no period reaches back to."""
    quarter = quarter_of(at)
    given[quarter] = given.get(quarter, 0) + 1
    while (oldest := next(iter(given))) < quarter - _KEPT_QUARTERS:
        del given[oldest]


def take_back(given: Given, at: datetime) -> None:
    """Count a lead given then no more."""
    quarter = quarter_of(at)
    if quarter in given:
        given[quarter] -= 1
        if not given[quarter]:
            del given[quarter]


def quarter_of(at: datetime) -> int:
    """The number of the quarter of an hour an instant is in."""
    return (at - _EPOCH) // _QUARTER


def _since(given: Given, first: int) -> int:
    total = 0
    for quarter, leads in reversed(given.items()):
        if quarter < first:
            break
        total += leads
    return total


@lru_cache(maxsize=4_096)
def _period(name: CapPeriod, zone_name: str, quarter: int) -> tuple[datetime, datetime]:
    """The period of the calendar that a quarter of an hour belongs to, as instants."""
    at, place = _EPOCH + quarter * _QUARTER, zone(zone_name)
    wall = at.astimezone(place).replace(tzinfo=None)
    if name == "hour":
        begins_at = at - timedelta(minutes=wall.minute)
        return begins_at, begins_at + timedelta(hours=1)
    midnight = wall.replace(hour=0, minute=0)
    days = 1
    if name == "week":
        midnight, days = midnight - timedelta(days=midnight.weekday()), _WEEK_DAYS
    return first_instant(midnight, place), first_instant(midnight + timedelta(days=days), place)
