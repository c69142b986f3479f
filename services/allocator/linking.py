"""Links old events: those of releases that knew no hash chain (S23)."""

import asyncio

import asyncpg
import structlog

from services.shared.errors import Unavailable
from services.storage.chain import Broken, ChainStore

log = structlog.get_logger(__name__)

EVENTS_MAX = 1_000  # an account's decisions wait some 10 ms for so many
RETRY_S = 10.0


async def link_old_events(pool: asyncpg.Pool) -> None:
    """Link all events that have no link, piece by piece, and end.

    What is linked is stored with each piece: whoever is killed meanwhile goes on there. Any number
    of processes may do it at once.
    """
    while True:
        try:
            await _link_all(ChainStore(pool))
        except Unavailable as error:
            log.warning("linking_waits", reason=str(error), pause_s=RETRY_S)
            await asyncio.sleep(RETRY_S)
        else:
            return


async def _link_all(chains: ChainStore) -> None:
    for account_id in await chains.unlinked():
        events = 0
        try:
            while linked := await chains.link_old(account_id, events_max=EVENTS_MAX):
                events += linked
        except Broken as broken:
            # Its chain ends there, and an audit tells so.
            log.error("events_missing", account_id=account_id, version=broken.version)  # noqa: TRY400 - no bug
        log.info("old_events_linked", account_id=account_id, events=events)
