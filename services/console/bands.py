"""A week as a band: who is there when, and where nobody is; drawn to the second, named by days."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from contracts.sentences import sentence
from domain.schedule.hours import WEEKDAYS
from services.application.cover import Cover
from services.application.span import Span
from services.console.names import name_of
from services.console.seeing import SeeingAccount
from services.words.kinds import offset

WIDTH = 700
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class BandPiece:
    """An interval in it.

    Attributes:
        x: Where it begins, of `WIDTH`.
        text: From when to when, and who.
        is_gap: Nobody is there.
    """

    x: float
    width: float
    text: str
    is_gap: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BandDay:
    """A day of it.

    Attributes:
        x: Where it begins.
        rows: The intervals in it, each as time and who: the same as a list.
    """

    x: float
    name: str
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """All of it.

    Attributes:
        gaps: How often nobody is there.
    """

    pieces: tuple[BandPiece, ...]
    days: tuple[BandDay, ...]
    gaps: int


def days_from(at: datetime, zone: ZoneInfo, days: int) -> Span:
    """So many whole days, the first the one of an instant; over DST one has another length."""
    first = at.astimezone(zone).date()
    start, end = (
        datetime.combine(on, time(), zone).astimezone(UTC) for on in (first, first + days * DAY)
    )
    return Span(start=start, end=end)


def band(
    who: SeeingAccount, covers: Sequence[Cover], span: Span, *, nobody: str, is_first: bool = False
) -> Band:
    """What is drawn of intervals without a gap.

    Args:
        who: Looks at it, in whose account's zone days begin.
        covers: The intervals.
        span: From the first to the last instant.
        nobody: What is said where nobody is there.
        is_first: Only the first of those who are there counts.
    """
    # Instants of one zone are subtracted as clocks show them, an hour wrong over DST: in UTC.
    start, end = span.start.astimezone(UTC), span.end.astimezone(UTC)

    def x(at: datetime) -> float:
        return round(WIDTH * ((at.astimezone(UTC) - start) / (end - start)), 1)

    @cache
    def named(ids: tuple[int, ...]) -> str:
        return ", ".join(name_of(who, each) for each in ids) or nobody

    def there(cover: Cover) -> str:
        return named(cover.manager_ids[:1] if is_first else cover.manager_ids)

    pieces = [
        BandPiece(
            x=x(cover.start),
            width=round(x(cover.end) - x(cover.start), 1),
            text=f"{_from_to(who, cover)}: {there(cover)}",
            is_gap=not cover.manager_ids,
        )
        for cover in covers
    ]
    return Band(
        pieces=tuple(pieces),
        days=tuple(_days(who, covers, span, x, there)),
        gaps=sum(each.is_gap for each in pieces),
    )


def _days(
    who: SeeingAccount,
    covers: Sequence[Cover],
    span: Span,
    x: Callable[[datetime], float],
    there: Callable[[Cover], str],
) -> list[BandDay]:
    found: list[BandDay] = []
    start = span.start
    while start < span.end:
        local = start.astimezone(who.zone)
        end = datetime.combine(local.date() + DAY, time(), who.zone).astimezone(UTC)
        rows = tuple(
            (within(who, (cover.start, cover.end), Span(start=start, end=end)), there(cover))
            for cover in covers
            if cover.start < end and cover.end > start
        )
        found.append(BandDay(x=x(start), name=day_name(who, local), rows=rows))
        start = end
    return found


def day_name(who: SeeingAccount, at: datetime) -> str:
    """A day as a week has it: `Sun 25`."""
    return f"{who.words.say(sentence(f'console.day.{WEEKDAYS[at.weekday()]}'))} {at.day}"


def _from_to(who: SeeingAccount, cover: Cover) -> str:
    start, end = cover.start.astimezone(who.zone), cover.end.astimezone(who.zone)
    return f"{day_name(who, start)} {_clock(start)}\N{EN DASH}{day_name(who, end)} {_clock(end)}"


def within(who: SeeingAccount, interval: tuple[datetime, datetime], day: Span) -> str:
    """The part of an interval that lies in a day: `09:00-13:00`."""
    from_ = max(interval[0].astimezone(UTC), day.start).astimezone(who.zone)
    to = "24:00" if interval[1] >= day.end else _clock(interval[1].astimezone(who.zone))
    return f"{_clock(from_)}\N{EN DASH}{to}"


def _clock(at: datetime) -> str:
    """The time; of an hour that there is twice, with its offset."""
    is_twice = at.replace(fold=0).utcoffset() != at.replace(fold=1).utcoffset()
    return f"{at:%H:%M} {offset(at)}" if is_twice else f"{at:%H:%M}"
