"""Collects a history from a running installation and the local Kommo beside it."""

import asyncio
from collections.abc import Iterable
from typing import Any

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
    within_s: float = REST_WITHIN_S,
) -> History:
    """Both sides at a moment when everything that came in is decided and shown.

    Args:
        pool: Of the installation's database.
        account_id: Whose.
        kommo: The local Kommo, which has this one account.
        entries: What was moved into stages of the rules, if it is known completely.
        within_s: How long to wait for that moment.

    Raises:
        TimeoutError: It was never at rest.
    """
    async with asyncio.timeout(within_s):
        while True:
            history = await with_our_side(await from_kommo(kommo, account_id, entries), pool)
            if history is not None:
                return history
            await asyncio.sleep(LOOK_EVERY_S)
