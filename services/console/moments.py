"""Instants as a page tells them (W3.9): in a zone, with the date if it is not today."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from services.console.seeing import Seeing
from services.words.forms import Marked, iso_of, time_tag, utc_of
from services.words.kinds import offset

DAY, MINUTE, SECOND = "%Y-%m-%d", "%H:%M", "%H:%M:%S"


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

    @property
    def marked(self) -> Marked:
        """On a page, by itself or in a sentence."""
        return time_tag(self.iso, self.utc, self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotYet:
    """How far what a page shows is behind what happened (W3.4).

    Attributes:
        at: Until when all is shown, to the second.
    """

    at: Moment
    behind_s: int


def moment(who: Seeing, at: datetime) -> Moment:
    """An instant as it is told on a page: in the zone of its account, if it is about one."""
    return moment_in(who.zone, at, now=who.now)


def moment_in(zone: ZoneInfo, at: datetime, *, now: datetime, has_seconds: bool = False) -> Moment:
    """The same in any zone."""
    local = at.astimezone(zone)
    time = SECOND if has_seconds else MINUTE
    is_today = local.date() == now.astimezone(zone).date()
    text = f"{local:{time}}" if is_today else f"{local:{DAY} {time}}"
    return Moment(
        text=f"{text} {offset(local)}" if _is_twice(local) else text,
        iso=iso_of(at),
        utc=utc_of(at),
    )


def not_yet(who: Seeing, unshown_at: datetime) -> NotYet:
    """All is shown until the first event that is not."""
    return NotYet(
        at=moment_in(who.zone, unshown_at, now=who.now, has_seconds=True),
        behind_s=max(0, round((who.now - unshown_at).total_seconds())),
    )


def _is_twice(local: datetime) -> bool:
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
