"""A compiled schedule: is somebody on shift, since when, until when, for how long (D4).

Shifts are computed lazily for stretches of 64 days at a time and kept as a sorted list of the
instants at which the schedule opens or closes, with the working time summed up so far. A
question a year ahead is then a handful of dictionary and bisection steps (D4.4). What is kept
cannot be seen: it takes no part in equality, hashing or any answer.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from contracts.rules import ScheduleSection
from domain.schedule.calendar import Calendar, compile_exceptions
from domain.schedule.hours import Hours, Span, turn_of
from domain.schedule.spans import merged, without
from domain.schedule.zones import first_instant, last_instant, zone

# How far ahead `next_start` and `state_at` look. A turn is at most 366 days, so only exceptions
# that close two whole years are not seen through.
HORIZON = timedelta(days=732)

_ORIGIN = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)
_STRETCH_DAYS = 64
_STRETCH = timedelta(days=_STRETCH_DAYS)
# Five years; a full cache is emptied, which costs time and changes nothing else.
_STRETCHES_MAX = 32
# A shift starts at most 14 hours before or 12 after its date in UTC, lasts at most a day, and
# can be moved by a day where a zone changes sides of the date line.
_MARGIN_DAYS = 4
# Dates so near the ends of the calendar that an offset would lead out of it have no shifts.
_FIRST_DAY = _ORIGIN.toordinal() + _MARGIN_DAYS
_LAST_DAY = _LAST.toordinal() - _MARGIN_DAYS
_NOTHING = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stretch:
    """64 days of UTC: the state before them, and every change of it inside.

    `changes` alternate between opening and closing; `worked[i]` is the working time from the
    beginning up to `changes[i]`, `total` that of the whole stretch.
    """

    begins_at: datetime
    ends_at: datetime
    is_open_before: bool
    changes: tuple[datetime, ...]
    worked: tuple[timedelta, ...]
    total: timedelta

    def is_open_after(self, changes: int) -> bool:
        """The state after the first so many changes."""
        return self.is_open_before ^ (changes % 2 == 1)

    def worked_until(self, t: datetime) -> timedelta:
        """The working time from the beginning of the stretch to an instant inside."""
        count = bisect_right(self.changes, t)
        worked = self.worked[count - 1] if count else _NOTHING
        if self.is_open_after(count):
            worked += t - (self.changes[count - 1] if count else self.begins_at)
        return worked


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When somebody works. Immutable; made by `compile_schedule`.

    All instants are aware UTC datetimes. Shifts that touch or overlap are one shift, also over
    midnight, so a start is always a real opening.
    """

    zone_name: str
    calendar: Calendar
    extra: tuple[tuple[datetime, datetime], ...] = ()
    """Instants from and to between which they work besides, whatever the calendar says (D4.6)."""
    given_away: tuple[tuple[datetime, datetime], ...] = ()
    """And between which somebody else works instead."""
    _stretches: dict[int, _Stretch] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )
    _last: list[tuple[datetime, datetime, bool]] = field(
        default_factory=lambda: [(_ORIGIN, _ORIGIN, False)], init=False, compare=False, repr=False
    )

    def is_open(self, t: datetime) -> bool:
        """Whether a shift is on at this instant; its first instant counts, its last does not."""
        since, until, is_open = self._last[0]
        if since <= t < until:  # a decision asks for each participant of the schedule
            return is_open
        stretch = self._stretch((t - _ORIGIN) // _STRETCH)
        count = bisect_right(stretch.changes, t)
        is_open = stretch.is_open_after(count)
        since = stretch.changes[count - 1] if count else stretch.begins_at
        until = stretch.changes[count] if count < len(stretch.changes) else stretch.ends_at
        self._last[0] = since, until, is_open
        return is_open

    def state_at(self, t: datetime) -> tuple[bool, datetime]:
        """Whether a shift is on, and until when that is sure.

        The state is the same throughout [t, until). It changes at `until`, unless that is
        `HORIZON` away: then nothing changes before, and later is for another question.
        """
        is_open = self.is_open(t)
        return is_open, next(self._changes(t), (_horizon(t), is_open))[0]

    def next_start(self, t: datetime) -> datetime | None:
        """The earliest start of a shift strictly later than `t`; None when `HORIZON` has none."""
        return next((at for at, opens in self._changes(t) if opens), None)

    def working_time_between(self, a: datetime, b: datetime) -> timedelta:
        """The exact time on shift in [a, b); none when b is not after a.

        Additive: from a to b and from b to c make from a to c, for a <= b <= c.
        The cost grows with the distance: years are microseconds, millennia are not.
        """
        if b <= a:
            return _NOTHING
        first, last = (a - _ORIGIN) // _STRETCH, (b - _ORIGIN) // _STRETCH
        whole = sum((self._stretch(index).total for index in range(first, last)), _NOTHING)
        return whole + self._stretch(last).worked_until(b) - self._stretch(first).worked_until(a)

    def worked_at(self, t: datetime, worked: timedelta) -> datetime | None:
        """The earliest instant by which so much has been worked since `t`; None within `HORIZON`.

        It ends the shift in which the rest was worked, rather than start the one after.
        """
        left, since, is_open = worked, t, self.is_open(t)
        for at, opens in self._changes(t):
            if is_open and at - since >= left:
                return since + left
            left -= at - since if is_open else _NOTHING
            since, is_open = at, opens
        end = _horizon(t)
        return since + left if is_open and end - since >= left else None

    def _changes(self, t: datetime) -> Iterator[tuple[datetime, bool]]:
        """Openings (True) and closings after `t` in order, up to the horizon."""
        horizon = _horizon(t)
        first, last = (t - _ORIGIN) // _STRETCH, (horizon - _ORIGIN) // _STRETCH
        for index in range(first, last + 1):
            stretch = self._stretch(index)
            known = bisect_right(stretch.changes, t)
            for count in range(known, len(stretch.changes)):
                if stretch.changes[count] > horizon:
                    return
                yield stretch.changes[count], stretch.is_open_after(count + 1)

    def _stretch(self, index: int) -> _Stretch:
        stretch = self._stretches.get(index)
        if stretch is None:
            stretch = self._computed(index)
            if len(self._stretches) >= _STRETCHES_MAX:
                self._stretches.clear()
            self._stretches[index] = stretch
        return stretch

    def _computed(self, index: int) -> _Stretch:
        begins_at = _ORIGIN + index * _STRETCH
        ends_at = begins_at + min(_STRETCH, _LAST - begins_at)
        shifts = self._shifts_around(begins_at.toordinal())
        changes = tuple(at for shift in shifts for at in shift if begins_at <= at < ends_at)
        is_open = is_open_before = any(start < begins_at <= end for start, end in shifts)
        worked, total, since = [], _NOTHING, begins_at
        for at in (*changes, ends_at):
            if is_open:
                total += at - since
            worked.append(total)
            is_open, since = not is_open, at
        return _Stretch(
            begins_at=begins_at,
            ends_at=ends_at,
            is_open_before=is_open_before,
            changes=changes,
            worked=tuple(worked),
            total=total,
        )

    def _shifts_around(self, first_day: int) -> list[tuple[datetime, datetime]]:
        """The merged shifts of a stretch and some days on both sides, in order.

        The outermost ones may be cut off; the margin keeps them out of the stretch.
        """
        place = zone(self.zone_name)
        days = range(
            max(first_day - _MARGIN_DAYS, _FIRST_DAY),
            min(first_day + _STRETCH_DAYS + _MARGIN_DAYS, _LAST_DAY),
        )
        hours_on = self.calendar.hours_on
        shifts = merged(_shift(day, span, place) for day in days for span in hours_on(day))
        if self.given_away or self.extra:
            shifts = merged([*without(shifts, self.given_away), *self.extra])
        return shifts

    def shifts_on(self, day: date) -> tuple[tuple[datetime, datetime], ...]:
        """The shifts that start on a date, from and to, as the calendar alone has them."""
        return instants_on(day, self.calendar.hours_on(day.toordinal()), self.zone_name)


def compile_schedule(section: ScheduleSection, default_zone: str) -> Schedule:
    """Make a schedule from what the administrator wrote.

    Meant for a section without `schedule_problems`. What is merely unwise compiles too, so that
    a check that grows stricter cannot make an old log unreadable: overlaps merge, of two
    exceptions for a date the later one holds.

    Args:
        section: The schedule as written.
        default_zone: The account's zone, for a schedule that names none (D4.3).

    Raises:
        ValueError: The section has no meaning: no turn of days, or an unknown zone.
    """
    calendar = Calendar(turn=turn_of(section), exceptions=compile_exceptions(section.exceptions))
    name = default_zone if section.timezone is None else section.timezone
    zone(name)
    return Schedule(zone_name=name, calendar=calendar)


def instants_on(day: date, hours: Hours, zone_name: str) -> tuple[tuple[datetime, datetime], ...]:
    """The instants from and to of the hours of a date, on the clock of a zone."""
    ordinal = day.toordinal()
    if not _FIRST_DAY <= ordinal < _LAST_DAY:
        return ()
    place = zone(zone_name)
    return tuple(_shift(ordinal, span, place) for span in hours)


def _horizon(t: datetime) -> datetime:
    return t + min(HORIZON, _LAST - t)


def _shift(day: int, span: Span, place: ZoneInfo) -> tuple[datetime, datetime]:
    """The instants of an interval; both the same where a gap has swallowed it."""
    midnight = datetime.fromordinal(day)
    start, end = span
    return (
        first_instant(midnight + timedelta(minutes=start), place),
        last_instant(midnight + timedelta(minutes=end), place),
    )
