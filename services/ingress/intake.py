"""From a body to what must be durable before the 200: messages, dead letters, or both."""

import asyncio
import re
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import structlog

from contracts.inbound import Inbound
from contracts.kommo.notifications import (
    DeedNotification,
    LeadNotification,
    LeadRemovedNotification,
    Reading,
    Rejected,
)
from services.ingress.body import Body
from services.ingress.clock import ReceiptClock
from services.ingress.translate import translate
from services.log.port import Entry
from services.storage.dead_letters import DeadLetter

log = structlog.get_logger()

# Of a body over the limit, which cannot be read again; any other is kept whole.
BEGINNING_BYTES = 65_536
REASONS_MAX = 20
REASON_CHARS_MAX = 200
SOURCE = "webhook"
# A larger body is read in a thread, so that it does not hold up the others.
READ_INLINE_BYTES_MAX = 65_536
PLAIN_ENCODINGS = {"", "identity"}
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f]+")  # PostgreSQL takes no NUL in a text

Read = Callable[[bytes, str | None], Reading]
Encode = Callable[[Inbound], bytes]


@dataclass(frozen=True, slots=True)
class Kept:
    """What one body came to; all empty when Kommo told of nothing that concerns us.

    Attributes:
        message_ids: Of the entries, in their order.
    """

    entries: tuple[Entry, ...] = ()
    letters: tuple[DeadLetter, ...] = ()
    message_ids: tuple[str, ...] = ()


class Intake:
    """Understands bodies; never refuses one."""

    def __init__(self, *, read: Read, encode: Encode, clock: ReceiptClock) -> None:
        self._read = read
        self._encode = encode
        self._clock = clock

    async def understand(
        self, account_id: int, body: Body, *, content_type: str | None, content_encoding: str | None
    ) -> Kept:
        """What to keep of a body that came under the account's secret."""

        def letter(reason: str) -> Kept:
            return Kept(letters=(_letter(account_id, body, content_type, reason),))

        if not body.is_whole:
            return letter("body too large")
        if (content_encoding or "").strip().lower() not in PLAIN_ENCODINGS:
            return letter("content encoding not supported")
        try:
            reading = await self._reading(body.content, content_type)
            stranger = _other_account(reading, account_id)
            if stranger is not None:
                log.warning("webhook_account_mismatched", account_id=account_id)
                return letter(f"the secret is of account {account_id}, the body of {stranger}")
            # No await from the stamp to the queue: the order of times is the order of the log.
            messages = self._messages(account_id, body.content, reading)
            entries = tuple(Entry(account_id, self._encode(message)) for message in messages)
            message_ids = tuple(message.message_id for message in messages)
        except Exception as error:  # noqa: BLE001  # a bug must not become a 5xx (F34)
            reason = _place_of(error)
            log.error("webhook_not_understood", account_id=account_id, reason=reason)  # noqa: TRY400  # the message may quote the body
            return letter(f"not understood: {reason}")
        letters = letter(_reasons(reading.rejected)).letters if reading.rejected else ()
        return Kept(entries, letters, message_ids)

    async def _reading(self, content: bytes, content_type: str | None) -> Reading:
        if len(content) <= READ_INLINE_BYTES_MAX:
            return self._read(content, content_type)
        return await asyncio.to_thread(self._read, content, content_type)

    def _messages(self, account_id: int, content: bytes, reading: Reading) -> list[Inbound]:
        at = self._clock()
        digest = blake2b(content, digest_size=16).digest()
        return [*translate(reading.notifications, account_id=account_id, body_digest=digest, at=at)]


def _letter(account_id: int, body: Body, content_type: str | None, reason: str) -> DeadLetter:
    return DeadLetter(
        account_id=account_id,
        source=SOURCE,
        position=None,
        reason=_CONTROL_CHARACTERS.sub(" ", reason),
        content_type=content_type or "",
        body=body.content if body.is_whole else body.content[:BEGINNING_BYTES],
        size=body.size,
    )


def _other_account(reading: Reading, account_id: int) -> int | None:
    """An account the body names besides the secret's (I11)."""
    named = [
        notification.account_id
        for notification in reading.notifications
        if isinstance(notification, LeadNotification | LeadRemovedNotification | DeedNotification)
    ]
    return next(
        (other for other in (reading.account_id, *named) if other not in {None, account_id}), None
    )


def _reasons(rejected: Sequence[Rejected]) -> str:
    shown = "; ".join(
        # Without a path it is the body, as its reason says.
        (f"{part.path}: {part.reason}" if part.path else part.reason)[:REASON_CHARS_MAX]
        for part in rejected[:REASONS_MAX]
    )
    more = len(rejected) - REASONS_MAX
    return f"{shown}; and {more} more" if more > 0 else shown


def _place_of(error: Exception) -> str:
    """Type and line of an error, without its message."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"
