"""Makes read models anew that somebody wants so, one after the other (W4.13).

Whoever serves people may not make tables; the projector may, and does it beside its work.
"""

import asyncio
from typing import NoReturn

import asyncpg
import structlog

from services.projector.advance import EventReader, is_trouble
from services.projector.rebuild import AlreadyRunning, rebuild
from services.projector.registry import named
from services.storage.asked_rebuilds import AskedRebuilds

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 2.0


async def rebuild_asked(
    pool: asyncpg.Pool, store: EventReader, *, direct: asyncpg.Pool | None
) -> NoReturn:
    """Look for what is wanted until cancelled."""
    while True:
        try:
            is_idle = not await rebuild_next(pool, store, direct=direct)
        except Exception as error:
            if not is_trouble(error):
                raise
            is_idle = True
            log.warning("rebuild_waiting", error=repr(error))
        if is_idle:
            await asyncio.sleep(LOOK_EVERY_S)


async def rebuild_next(
    pool: asyncpg.Pool, store: EventReader, *, direct: asyncpg.Pool | None = None
) -> bool:
    """Make the one that is wanted for longest; whether there was one.

    Another process that makes the same one tells how it ends: it is tried again after it.
    """
    asked = AskedRebuilds(pool)
    name = await asked.take()
    if name is None:
        return False
    try:
        await rebuild(pool, store, named(name), direct=direct)
    except AlreadyRunning:
        return False
    except KeyError:
        await asked.end(name, failure="no such read model in this release")
        return True
    except TimeoutError as error:
        await asked.end(name, failure=str(error) or "no room for the swap")
        log.warning("rebuild_given_up", projection=name, error=repr(error))
        return True
    await asked.end(name)
    log.info("projection_rebuilt", projection=name)
    return True
