"""Collects a history from a running installation and the local Kommo beside it."""

import asyncio
from collections.abc import Iterable
from typing import Any

from services.history.kafka_side import InboundTopic
from services.history.kommos_side import Window, from_kommo
from services.history.our_side import with_our_side
from services.history.record import Entry, History

REST_WITHIN_S = 60.0
LOOK_EVERY_S = 0.2


async def collect(
    pool: Any,  # noqa: ANN401 - asyncpg ships no types
    account_id: int,
    kommo: Window,
    *,
    entries: Iterable[Entry] | None = None,
    topic: InboundTopic | None = None,
    within_s: float = REST_WITHIN_S,
) -> History:
    """Both sides at a moment when everything that came in is decided and shown.

    Args:
        pool: Of the installation's database.
        account_id: Whose.
        kommo: The local Kommo, which has this one account.
        entries: What was moved into stages of the rules, if it is known completely.
        topic: The inbound log, where it is not in the database.
        within_s: How long to wait for that moment.

    Raises:
        TimeoutError: It was never at rest.
    """
    async with asyncio.timeout(within_s):
        while True:
            kommos_side = await from_kommo(kommo, account_id, entries)
            if topic is None:
                history = await with_our_side(kommos_side, pool)
            else:
                history = await _between_two_readings(topic, kommos_side, pool)
            if history is not None:
                return history
            await asyncio.sleep(LOOK_EVERY_S)


async def _between_two_readings(
    topic: InboundTopic,
    kommos_side: History,
    pool: Any,  # noqa: ANN401 - asyncpg ships no types
) -> History | None:
    """Log and database cannot be read at one moment: nothing may come in meanwhile."""
    told = await topic.messages(kommos_side.account_id)
    if told is None:
        return None
    history = await with_our_side(kommos_side, pool, inbound=told)
    return history if await topic.messages(kommos_side.account_id) == told else None
