"""In which form a sentence is said: as plain text, or as a part of a page.

On a page each instant is a `<time>`: UTC when hovered, and what programs read when copied (W3.9).
All else is text, whoever chose it, and is escaped here, once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape


class Marked(str):
    """A part of a page, which a template puts in as it is."""

    __slots__ = ()

    def __html__(self) -> str:
        """What templates ask whatever they do not have to escape."""
        return str(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How a sentence is put together.

    Attributes:
        text: What becomes of a piece of it.
        whole: What its pieces are together.
        time: What becomes of an instant and its text.
    """

    text: Callable[[str], str]
    whole: Callable[[str], str]
    time: Callable[[datetime, str], str]


def marked_time(at: datetime, text: str) -> Marked:
    """An instant on a page."""
    return time_tag(iso_of(at), utc_of(at), text)


def time_tag(iso: str, utc: str, text: str) -> Marked:
    """The same, where it is written out already."""
    return Marked(f'<time datetime="{escape(iso)}" title="{escape(utc)}">{escape(text)}</time>')


def iso_of(at: datetime) -> str:
    """For programs."""
    return at.isoformat(timespec="milliseconds")


def utc_of(at: datetime) -> str:
    """For whoever hovers over it."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def marked_text(text: str) -> Marked:
    """Text on a page; what is a part of one already stays."""
    return text if isinstance(text, Marked) else Marked(escape(text))


def capital(text: str) -> str:
    """With a capital, in the form that it has."""
    return type(text)(text[:1].upper() + text[1:])


def _plain(text: str) -> str:
    return text


def _plain_time(_: datetime, text: str) -> str:
    return text


PLAIN = Form(text=_plain, whole=_plain, time=_plain_time)
MARKED = Form(text=marked_text, whole=Marked, time=marked_time)
