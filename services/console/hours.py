"""When somebody works on a day, as a bar from midnight to midnight, and in words."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise

from services.application.cover import Hours
from services.application.span import Span
from services.console.bands import day_name, within
from services.console.seeing import SeeingAccount

WIDTH = 240


@dataclass(frozen=True, slots=True, kw_only=True)
class HoursBar:
    """A day of it.

    Attributes:
        pieces: Where each interval begins, of `WIDTH`, and how wide it is.
        now_x: Where the present is; None on other days.
        text: The same as times; empty where they do not work.
    """

    pieces: tuple[tuple[float, float], ...]
    now_x: float | None
    text: str


def hours_bar(who: SeeingAccount, hours: Hours, day: Span) -> HoursBar:
    """What is drawn of a day; over DST it has another length."""
    length = day.end - day.start

    def x(share: float) -> float:
        return round(WIDTH * share, 1)

    inside = [(max(a, day.start), min(b, day.end)) for a, b in hours if a < day.end]
    inside = [(a, b) for a, b in inside if a < b]
    return HoursBar(
        pieces=tuple((x((a - day.start) / length), x((b - a) / length)) for a, b in inside),
        now_x=x((who.now - day.start) / length) if day.start <= who.now < day.end else None,
        text=", ".join(within(who, each, day) for each in inside),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HoursDay:
    """A day with its name."""

    name: str
    bar: HoursBar


def hours_days(who: SeeingAccount, hours: Hours, days: int) -> list[HoursDay]:
    """So many days of the account from today on."""
    first = who.now.astimezone(who.zone).date()
    starts = [
        datetime.combine(first + timedelta(days=n), time(), who.zone).astimezone(UTC)
        for n in range(days + 1)
    ]
    return [
        HoursDay(
            name=day_name(who, start.astimezone(who.zone)),
            bar=hours_bar(who, hours, Span(start=start, end=end)),
        )
        for start, end in pairwise(starts)
    ]
