"""A command to an account, by the inbound log like everything else, and the answer to it."""

import asyncio
import secrets
from datetime import UTC, datetime

from contracts.events import AllocationEvent, CommandRefused
from contracts.inbound import Inbound, InboundBody
from services.allocator.run import CONSUMER
from services.cli.installation import Installation, Wrong
from services.codec import encode_inbound
from services.log.port import Entry

ANSWER_WITHIN_S = 15.0
POLL_S = 0.05


async def order(
    installation: Installation, account_id: int, body: InboundBody
) -> tuple[AllocationEvent, ...] | None:
    """Publish a command and wait for its events.

    Returns:
        The events that answer it, empty when it had taken effect before; None when the
        installation is at rest: the command is kept and takes effect at the next start.

    Raises:
        Wrong: The account refused it; nothing was changed.
    """
    before = await installation.events.head(account_id)
    message = Inbound(
        account_id=account_id,
        message_id=f"cli-{secrets.token_hex(8)}",
        at=datetime.now(UTC),
        body=body,
    )
    await installation.log.publish([Entry(account_id, encode_inbound(message))])
    if installation.is_at_rest():
        return None
    await _await_effect(installation, account_id)
    answer = await _events_of(installation, account_id, before, message.message_id)
    for event in answer:
        if isinstance(event, CommandRefused):
            raise Wrong(f"refused: {event.reason}")
    return answer


async def _await_effect(installation: Installation, account_id: int) -> None:
    source, goal = await installation.log.end(account_id)
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            # Another process moves the position; a look at it is cheap.
            while (await installation.events.position(CONSUMER, source) or 0) < goal:  # noqa: ASYNC110
                await asyncio.sleep(POLL_S)
    except TimeoutError as error:
        text = (
            f"the command is kept, but was not answered within {ANSWER_WITHIN_S:.0f} s;"
            " see: fairlead doctor"
        )
        raise Wrong(text) from error


async def _events_of(
    installation: Installation, account_id: int, after: int, message_id: str
) -> tuple[AllocationEvent, ...]:
    found: list[AllocationEvent] = []
    while page := await installation.events.stream(account_id, after):
        found.extend(recorded.event for recorded in page if recorded.cause == message_id)
        after = page[-1].version
    return tuple(found)
