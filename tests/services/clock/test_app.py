"""The wired clock on a real PostgreSQL."""

import asyncio
import contextlib
from datetime import UTC, datetime
from typing import Any

import pytest

from contracts.inbound import TimerDue
from services.clock import app, suspended
from services.clock.settings import ClockSettings
from services.log.postgres import PostgresLogWriter
from services.projector.schema import prepare
from services.shared.codec import decode_inbound

SET = """
INSERT INTO timers.timers (account_id, timer_id, generation, due_at)
SELECT 7, 'look/r' || n, 1, now() - make_interval(secs => n) FROM generate_series(1, $1) AS n
"""


async def sent(pool: Any) -> list[Any]:
    query = "SELECT value FROM inbound_log ORDER BY position"
    async with pool.acquire() as connection:
        return [decode_inbound(row["value"]) for row in await connection.fetch(query)]


async def unmarked(pool: Any) -> int:
    query = "SELECT count(*) FROM timers.timers WHERE emitted_generation IS NULL"
    async with pool.acquire() as connection:
        count: int = await connection.fetchval(query)
    return count


async def test_F10_F33_due_timers_reach_the_log_once_whatever_the_store_refuses_beside_them(
    pool: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suspended, "SELECT", "SELECT 1 / 0, $1::timestamptz")
    work = app.run(
        ClockSettings(batch_size=4, wait_max_ms=10, retry_max_s=1),
        pool=pool,
        writer=PostgresLogWriter(pool),
        now=lambda: datetime.now(UTC),
    )
    task = asyncio.create_task(work)  # before the projection is there
    await prepare(pool)
    async with pool.acquire() as connection:
        await connection.execute(SET, 10)
    async with asyncio.timeout(60):
        while await unmarked(pool):
            pass
    messages = await sent(pool)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task

    assert [message.body for message in messages] == [
        TimerDue(timer_id=f"look/r{number}", generation=1) for number in range(10, 0, -1)
    ]
    assert await sent(pool) == messages
