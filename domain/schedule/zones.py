"""Time zones: the database, and what a time on the wall means as an instant (D4.3)."""

from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import resources
from zoneinfo import ZoneInfo

import tzdata  # type: ignore[import-untyped]  # it is data, and ships no types

from contracts.sentences import Sentence, sentence

_SECOND = timedelta(seconds=1)


def tzdata_version() -> str:
    """The version of the database all instants here come from, for example `2026f` (F67)."""
    return str(tzdata.IANA_VERSION)


@cache
def zone_names() -> tuple[str, ...]:
    """Every zone of the database, links included, in order of name."""
    listed = (resources.files("tzdata") / "zones").read_text(encoding="ascii")
    return tuple(sorted(listed.split()))


def zone_problem(name: str) -> Sentence | None:
    """Why this cannot be a time zone; None when it can."""
    if name in zone_names():
        return None
    for known in zone_names():
        if known.casefold() == name.casefold():
            return sentence("problem.zone_misspelt", given=name, meant=known)
    return sentence("problem.zone_unknown", given=name)


@cache
def zone(name: str) -> ZoneInfo:
    """The zone as the `tzdata` package knows it.

    The system's own database is passed over on purpose: two machines with different system
    updates would decide differently (D10).

    Raises:
        ValueError: The database has no such zone.
    """
    if name not in zone_names():
        wrong = f"unknown time zone {name!r}"
        raise ValueError(wrong)
    # The name is one of the database's own by now, so it cannot lead out of the folder.
    with (resources.files("tzdata") / "zoneinfo" / name).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def first_instant(wall: datetime, place: ZoneInfo) -> datetime:
    """The first time clocks of the zone show this; in a gap, when they have jumped over it.

    Args:
        wall: A naive datetime, what the clock on the wall shows.
        place: The zone of that wall.
    """
    earlier, later = _offsets(wall, place)
    if earlier < later:
        return _end_of_gap(wall, place)
    return (wall - earlier).replace(tzinfo=UTC)


def last_instant(wall: datetime, place: ZoneInfo) -> datetime:
    """The last time clocks of the zone show this; in a gap, when they have jumped over it.

    Args:
        wall: A naive datetime, what the clock on the wall shows.
        place: The zone of that wall.
    """
    earlier, later = _offsets(wall, place)
    if earlier < later:
        return _end_of_gap(wall, place)
    return (wall - later).replace(tzinfo=UTC)


def _offsets(wall: datetime, place: ZoneInfo) -> tuple[timedelta, timedelta]:
    """The offsets before and after a change that concerns this time; equal when none does."""
    earlier = place.utcoffset(wall)
    later = place.utcoffset(wall.replace(fold=1))
    assert earlier is not None, "a zone of the database has an offset at any time"
    assert later is not None, "a zone of the database has an offset at any time"
    return earlier, later


def _end_of_gap(wall: datetime, place: ZoneInfo) -> datetime:
    """The instant at which the clocks jump over this time.

    Read with the offset after the jump, the time lies before the jump; read with the offset
    before it, at or after the jump. Halving that span finds the jump to the second.
    """
    earlier, later = _offsets(wall, place)
    before = (wall - later).replace(tzinfo=UTC)
    span = (later - earlier) // _SECOND
    low, high = 0, span
    while high - low > 1:
        middle = (low + high) // 2
        shown = (before + middle * _SECOND).astimezone(place).replace(tzinfo=None)
        if shown >= wall:
            high = middle
        else:
            low = middle
    return before + high * _SECOND
