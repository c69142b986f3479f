"""The inbound log as a table of PostgreSQL, for the embedded mode.

Positions of an account are 1, 2, 3, ... A writer takes them by updating the account's head row,
whose lock is held to the commit: what a reader sees of an account has no gap that is filled
later (F45). Accounts never wait for each other, except inside one `publish`.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import asyncpg

from services.log.port import Batch, Entry, Record
from services.shared.errors import Unavailable
from services.storage.database import Connection, borrow, mapping
from services.storage.wakeup import INBOUND, Bell, Wakeup

SOURCE_PREFIX = "inbound/"

# One statement is one transaction and one round trip. The heads are locked in ascending order,
# so that two writers of the same accounts cannot lock each other out.
PUBLISH = """
WITH batch AS (
    SELECT account_id, value, row_number() OVER (PARTITION BY account_id ORDER BY place) AS step
    FROM unnest($1::bigint[], $2::bytea[]) WITH ORDINALITY AS entry (account_id, value, place)
), counted AS (
    SELECT account_id, count(*) AS entries FROM batch GROUP BY account_id ORDER BY account_id
), head AS (
    INSERT INTO inbound_heads AS held (account_id, position)
    SELECT account_id, entries FROM counted ORDER BY account_id
    ON CONFLICT (account_id) DO UPDATE SET position = held.position + excluded.position
    RETURNING account_id, position
)
INSERT INTO inbound_log (account_id, position, value)
SELECT batch.account_id, head.position - counted.entries + batch.step, batch.value
FROM batch JOIN counted USING (account_id) JOIN head USING (account_id)
"""
SELECT_HEADS = "SELECT account_id, position FROM inbound_heads ORDER BY account_id"
SELECT_POSITIONS = "SELECT source, position FROM positions WHERE consumer = $1 AND source = ANY($2)"
SELECT_RECORDS = """
SELECT record.account_id, record.position, record.value
FROM unnest($1::bigint[], $2::bigint[]) AS want (account_id, after)
CROSS JOIN LATERAL (
    SELECT account_id, position, value FROM inbound_log
    WHERE account_id = want.account_id AND position > want.after
    ORDER BY position LIMIT $3
) AS record
ORDER BY record.account_id, record.position
"""
# Only what the consumer has taken in; at most a batch, so that no transaction grows long.
PRUNE = """
WITH old AS (
    SELECT record.account_id, record.position FROM inbound_log AS record
    JOIN positions AS held
        ON held.consumer = $1 AND held.source = 'inbound/' || record.account_id
    WHERE record.position <= held.position AND record.received_at < now() - $2 * interval '1 day'
    LIMIT $3
)
DELETE FROM inbound_log AS record USING old
WHERE record.account_id = old.account_id AND record.position = old.position
"""


def source_of(account_id: int) -> str:
    """The source under which a consumer keeps its position in an account's inbound log."""
    return f"{SOURCE_PREFIX}{account_id}"


@dataclass(slots=True, eq=False)
class _Waiting:
    entries: Sequence[Entry]
    is_durable: bool = False
    error: Exception | None = None


@dataclass(slots=True)
class PostgresLogWriter:
    """Publishes entries; calls that come while a transaction is under way share the next one.

    A thousand webhooks at once would otherwise wait for each other's commits on their account's
    row, one sync of the disk each.

    Attributes:
        waiting_max: Calls that may wait; more are refused as `Unavailable`.
        entries_max: Entries in one transaction; a single larger call is not cut.
    """

    pool: asyncpg.Pool
    wakeup: Wakeup | None = None
    waiting_max: int = 10_000
    entries_max: int = 1_000
    _waiting: deque[_Waiting] = field(default_factory=deque, repr=False)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    async def publish(self, entries: Sequence[Entry]) -> None:
        """Make all entries durable, in this order per account, or none.

        Raises:
            services.shared.errors.Unavailable: The outcome is unknown; publishing again is safe.
        """
        if not entries:
            return
        if len(self._waiting) >= self.waiting_max:
            raise Unavailable(f"the inbound log has {self.waiting_max} calls waiting")
        own = _Waiting(entries)
        self._waiting.append(own)
        try:
            async with self._turn:
                while not own.is_durable and own.error is None:
                    await self._flush(self._take())
        except asyncio.CancelledError:
            if own in self._waiting:
                self._waiting.remove(own)
            raise
        if isinstance(own.error, Unavailable):  # shared by the calls of one transaction
            raise Unavailable(str(own.error)) from own.error
        if own.error is not None:
            raise own.error

    def _take(self) -> list[_Waiting]:
        taken: list[_Waiting] = []
        count = 0
        while self._waiting:
            count += len(self._waiting[0].entries)
            if taken and count > self.entries_max:
                break
            taken.append(self._waiting.popleft())
        return taken

    async def _flush(self, calls: list[_Waiting]) -> None:
        try:
            await self._insert([entry for call in calls for entry in call.entries])
        except BaseException as error:
            await self._settle_failed(calls, error)
            if not isinstance(error, Exception):
                raise
        else:
            for call in calls:
                call.is_durable = True
            if self.wakeup is not None:
                self.wakeup.notify(INBOUND)

    async def _settle_failed(self, calls: list[_Waiting], error: BaseException) -> None:
        if isinstance(error, Unavailable):
            for call in calls:
                call.error = error
        elif not isinstance(error, Exception):  # cancelled, perhaps after the commit
            for call in calls:
                call.error = Unavailable("the transaction was cancelled")
        elif len(calls) == 1:
            calls[0].error = error
        else:  # one call's entries are at fault; the others must not suffer for it
            for call in calls:
                await self._flush([call])

    async def _insert(self, entries: Sequence[Entry]) -> None:
        async with borrow(self.pool) as connection:
            await connection.execute(
                PUBLISH, [entry.account_id for entry in entries], [entry.value for entry in entries]
            )


