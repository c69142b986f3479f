"""Where a page of a list begins: the key of a row, sealed with what the list was asked (A3.2).

A cursor is the key itself and no place in a memory of ours, so it never expires. The seal is under
the installation's own key, which outlives every process.
"""

import binascii
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.access.secret import Digests
from services.web.problems import FieldError, HttpProblem

Key = tuple[int | str, ...]
KIND = "cursor"
SEAL_BYTES = 16
CURSOR_LENGTH_MAX = 2_000
MILLISECONDS = 1_000
EPOCH, MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """A place between two rows.

    Attributes:
        key: Of the row that is next to it.
        is_back: Whether the page ends before that row, instead of beginning behind it.
        at: When the first page was asked for: what relative instants of the filter count from.
    """

    key: Key
    is_back: bool
    at: datetime


def microseconds(at: datetime) -> int:
    """An instant as a part of a key, as exact as the database has it."""
    return (at - EPOCH) // MICROSECOND


def at_microseconds(count: int) -> datetime:
    """The instant that such a part of a key stands for."""
    return EPOCH + count * MICROSECOND


async def seal(digests: Digests, asked: str, cursor: Cursor) -> str:
    """As it is handed out.

    Args:
        digests: Under the installation's key.
        asked: Which list of which account, with which filter, in which order.
        cursor: The place.
    """
    ms = round(cursor.at.timestamp() * MILLISECONDS)
    body = json.dumps([cursor.is_back, ms, *cursor.key], separators=(",", ":")).encode()
    return urlsafe_b64encode(await _seal(digests, asked, body) + body).decode().rstrip("=")


async def open_(digests: Digests, asked: str, text: str) -> Cursor:
    """What was handed out.

    Raises:
        HttpProblem: It is none of ours, or of another list or filter.
    """
    try:
        whole = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        whole = b""
    sealed, body = whole[:SEAL_BYTES], whole[SEAL_BYTES:]
    if not hmac.compare_digest(sealed, await _seal(digests, asked, body)):
        raise mismatch()
    is_back, ms, *key = json.loads(body)
    at = datetime.fromtimestamp(ms / MILLISECONDS, UTC)
    return Cursor(key=tuple(key), is_back=is_back, at=at)


def mismatch() -> HttpProblem:
    """The answer to a cursor that does not belong to what is asked."""
    detail = "Send the cursor with the same filter as it was given for, or none to begin anew."
    return HttpProblem(
        "cursor-mismatch",
        detail,
        errors=[FieldError(pointer="query.cursor", code="cursor-mismatch", detail=detail)],
    )


async def _seal(digests: Digests, asked: str, body: bytes) -> bytes:
    whole = await digests.of(KIND, f"{asked}\0{body.decode('utf-8', 'replace')}")
    return whole[:SEAL_BYTES]
