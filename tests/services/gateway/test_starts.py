import asyncio
from typing import Any

from services.gateway.postgres import ensure_schema
from services.gateway.starts import SharedStarts
from services.kommo.starts import WINDOW_S

MOST = 7


async def starts(pool: Any) -> SharedStarts:
    async with pool.acquire() as connection:
        await ensure_schema(connection)
    return SharedStarts(pool)


async def test_F47_all_processes_together_start_no_more_than_allowed(pool: Any) -> None:
    ours, theirs = await starts(pool), await starts(pool)

    waits = await asyncio.gather(*(each.take(MOST) for each in (ours, theirs) * 10))

    assert waits.count(0.0) == MOST
    assert all(0 < wait_s <= WINDOW_S for wait_s in waits if wait_s)


async def test_F47_a_start_is_possible_again_when_the_told_time_has_passed(pool: Any) -> None:
    own = await starts(pool)
    for _ in range(MOST):
        await own.take(MOST)
    async with asyncio.timeout(30):
        while (wait_s := await own.take(MOST)) > 0:  # noqa: ASYNC110 - the database tells the time
            await asyncio.sleep(wait_s)

    kept = await pool.fetchval("SELECT cardinality(starts) FROM gateway.addresses")
    assert kept == MOST


async def test_F47_a_pause_outlives_the_process_and_is_never_shortened(pool: Any) -> None:
    await (await starts(pool)).pause(300)
    await (await starts(pool)).pause(5)

    assert 290 < await (await starts(pool)).take(MOST) <= 300