@dataclass(slots=True)
class PostgresLogReader:
    """One consumer's view of the log, a source per account.

    Holds one position per account and nothing else: what a call does not return is not read.

    Attributes:
        consumer: Whose positions say where to begin and where `rewind` goes back to.
        accounts_max: Accounts per call; they take turns, so none starves another.
        poll_s: How long a missed notification can go unnoticed.
    """

    pool: asyncpg.Pool
    consumer: str
    wakeup: Wakeup | None = None
    accounts_max: int = 64
    poll_s: float = 0.5
    _handed_out: dict[int, int] = field(default_factory=dict, repr=False)
    _last_account: int = 0
    _bell: Bell = field(default_factory=Bell, repr=False)

    def __post_init__(self) -> None:
        if self.wakeup is not None:
            self._bell = self.wakeup.bell(INBOUND)

    async def read(self, *, limit: int, wait_s: float) -> list[Batch]:
        """The next batches, at most one per account and `limit` records each.

        Raises:
            services.shared.errors.Unavailable: The log does not answer; call again later.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_s
        while True:
            batches = await self._next(limit)
            left_s = deadline - loop.time()
            if batches or left_s <= 0:
                return batches
            await self._bell.wait(min(left_s, self.poll_s))

    def rewind(self, source: str) -> None:
        """Forget what was handed out of `source`: continue from the stored position."""
        self._handed_out.pop(int(source.removeprefix(SOURCE_PREFIX)), None)
        self._bell.ring()

    async def _next(self, limit: int) -> list[Batch]:
        async with borrow(self.pool) as connection:
            heads = mapping(await connection.fetch(SELECT_HEADS))
            await self._look_up(connection, [a for a in heads if a not in self._handed_out])
            turns = self._in_turn(heads)
            if not turns:
                return []
            rows = await connection.fetch(
                SELECT_RECORDS, [account for account, _ in turns], [at for _, at in turns], limit
            )
        return self._hand_out(dict(turns), rows)

    async def _look_up(self, connection: Connection, account_ids: list[int]) -> None:
        if not account_ids:
            return
        sources = [source_of(account_id) for account_id in account_ids]
        stored = mapping(await connection.fetch(SELECT_POSITIONS, self.consumer, sources))
        for account_id in account_ids:
            self._handed_out[account_id] = stored.get(source_of(account_id), 0)

    def _in_turn(self, heads: dict[int, int]) -> list[tuple[int, int]]:
        """Accounts with news and where to read on, beginning behind the last one served."""
        behind = [
            (account_id, self._handed_out[account_id])
            for account_id, head in heads.items()
            if head > self._handed_out.get(account_id, head)  # unknown again: rewound meanwhile
        ]
        later = [turn for turn in behind if turn[0] > self._last_account]
        earlier = [turn for turn in behind if turn[0] <= self._last_account]
        return (later + earlier)[: self.accounts_max]

    def _hand_out(self, asked: dict[int, int], rows: Sequence[Any]) -> list[Batch]:
        found = {
            account_id: tuple(Record(*row) for row in group)
            for account_id, group in groupby(rows, key=lambda row: row["account_id"])
        }
        batches: list[Batch] = []
        for account_id, after in asked.items():
            records = found.get(account_id, ())
            if records and self._handed_out.get(account_id) == after:  # not rewound meanwhile
                batch = Batch(source_of(account_id), records)
                self._handed_out[account_id] = batch.position
                batches.append(batch)
            self._last_account = account_id
        return batches


async def prune(
    pool: asyncpg.Pool,
    consumer: str,
    *,
    days: int = 14,
    limit: int = 10_000,
) -> int:
    """Delete records that the consumer took in and that are older; how many, at most `limit`."""
    async with borrow(pool) as connection:
        status: str = await connection.execute(PRUNE, consumer, days, limit)
    return int(status.rsplit(maxsplit=1)[-1])
