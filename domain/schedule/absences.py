"""Vacations and sick leave, per manager (D4.2).

An absence is [from, to). An instant with an offset is that instant; a whole date, or a time
without an offset, is on the account's clock: a date means its midnight, so `to` is the first
day back at work. Midnights in gaps and overlaps are treated as D4.3 treats a shift's.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import MINYEAR, UTC, date, datetime, time
from zoneinfo import ZoneInfo

from contracts.rules import AbsenceSection
from contracts.sentences import sentence
from domain.schedule.intervals import Problem
from domain.schedule.spans import merged
from domain.schedule.zones import first_instant, last_instant, zone

_FIRST = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Absences:
    """Who is away when. Immutable; made by `compile_absences`.

    All instants are aware UTC datetimes. Absences that touch or overlap are one.
    """

    by_manager: tuple[tuple[int, tuple[datetime, ...]], ...]
    """Manager id to the instants at which they leave and return in turn, in order of id."""

    def is_absent(self, manager_id: int, t: datetime) -> bool:
        """Whether the manager is away at this instant; the instant of return is not away."""
        return self.state_at(manager_id, t)[0]

    def absent_until(self, manager_id: int, t: datetime) -> datetime | None:
        """When a manager who is away at `t` returns; None when they are not away."""
        is_absent, until = self.state_at(manager_id, t)
        return until if is_absent else None

    def state_at(self, manager_id: int, t: datetime) -> tuple[bool, datetime | None]:
        """Whether the manager is away, and when that changes; None when it never does."""
        changes = self._changes(manager_id)
        count = bisect_right(changes, t)
        return count % 2 == 1, changes[count] if count < len(changes) else None

    def _changes(self, manager_id: int) -> tuple[datetime, ...]:
        at = bisect_left(self.by_manager, (manager_id,))
        if at < len(self.by_manager) and self.by_manager[at][0] == manager_id:
            return self.by_manager[at][1]
        return ()


def compile_absences(sections: Iterable[AbsenceSection], account_zone: str) -> Absences:
    """Make the absences of an account from what the administrator wrote.

    Meant for sections without `absence_problems`; an empty absence is nobody's absence.

    Args:
        sections: The absences as written, in any order, overlapping as they like.
        account_zone: Whose clock dates and times without an offset are on.

    Raises:
        ValueError: The zone is unknown.
    """
    away: dict[int, list[tuple[datetime, datetime]]] = {}
    for section in sections:
        away.setdefault(section.manager, []).append(_instants(section, account_zone))
    return Absences(
        by_manager=tuple(
            (manager_id, tuple(at for span in merged(away[manager_id]) for at in span))
            for manager_id in sorted(away)
        )
    )


def absence_problems(section: AbsenceSection) -> list[Problem]:
    """What is wrong with an absence, with its place in the section; empty when fine.

    Without the account's zone at hand, an instant with an offset and a date or time without one
    are told apart by their dates only; an absence that turns out empty is nobody's absence.
    """
    start, end = section.start, section.end
    if _has_offset(start) == _has_offset(end):
        is_empty = _wall(start) >= _wall(end)
    else:
        is_empty = _wall(start).date() > _wall(end).date()
    if not is_empty:
        return []
    return [(("to",), sentence("problem.absence_order", start=str(start), end=str(end)))]


def _instants(section: AbsenceSection, account_zone: str) -> tuple[datetime, datetime]:
    return (
        _instant(section.start, account_zone, first_instant),
        _instant(section.end, account_zone, last_instant),
    )


def _instant(
    written: datetime | date,
    account_zone: str,
    occurrence: Callable[[datetime, ZoneInfo], datetime],
) -> datetime:
    """What is written as an instant; beyond the calendar, which is "for ever", its last."""
    place = zone(account_zone)
    wall = _wall(written)
    try:
        return wall.astimezone(UTC) if _has_offset(written) else occurrence(wall, place)
    except OverflowError:
        return _FIRST if wall.year == MINYEAR else _LAST


def _has_offset(written: datetime | date) -> bool:
    return isinstance(written, datetime) and written.tzinfo is not None


def _wall(written: datetime | date) -> datetime:
    return written if isinstance(written, datetime) else datetime.combine(written, time())
