"""Wires the clock from its settings, and runs it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from contracts.inbound import Inbound
from projections import timers
from projections.timers import Timer
from services.clock.clock import Clock, ClockRules, Wakeup
from services.codec import encode_inbound
from services.log.port import Entry, LogWriter
from services.ownership import Owns, everything
from services.storage.database import borrow_to_read
from services.wall_clock import utc_now

log = structlog.get_logger(__name__)

SELECT_ACCOUNTS = "SELECT account_id FROM account_heads ORDER BY account_id"


class Settings(BaseSettings):
    """Every knob of the clock, with its unit in the name and its bounds in the type.

    Attributes:
        batch_size: Timers in one batch of messages.
        wait_max_ms: The longest sleep: a timer may be set without a wake-up.
        retry_max_s: The longest pause while the log or the database is away.
        jump_s: A step of the wall clock against the monotonic one that is worth an error in the
            log.
    """

    model_config = SettingsConfigDict(env_prefix="FAIRLEAD_CLOCK_", frozen=True)

    batch_size: int = Field(default=500, ge=1, le=10_000)
    wait_max_ms: int = Field(default=1_000, ge=10, le=60_000)
    retry_max_s: float = Field(default=30.0, ge=1, le=600)
    jump_s: float = Field(default=10.0, ge=1, le=3_600)

    def rules(self) -> ClockRules:
        """The same as the clock wants them."""
        return ClockRules(
            batch_size=self.batch_size,
            wait_max_s=self.wait_max_ms / 1_000,
            retry_max_s=self.retry_max_s,
            jump_s=self.jump_s,
        )


@dataclass(frozen=True, slots=True)
class PostgresTimers:
    """The projection `timers`, as far as its accounts are ours."""

    pool: Any
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

    async def _ours(self, connection: Any) -> list[int] | None:  # noqa: ANN401 - as above
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
    settings: Settings,
    *,
    pool: Any,  # noqa: ANN401 - asyncpg ships no types
    writer: LogWriter,
    wakeup: Wakeup | None = None,
    owns: Owns = everything,
    now: Callable[[], datetime] = utc_now,
) -> None:
    """Run the clock until cancelled, for the accounts that are ours."""
    log.info("clock_started", **settings.model_dump())
    clock = Clock(
        timers=PostgresTimers(pool, owns),
        publisher=LogPublisher(writer),
        now=now,
        wakeup=wakeup,
        rules=settings.rules(),
    )
    await clock.run()
