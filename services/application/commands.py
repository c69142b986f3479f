"""A command to an account, by the inbound log like everything else, once, and the answer to it."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Literal

from contracts.events import AllocationEvent
from contracts.inbound import Command, Inbound
from contracts.sentences import sentence
from services.application.installation import Installation
from services.application.operations import POLL_S, WAIT_S, Operation, message_ids, stand
from services.application.principal import Principal
from services.application.private import put_away
from services.application.refused import Refused
from services.log.port import Entry
from services.shared.codec import encode_inbound
from services.shared.errors import Unavailable
from services.storage.kept_commands import KeptCommand, KeptCommands

# Besides the wait for its answer, how long a command may take to get into the log.
PUBLISHED_WITHIN_S = 5.0
KEY = re.compile(r"[!-~]{1,255}")

# unchanged: it had taken effect before. kept: nothing runs that could answer; it takes effect at
# the next start. late: it is kept, and was not answered in time.
Effect = Literal["done", "unchanged", "kept", "late"]
Asked = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """How a command is given: once, however often it is sent.

    Attributes:
        key: Of whoever gives it; the same again means the same command again.
        wait_s: How long its answer is waited for.
    """

    key: str
    wait_s: float = WAIT_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a command came to.

    Attributes:
        operation_id: By which it can be asked later where it stands.
        events: That answer it; empty unless it is done.
        version: Of the account, after these events; None while it is not decided.
        is_replayed: It was given and answered before under this key.
        is_shown: Whether all tables show it.
    """

    effect: Effect
    operation_id: str
    events: tuple[AllocationEvent, ...] = ()
    version: int | None = None
    is_replayed: bool = False
    is_shown: bool = False


class OutcomeUnknown(Unavailable):
    """A peer went away in the middle: it may have taken effect, or may yet.

    Given again under the same key it takes effect once, whatever became of the first.

    Attributes:
        key: The one to repeat it with.
        sentence: What happened, to be put into words for whoever asked.
    """

    code = "outcome_unknown"

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"{reason}: repeat with the key {key}")
        self.key = key
        self.sentence = sentence("command.outcome_unknown")


async def give(
    installation: Installation,
    account_id: int,
    principal: Principal,
    bodies: Sequence[Command],
    once: Once,
    *,
    asked: Asked,
) -> Answer:
    """Publish a command and wait until it is decided and shown.

    Args:
        installation: Where.
        account_id: Whose.
        principal: Who gives it; that they may was looked at.
        bodies: Its messages; all of them get into the log, or none.
        once: The key, and how long to wait.
        asked: What was asked for, as whoever asked said it: what is found out on the way is
            not part of it.

    Raises:
        Refused: The account refused it; something else was asked for under the key, or the same
            a moment ago, and its answer is still waited for.
        OutcomeUnknown: Repeat it.
        services.shared.errors.Unavailable: Nothing was done.
    """
    before = await given_before(installation, account_id, principal, once, asked=asked)
    if before is not None:
        return before
    operation_id = operation_id_of(account_id, principal, once)
    at = datetime.now(UTC)
    bodies = await put_away(installation, account_id, bodies)
    ids = message_ids(operation_id, len(bodies))
    messages = [
        Inbound(account_id=account_id, message_id=message_id, at=at, body=body, is_once=True)
        for message_id, body in zip(ids, bodies, strict=True)
    ]
    kept, is_new = await KeptCommands(installation.pool).keep(
        account_id,
        operation_id,
        given_by=principal.id,
        digest=digest_of(asked),
        messages=[encode_inbound(message) for message in messages],
    )
    _check(kept, asked)
    # A week is over here, and not yet for the account, which would drop this as a repeat.
    if is_new and (await stand(installation, account_id, kept)).standing != "accepted":
        raise Refused("key_reused")
    return await _deliver(installation, account_id, kept, once)


async def given_before(
    installation: Installation,
    account_id: int,
    principal: Principal,
    once: Once,
    *,
    asked: Asked,
) -> Answer | None:
    """The answer to what was asked for under this key before; None if nothing was.

    If it is not known to have been decided, it is given again.

    Raises:
        Refused: The account refused it, something else was asked for, the same is still under way,
            or the key is none.
        OutcomeUnknown: Repeat it.
        services.shared.errors.Unavailable: Nothing was done.
    """
    if KEY.fullmatch(once.key) is None:
        raise Refused("key_unusable", limit=255)
    operation_id = operation_id_of(account_id, principal, once)
    kept = await KeptCommands(installation.pool).find(account_id, operation_id)
    if kept is None:
        return None
    _check(kept, asked)
    operation = await stand(installation, account_id, kept)
    if operation.standing == "accepted":
        return await _deliver(installation, account_id, kept, once)
    return _answer(operation, is_replayed=True)


def operation_id_of(account_id: int, principal: Principal, once: Once) -> str:
    """The id that follows from account, principal and key, on every machine and for ever."""
    return "op-" + _fingerprint([account_id, principal.id, once.key]).hex()[:32]


def digest_of(asked: Asked) -> bytes:
    """A fingerprint of what was asked for."""
    return _fingerprint(asked)


def _fingerprint(what: object) -> bytes:
    text = json.dumps(what, sort_keys=True, separators=(",", ":"))
    return blake2b(text.encode(), digest_size=32).digest()


def _check(kept: KeptCommand, asked: Asked) -> None:
    if kept.digest != digest_of(asked):
        raise Refused("key_reused")


async def _deliver(
    installation: Installation, account_id: int, kept: KeptCommand, once: Once
) -> Answer:
    """Publish what is kept: the account drops what it has taken up."""
    async with _under_way(installation, account_id, kept, once):
        try:
            await installation.log.publish([Entry(account_id, value) for value in kept.messages])
            operation = await _decided(installation, account_id, kept, once.wait_s)
        except Unavailable as error:
            raise OutcomeUnknown(once.key, str(error)) from error
    if operation.standing == "accepted" and installation.is_at_rest():
        return Answer(effect="kept", operation_id=kept.operation_id)
    return _answer(operation, is_replayed=False)


@asynccontextmanager
async def _under_way(
    installation: Installation, account_id: int, kept: KeptCommand, once: Once
) -> AsyncIterator[None]:
    """Have nobody else answered under the key meanwhile (A5.2).

    Whoever dies in here holds up the next one for no longer than they would have waited.
    """
    commands, within_s = KeptCommands(installation.pool), once.wait_s + PUBLISHED_WITHIN_S
    if not await commands.begin(account_id, kept.operation_id, within_s=within_s):
        raise Refused("key_under_way")
    try:
        yield
    finally:
        with suppress(Unavailable):
            await commands.end(account_id, kept.operation_id)


async def _decided(
    installation: Installation, account_id: int, kept: KeptCommand, wait_s: float
) -> Operation:
    """Where it stands once it is decided and shown, when the time is over, or nobody decides."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait_s
    while True:
        operation = await stand(installation, account_id, kept)
        if operation.is_shown or loop.time() >= deadline or installation.is_at_rest():
            return operation
        await asyncio.sleep(POLL_S)  # other processes are at work; a look is cheap


def _answer(operation: Operation, *, is_replayed: bool) -> Answer:
    if operation.refusal is not None:
        refused = Refused.of(operation.refusal)
        refused.is_replayed = is_replayed
        raise refused
    effect: Effect = "late"
    if operation.standing == "decided":
        effect = "done" if operation.events else "unchanged"
    return Answer(
        effect=effect,
        operation_id=operation.operation_id,
        events=operation.events,
        version=operation.version,
        is_replayed=is_replayed,
        is_shown=operation.is_shown,
    )
