"""Times as the API writes and reads them: RFC 3339, in UTC, with milliseconds (A1.1)."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainSerializer
from pydantic.config import JsonDict

# Beyond these, an instant has no date in some zone.
EARLIEST, LATEST = datetime(1970, 1, 2, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)

# An answer is written by a serializer, of which the document knows only that it is text.
DATE_TIME: JsonDict = {"format": "date-time"}


def told(at: datetime) -> str:
    """An instant as `2026-11-02T09:00:00.000Z`."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def on_its_clock(at: datetime) -> str:
    """As `2026-11-02T09:00:00.000-03:00`: with the offset that the instant carries."""
    return at.isoformat(timespec="milliseconds")


def instant_from(value: object) -> datetime:
    """An instant from text with an offset.

    Raises:
        ValueError: It is none, has no offset, or no date in some zone.
    """
    expected = "expected a date and time with an offset, as 2026-11-02T09:00:00Z"
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not value.isascii():  # Python takes the digits of any script
        raise ValueError(expected)
    try:
        at = datetime.fromisoformat(value)
        in_utc = at.astimezone(UTC) if at.tzinfo is not None else None
    except (ValueError, OverflowError) as error:
        raise ValueError(expected) from error
    if in_utc is None:
        raise ValueError(expected)
    if not EARLIEST <= in_utc < LATEST:
        raise ValueError("expected a year from 1970 to 9998")
    return in_utc


Instant = Annotated[
    datetime,
    PlainSerializer(told, return_type=str, when_used="json"),
    Field(examples=["2026-11-02T09:00:00.000Z"], json_schema_extra=DATE_TIME),
]
InstantIn = Annotated[
    datetime,
    BeforeValidator(instant_from),
    Field(strict=False, examples=["2026-11-02T09:00:00Z"]),
]
LocalInstant = Annotated[
    datetime,
    PlainSerializer(on_its_clock, return_type=str, when_used="json"),
    Field(examples=["2026-11-02T09:00:00.000-03:00"], json_schema_extra=DATE_TIME),
]
