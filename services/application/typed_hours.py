"""Hours as people type them, `9-13 14-18`, and as the rules file has them (D4.1, W4.5)."""

import re
from collections.abc import Iterable

from services.application.refused import Refused

INTERVALS_MAX = 48
TEXT_MAX = 1_000
# `9-13`, `9:30-18`, `22-6`; whatever dash a keyboard or a document makes of it.
INTERVAL = re.compile(r"([0-9]{1,2})(?:[:.]([0-9]{2}))?-([0-9]{1,2})(?:[:.]([0-9]{2}))?")
DASHES = re.compile(r"\s*[-\N{EN DASH}\N{EM DASH}\N{MINUS SIGN}]\s*")
BETWEEN = re.compile(r"[\s,;+]+")
FREE = "-"
HOURS, MINUTES = 24, 60


def hours_typed(text: str) -> list[str]:
    """Intervals as in the rules file; none for nothing typed, or a dash.

    Raises:
        Refused: A part is no interval of a day's hours.
    """
    joined = DASHES.sub("-", text.strip())
    if joined in ("", FREE):
        return []
    if len(text) > TEXT_MAX:
        raise Refused("hours_unreadable", text=f"{text[:20]}…")
    parts = [part for part in BETWEEN.split(joined) if part]
    if len(parts) > INTERVALS_MAX:
        raise Refused("hours_unreadable", text=f"{text[:20]}…")
    return [_interval(part) for part in parts]


def hours_shown(intervals: Iterable[str]) -> str:
    """The same the other way round, as short as it can be typed; empty for a free day."""
    return " ".join("-".join(map(_short, each.split("-"))) for each in intervals)


def _interval(part: str) -> str:
    found = INTERVAL.fullmatch(part)
    if found is None:
        raise Refused("hours_unreadable", text=part)
    start = _time(found[1], found[2], part)
    end = _time(found[3], found[4], part)
    if start.startswith("24") or (end.startswith("24") and end != "24:00"):
        raise Refused("hours_unreadable", text=part)
    return f"{start}-{end}"


def _time(hour: str, minute: str | None, part: str) -> str:
    if int(hour) > HOURS or int(minute or 0) >= MINUTES:
        raise Refused("hours_unreadable", text=part)
    return f"{int(hour):02}:{int(minute or 0):02}"


def _short(time: str) -> str:
    hour, minute = time.split(":")
    return f"{int(hour)}" if minute == "00" else f"{int(hour)}:{minute}"
