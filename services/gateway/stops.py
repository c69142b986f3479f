"""Accounts that Kommo does not let us into, noted for whoever asks why nothing moves (D1.2).

Every call tells how it was answered. What changes is written beside the work: a table that is away
holds up no call, and is written when it is back.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import asyncpg
import structlog

from services.kommo.errors import AccountBlocked, AccountStopped
from services.kommo.timing import SystemTiming, Timing
from services.shared.errors import Unavailable
from services.storage.database import Connection, borrow

log = structlog.get_logger(__name__)

# A cause that stays keeps the instant at which it began.
STOP = """
INSERT INTO gateway.stops AS known (account_id, status, cause, words, until)
VALUES ($1, $2, $3, $4, now() + $5::double precision * interval '1 second')
ON CONFLICT (account_id) DO UPDATE SET status = excluded.status, cause = excluded.cause,
    words = excluded.words, until = coalesce(excluded.until, known.until),
    since = CASE WHEN known.cause = excluded.cause THEN known.since ELSE now() END
"""
END = "DELETE FROM gateway.stops WHERE account_id = $1"
ALL = """
SELECT account_id, status, cause, words, since, until FROM gateway.stops
WHERE ($1::bigint[] IS NULL OR account_id = ANY ($1)) ORDER BY account_id
"""
OF_ACCOUNT = """
SELECT account_id, status, cause, words, since, until FROM gateway.stops WHERE account_id = $1
"""
Cause = Literal["token", "unpaid", "rights", "blocked"]
# A 404 is about one thing, or an account that is gone.
CAUSES: Mapping[int, Cause] = {401: "token", 402: "unpaid", 403: "rights"}
RETRY_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """An account that Kommo refuses.

    Attributes:
        status: 401, 402 or 403.
        cause: What it means: `blocked` is a 403 without a word, while others are let in.
        words: Kommo's own, if it said why.
        until: When what waits for it is tried again; None while nothing waits.
    """

    account_id: int
    status: int
    cause: Cause
    since: datetime
    words: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Refusal:
    status: int
    cause: Cause
    words: str


async def end(connection: Connection, account_id: int) -> None:
    """Kommo has let us in."""
    await connection.execute(END, account_id)


async def all_stops(
    connection: Connection, account_ids: Sequence[int] | None = None
) -> Mapping[int, Stop]:
    """Every account that Kommo refuses, of some or of all."""
    return {row["account_id"]: Stop(**row) for row in await connection.fetch(ALL, account_ids)}


async def of_account(connection: Connection, account_id: int) -> Stop | None:
    """Why Kommo refuses an account; None while it does not."""
    row = await connection.fetchrow(OF_ACCOUNT, account_id)
    return None if row is None else Stop(**row)


@dataclass(slots=True)
class Stops:
    """What the calls of this process were answered, by account; None while all is well."""

    pool: asyncpg.Pool
    timing: Timing = field(default_factory=SystemTiming)
    _told: dict[int, _Refusal | None] = field(default_factory=dict)
    _idle_until: dict[int, float] = field(default_factory=dict)
    _unwritten: set[int] = field(default_factory=set)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, account_id: int, stopped: AccountStopped | None) -> None:
        """A call was answered; with what stops the account, if it does."""
        noted = None if stopped is None else _noted(stopped)
        if noted is None:
            self._idle_until.pop(account_id, None)
        if account_id not in self._told or self._told[account_id] != noted:
            self._told[account_id] = noted
            self._write_soon(account_id)

    def idle(self, account_id: int, pause_s: float) -> None:
        """What waits for a stopped account is not tried for so long."""
        if self._told.get(account_id) is not None:
            self._idle_until[account_id] = self.timing.monotonic() + pause_s
            self._write_soon(account_id)

    async def run(self) -> None:
        """Write what changes, until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                await self._write()
            except Unavailable:
                log.warning("stops_unwritten", accounts=len(self._unwritten))
                await self.timing.sleep(RETRY_S)
                self._news.set()

    def _write_soon(self, account_id: int) -> None:
        self._unwritten.add(account_id)
        self._news.set()

    async def _write(self) -> None:
        async with borrow(self.pool) as connection:
            for account_id in sorted(self._unwritten):
                refusal, until = self._told[account_id], self._idle_until.get(account_id)
                if refusal is None:
                    await end(connection, account_id)
                else:
                    left_s = None if until is None else until - self.timing.monotonic()
                    await connection.execute(
                        STOP, account_id, refusal.status, refusal.cause, refusal.words, left_s
                    )
                if (self._told[account_id], self._idle_until.get(account_id)) == (refusal, until):
                    self._unwritten.discard(account_id)


def _noted(stopped: AccountStopped) -> _Refusal | None:
    cause = CAUSES.get(stopped.status)
    if cause is None:
        return None
    is_blocked = isinstance(stopped, AccountBlocked)
    return _Refusal(stopped.status, "blocked" if is_blocked else cause, stopped.detail)
