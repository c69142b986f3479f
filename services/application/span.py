"""A stretch of time that somebody asks about, as they type it."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from services.application.refused import Refused

DAY = timedelta(days=1)
# Beyond these, an instant has no date in some zone.
EARLIEST, LATEST = datetime(1970, 1, 2, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
DATE_LENGTH = len("2026-11-02")
# So long before the present: `-90m`, `-12h`, `-7d`, `-2w`.
RELATIVE = re.compile(r"-([0-9]{1,6})([mhdw])")
UNITS = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": DAY,
    "w": timedelta(weeks=1),
}
DAYS_MAX = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From an instant to another one, which is left out."""

    start: datetime
    end: datetime


def span_from(start: str, end: str, *, now: datetime, timezone: str, days: int) -> Span:
    """The span between two dates or times; a day that ends it belongs to it.

    Args:
        start: A date or a date and time in the account's zone, or how long ago, as `-7d`; empty
            for so many days before the end.
        end: The same; empty for now.
        now: The time.
        timezone: The account's zone.
        days: Of a span whose start is not told.

    Raises:
        Refused: One of them is no time, or nothing lies between them.
    """
    zone = zone_of(timezone)
    ends_at = _instant(end, zone, now, days=1) if end else now
    if ends_at is None:
        raise Refused("to_not_a_time", text=end)
    starts_at = _instant(start, zone, now, days=0) if start else ends_at - days * DAY
    if starts_at is None:
        raise Refused("from_not_a_time", text=start)
    if not starts_at < ends_at:
        raise Refused("span_empty", start=starts_at, end=ends_at)
    return Span(start=starts_at, end=ends_at)


def bounds_from(
    start: str, end: str, *, now: datetime, timezone: str
) -> tuple[datetime | None, datetime | None]:
    """The same for a list, which may be open at either end; 400 days at most where it begins.

    Raises:
        Refused: One of them is no time, nothing lies between them, or too much.
    """
    zone = zone_of(timezone)
    ends_at = _instant(end, zone, now, days=1) if end else None
    starts_at = _instant(start, zone, now, days=0) if start else None
    if end and ends_at is None:
        raise Refused("to_not_a_time", text=end)
    if start and starts_at is None:
        raise Refused("from_not_a_time", text=start)
    if starts_at is not None:
        check_length(Span(start=starts_at, end=ends_at or max(now, starts_at + DAY)))
    return starts_at, ends_at


def check_length(span: Span) -> None:
    """See that a span can be asked about.

    Raises:
        Refused: Nothing lies in it, or it is longer than 400 days.
    """
    if not span.start < span.end:
        raise Refused("span_empty", start=span.start, end=span.end)
    if span.end - span.start > DAYS_MAX * DAY:
        raise Refused("span_too_long", days=DAYS_MAX)


def day_from(
    text: str, *, now: datetime, timezone: str, end: Literal["from", "to"] | None = None
) -> tuple[date, Span]:
    """A day of the account, and when it began and ended.

    Args:
        text: A date, or how long ago, as `-7d`; empty for the present day.
        now: The time.
        timezone: The account's zone.
        end: Of the range that it begins or ends, if it does.

    Raises:
        Refused: It is none.
    """
    zone = zone_of(timezone)
    try:
        on = _day(text, now.astimezone(zone))
        starts_at, ends_at = (_midnight(each, zone) for each in (on, on + DAY))
    except (ValueError, OverflowError) as error:
        raise _not_a_day(text, end) from error
    return on, Span(start=starts_at, end=ends_at)


def _not_a_day(text: str, end: Literal["from", "to"] | None) -> Refused:
    if end == "from":
        return Refused("from_not_a_time", text=text)
    if end == "to":
        return Refused("to_not_a_time", text=text)
    return Refused("day_not_a_date", text=text)


def _day(text: str, here: datetime) -> date:
    if (ago := _ago(text)) is not None:
        return (here - ago).date()
    return date.fromisoformat(text) if text else here.date()


def _ago(text: str) -> timedelta | None:
    """How long ago `-7d` is; None for what is told otherwise."""
    found = RELATIVE.fullmatch(text)
    return None if found is None else int(found[1]) * UNITS[found[2]]


def zone_of(timezone: str) -> ZoneInfo:
    """The account's time zone.

    Raises:
        Refused: This machine does not know it.
    """
    try:
        return ZoneInfo(timezone)
    except ZoneInfoNotFoundError as error:
        raise Refused("time_zone_unknown", zone=timezone) from error


def _instant(text: str, zone: ZoneInfo, now: datetime, *, days: int) -> datetime | None:
    """What was typed as an instant, a date as the midnight so many days later; None if it is none.

    None as well for what has no date in some zone.
    """
    if not text.isascii():  # Python takes the digits of any script
        return None
    try:
        if (ago := _ago(text)) is not None:
            at = now - ago
        elif len(text) == DATE_LENGTH:
            at = _midnight(date.fromisoformat(text) + days * DAY, zone)
        else:
            at = datetime.fromisoformat(text)
            at = (at if at.tzinfo is not None else at.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return at if EARLIEST <= at < LATEST else None


def _midnight(on: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(on, time(), zone).astimezone(UTC)
