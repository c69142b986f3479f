"""Instants as a page tells them (W3.9): in a zone, with the date if it is not today."""

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from services.console.seeing import Seeing
from services.words.kinds import offset

MINUTE = "%Y-%m-%d %H:%M"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """An instant.

    Attributes:
        text: For people, in the account's zone; of an hour that there is twice, with its offset.
        iso: For programs.
        utc: The same instant for whoever hovers over it.
    """

    text: str
    iso: str
    utc: str


def moment(who: Seeing, at: datetime) -> Moment:
    """An instant as it is told on a page: in the zone of its account, if it is about one."""
    return moment_in(who.zone, at, now=who.now)


def moment_in(zone: ZoneInfo, at: datetime, *, now: datetime) -> Moment:
    """The same in any zone."""
    local = at.astimezone(zone)
    text = f"{local:%H:%M}" if local.date() == now.astimezone(zone).date() else f"{local:{MINUTE}}"
    return Moment(
        text=f"{text} {offset(local)}" if _is_twice(local) else text,
        iso=at.isoformat(timespec="milliseconds"),
        utc=f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC",
    )


def _is_twice(local: datetime) -> bool:
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
