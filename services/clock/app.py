"""Wires the clock from its settings, and runs it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg
import structlog

from contracts.inbound import Inbound
from projections import timers
from projections.timers import Timer
from services.clock.clock import Clock, TimerWakeup
from services.clock.settings import ClockSettings
from services.clock.suspended import Suspensions
from services.log.port import Entry, LogWriter
from services.shared.codec import encode_inbound
from services.shared.lasting import lasting
from services.shared.ownership import Owns, everything
from services.shared.wall_clock import utc_now
from services.storage.database import Connection, borrow_to_read

log = structlog.get_logger(__name__)

SELECT_ACCOUNTS = "SELECT account_id FROM account_heads ORDER BY account_id"


@dataclass(frozen=True, slots=True)
class PostgresTimers:
    """The projection `timers`, as far as its accounts are ours."""

    pool: asyncpg.Pool
    owns: Owns = everything

    async def due(self, now: datetime, *, limit: int) -> Sequence[Timer]:
        """Those that came due, earliest first."""
        async with borrow_to_read(self.pool) as connection:
            ours = await self._ours(connection)
            return await timers.due(connection, now=now, limit=limit, account_ids=ours)

    async def next_due_at(self) -> datetime | None:
        """When the next one is due."""
        async with borrow_to_read(self.pool) as connection:
            return await timers.next_due_at(connection, await self._ours(connection))

    async def mark_emitted(self, sent: Sequence[Timer]) -> None:
        """Note that these were sent."""
        async with borrow_to_read(self.pool) as connection:
            await timers.mark_emitted(connection, sent)

    async def _ours(self, connection: Connection) -> list[int] | None:
        """The accounts that are ours; None when all are."""
        if self.owns is everything:
            return None
        return [row[0] for row in await connection.fetch(SELECT_ACCOUNTS) if self.owns(row[0])]


@dataclass(frozen=True, slots=True)
class LogPublisher:
    """The inbound log."""

    writer: LogWriter

    async def publish(self, messages: Sequence[Inbound]) -> None:
        """Make them durable."""
        await self.writer.publish(
            [Entry(message.account_id, encode_inbound(message)) for message in messages]
        )


async def run(
    settings: ClockSettings,
    *,
    pool: asyncpg.Pool,
    writer: LogWriter,
    wakeup: TimerWakeup | None = None,
    owns: Owns = everything,
    now: Callable[[], datetime] = utc_now,
) -> None:
    """Run the clock until cancelled, for the accounts that are ours."""
    log.info("clock_started", **settings.model_dump())
    publisher = LogPublisher(writer)
    clock = Clock(
        timers=PostgresTimers(pool, owns),
        publisher=publisher,
        now=now,
        wakeup=wakeup,
        settings=settings,
    )
    async with asyncio.TaskGroup() as works:
        works.create_task(lasting("clock", clock.run))
        suspensions = Suspensions(pool, publisher, owns, now)
        works.create_task(lasting("suspensions", suspensions.run))
