"""From a body to what must be durable before the 200: messages, dead letters, or both."""

import re
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from contracts.inbound import Inbound
from contracts.kommo.notifications import (
    DeedNotification,
    IncomingNotification,
    LeadNotification,
    LeadRemovedNotification,
    Reading,
    Rejected,
    TaskNotification,
)
from contracts.kommo.steps import Steps
from services.ingress.body import Body
from services.ingress.clock import ReceiptClock
from services.ingress.hook_kinds import kinds_of
from services.ingress.translate import translate
from services.ingress.triggers import Carried, what_is_wrong
from services.log.port import Entry
from services.shared.sparing_log import SparingLog
from services.storage.accounts import WebhookOwner
from services.storage.dead_letters import DeadLetter
from services.storage.hooks_heard import HookKind

# Of a body over the limit, or of more than Kommo sends, which cannot be read again; any other is
# kept whole.
BEGINNING_BYTES = 65_536
REASONS_MAX = 20
REASON_CHARS_MAX = 200
SUBDOMAIN_CHARS_MAX = 63
SOURCE = "webhook"
# Notifications between which others may have a turn.
TRANSLATED_AT_ONCE = 100
PLAIN_ENCODINGS = {"", "identity"}
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f]+")  # PostgreSQL takes no NUL in a text

Read = Callable[[bytes, str | None], Steps[Reading]]
Encode = Callable[[Inbound], bytes]


@dataclass(frozen=True, slots=True)
class Kept:
    """What one body came to; no entries when Kommo told of nothing that concerns us.

    Attributes:
        message_ids: Of the entries, in their order.
        kinds: Of the hooks in it; none of a body that is not taken.
    """

    entries: tuple[Entry, ...] = ()
    letters: tuple[DeadLetter, ...] = ()
    message_ids: tuple[str, ...] = ()
    kinds: frozenset[HookKind] = frozenset()


class Intake:
    """Understands bodies; never refuses one."""

    def __init__(self, *, read: Read, encode: Encode, clock: ReceiptClock) -> None:
        self._read = read
        self._encode = encode
        self._clock = clock
        self._log = SparingLog()

    def understanding(
        self,
        owner: WebhookOwner,
        body: Body,
        *,
        content_type: str | None,
        content_encoding: str | None,
        carried: Carried | None = None,
    ) -> Steps[Kept]:
        """What to keep of a body that came under the account's secret, a piece at a time."""
        account_id = owner.account_id

        def letter(reason: str, *, is_cut: bool = False) -> Kept:
            content = body.content[:BEGINNING_BYTES] if is_cut else body.content
            kept = Body(content=content, size=body.size)
            return Kept(letters=(_letter(account_id, kept, content_type, reason),))

        if not body.is_whole:
            return letter("body too large", is_cut=True)
        if (content_encoding or "").strip().lower() not in PLAIN_ENCODINGS:
            return letter("content encoding not supported")
        try:
            reading = yield from self._read(body.content, content_type)
            known = carried or {}
            if wrong := self._wrong(owner, reading, known):
                return letter(wrong)
            entries, message_ids = yield from self._entries(
                account_id, body.content, reading, known
            )
        except Exception as error:  # noqa: BLE001  # a bug must not become a 5xx (F34)
            reason = _place_of(error)
            # Not its message, which may quote the body.
            self._log.error("webhook_not_understood", account_id=account_id, reason=reason)
            return letter(f"not understood: {reason}")
        kinds = kinds_of(reading.notifications)
        if not reading.rejected:
            return Kept(entries, (), message_ids, kinds)
        letters = letter(_reasons(reading.rejected), is_cut=reading.is_too_much).letters
        return Kept(entries, letters, message_ids, kinds)

    def _wrong(self, owner: WebhookOwner, reading: Reading, carried: Carried) -> str | None:
        """Why a body that is understood is not taken all the same; None if it is."""
        account_id = owner.account_id
        stranger = _other_account(reading, owner)
        if stranger is not None:
            self._log.warning("webhook_account_mismatched", account_id=account_id)
            return f"the secret is of account {account_id}, the body of {stranger}"
        wrong = what_is_wrong(reading.notifications, carried, owner.key_sha256)
        if wrong is not None:
            self._log.warning("trigger_not_taken", account_id=account_id, because=wrong)
        return wrong

    def _entries(
        self, account_id: int, content: bytes, reading: Reading, carried: Carried
    ) -> Steps[tuple[tuple[Entry, ...], tuple[str, ...]]]:
        # Nothing of the account is stamped between this and the queue of the log: the order of
        # times is the order of the log, because `Turns` does the account's bodies one by one.
        at = self._clock()
        digest = blake2b(content, digest_size=16).digest()
        entries: list[Entry] = []
        message_ids: list[str] = []
        for first in range(0, len(reading.notifications), TRANSLATED_AT_ONCE):
            if first:
                yield
            part = reading.notifications[first : first + TRANSLATED_AT_ONCE]
            for message in translate(
                part, account_id=account_id, body_digest=digest, at=at, carried=carried
            ):
                entries.append(Entry(account_id, self._encode(message)))
                message_ids.append(message.message_id)
        return tuple(entries), tuple(message_ids)


def _letter(account_id: int, body: Body, content_type: str | None, reason: str) -> DeadLetter:
    return DeadLetter(
        account_id=account_id,
        source=SOURCE,
        position=None,
        reason=_CONTROL_CHARACTERS.sub(" ", reason),
        content_type=content_type or "",
        body=body.content,
        size=body.size,
    )


OF_A_LEAD = (
    LeadNotification,
    LeadRemovedNotification,
    DeedNotification,
    TaskNotification,
    IncomingNotification,
)


def _other_account(reading: Reading, owner: WebhookOwner) -> str | None:
    """An account the body names besides the secret's, by its id or else its subdomain (I11)."""
    named = [
        notification.account_id
        for notification in reading.notifications
        if isinstance(notification, OF_A_LEAD)
    ]
    ids = [account_id for account_id in (reading.account_id, *named) if account_id is not None]
    for account_id in ids:
        if account_id != owner.account_id:
            return str(account_id)
    # An account may be renamed: its id says more than a name of before.
    if not ids and reading.subdomain and owner.subdomain:
        is_own = reading.subdomain.lower() == owner.subdomain.lower()
        return None if is_own else reading.subdomain[:SUBDOMAIN_CHARS_MAX]
    return None


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
