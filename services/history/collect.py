"""Collects a history from a running installation and the local Kommo beside it."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import asyncpg

from services.history.hooks import check_hooks
from services.history.kommos_side import Window, from_kommo
from services.history.our_side import OutsideLog, with_our_side
from services.history.record import History, StageEntry
from services.history.verdict import Verdict
from services.storage.dead_letters import DeadLetters

REST_WITHIN_S = 60.0
DRAINED_WITHIN_S = 20.0
LOOK_EVERY_S = 0.2
# All of it runs on one machine, beside whatever else does. What the gateway wants to send is as old
# as the projections when it is chosen, and then waits for its turn, and for Kommo. The machine may
# take seconds for each; on a simulated clock, where nothing is slow by itself, it is 2 s.
UNDER_WAY = timedelta(seconds=20)


async def collect(
    pool: asyncpg.Pool,
    account_id: int,
    kommo: Window,
    *,
    letters: DeadLetters,
    entries: Iterable[StageEntry] | None = None,
    topic: OutsideLog | None = None,
    within_s: float = REST_WITHIN_S,
    drained_within_s: float = DRAINED_WITHIN_S,
) -> History:
    """Both sides at a moment when everything that came in is decided and shown.

    A hook may have been answered from ingress's spool, and be in the log a little later.

    Args:
        pool: Of the installation's database.
        account_id: Whose.
        kommo: The local Kommo, which has this one account.
        letters: Of the installation.
        entries: What was moved into stages of the rules, if it is known completely.
        topic: The inbound log, where it is not in the database.
        within_s: How long to wait for that moment.
        drained_within_s: How long to wait for hooks that were accepted: without them after that.

    Raises:
        TimeoutError: It was never at rest.
    """
    loop = asyncio.get_running_loop()
    missing_at = loop.time() + drained_within_s
    async with asyncio.timeout(within_s):
        while True:
            kommos_side = await from_kommo(kommo, account_id, entries)
            history = await with_our_side(kommos_side, pool, letters=letters, topic=topic)
            if history is not None and (_is_drained(history) or loop.time() >= missing_at):
                return replace(history, under_way=UNDER_WAY)
            await asyncio.sleep(LOOK_EVERY_S)


def _is_drained(history: History) -> bool:
    verdict = Verdict(history.account_id)
    check_hooks(history, verdict)
    return not verdict.violations
