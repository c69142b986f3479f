"""The gateway's ports on PostgreSQL: work lists, the registry, and the progress of sweeps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from projections import assignments, linked, lookups, readings, touches
from projections.assignments import Assignment
from projections.linked import PendingHandover, Search
from projections.lookups import Lookup
from projections.readings import Reading
from projections.touches import Question
from services.gateway import leases, starts
from services.gateway.ports import Connected
from services.gateway.sweep import Progress
from services.secrets import Unsealable
from services.storage.accounts import AccountRegistry, UnknownAccount
from services.storage.database import borrow, borrow_to_read
from services.storage.restorations import Restorations

log = structlog.get_logger(__name__)

SCHEMA = """
CREATE SCHEMA IF NOT EXISTS gateway;
CREATE TABLE IF NOT EXISTS gateway.sweeps (
    account_id bigint PRIMARY KEY,
    watermark timestamptz,
    full_at timestamptz,
    kind text CHECK (kind IN ('baseline', 'window', 'full')),
    started_at timestamptz,
    next_page text,
    CHECK ((kind IS NULL) = (started_at IS NULL))
) WITH (fillfactor = 50);
ALTER TABLE gateway.sweeps ADD COLUMN IF NOT EXISTS listed_to bigint;
"""
# "gateway" in ASCII: two gateways that start together must not create the schema twice.
SCHEMA_LOCK = "SELECT pg_advisory_xact_lock(29099061655163257)"
LOAD = """
SELECT account_id, watermark, full_at, kind, started_at, next_page, listed_to
FROM gateway.sweeps WHERE account_id = $1
"""
SAVE = """
INSERT INTO gateway.sweeps
    (account_id, watermark, full_at, kind, started_at, next_page, listed_to)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (account_id) DO UPDATE SET watermark = excluded.watermark,
    full_at = excluded.full_at, kind = excluded.kind, started_at = excluded.started_at,
    next_page = excluded.next_page, listed_to = excluded.listed_to
"""


async def ensure_schema(connection: Any) -> None:  # noqa: ANN401 - asyncpg ships no types
    """Create what the gateway keeps, unless it is there."""
    async with connection.transaction():
        await connection.execute(SCHEMA_LOCK)
        await connection.execute(SCHEMA)
        await connection.execute(starts.TABLES)
        await connection.execute(leases.TABLES)


@dataclass(frozen=True, slots=True)
class PostgresSweeps:
    """The progress of sweeps in `gateway.sweeps`."""

    pool: Any

    async def load(self, account_id: int) -> Progress:
        """The progress of an account."""
        async with borrow(self.pool) as connection:
            row = await connection.fetchrow(LOAD, account_id)
        return Progress(account_id=account_id) if row is None else Progress(**row)

    async def save(self, progress: Progress) -> None:
        """Keep it."""
        started_at = progress.started_at if progress.kind is not None else None
        async with borrow(self.pool) as connection:
            await connection.execute(
                SAVE,
                progress.account_id,
                progress.watermark,
                progress.full_at,
                progress.kind,
                started_at,
                progress.next_page,
                progress.listed_to,
            )


@dataclass(frozen=True, slots=True)
class PostgresWorkList:
    """The projection `assignments`, which holds committed decisions only."""

    pool: Any

    async def pending(self, *, limit: int, after: Assignment | None) -> Sequence[Assignment]:
        """The next pending decisions, oldest first."""
        async with borrow_to_read(self.pool) as connection:
            return await assignments.pending(connection, limit=limit, after=after)

    async def of_leads(self, account_id: int, lead_ids: Sequence[int]) -> Sequence[Assignment]:
        """The newest decisions about these leads."""
        async with borrow_to_read(self.pool) as connection:
            return await assignments.of_leads(connection, account_id=account_id, lead_ids=lead_ids)


@dataclass(frozen=True, slots=True)
class PostgresLookupList:
    """The projection `lookups`."""

    pool: Any

    async def pending(self, *, limit: int, after: Lookup | None) -> Sequence[Lookup]:
        """The next readings that were asked for."""
        async with borrow_to_read(self.pool) as connection:
            return await lookups.pending(connection, limit=limit, after=after)


@dataclass(frozen=True, slots=True)
class PostgresReadingList:
    """The projection `readings`."""

    pool: Any

    async def pending(self, *, limit: int, after: Reading | None) -> Sequence[Reading]:
        """The next readings that requests wait for."""
        async with borrow_to_read(self.pool) as connection:
            return await readings.pending(connection, limit=limit, after=after)

    async def rules_of(self, account_id: int) -> tuple[int, dict[str, Any]] | None:
        """The rules in force."""
        async with borrow_to_read(self.pool) as connection:
            return await readings.rules_of(connection, account_id)


@dataclass(frozen=True, slots=True)
class PostgresQuestionList:
    """The projection `touches`."""

    pool: Any

    async def pending(self, *, limit: int, after: Question | None) -> Sequence[Question]:
        """The next questions about offered leads."""
        async with borrow_to_read(self.pool) as connection:
            return await touches.pending(connection, limit=limit, after=after)


@dataclass(frozen=True, slots=True)
class PostgresLinkedLists:
    """The projection `linked`."""

    pool: Any

    async def to_find(self, *, limit: int, after: Search | None) -> Sequence[Search]:
        """The next leads whose linked things have to be read."""
        async with borrow_to_read(self.pool) as connection:
            return await linked.to_find(connection, limit=limit, after=after)

    async def to_set(
        self, *, limit: int, after: PendingHandover | None
    ) -> Sequence[PendingHandover]:
        """The next handovers that Kommo does not hold yet."""
        async with borrow_to_read(self.pool) as connection:
            return await linked.to_set(connection, limit=limit, after=after)


@dataclass(frozen=True, slots=True)
class RegisteredAccounts:
    """The registry of accounts with their tokens opened."""

    registry: AccountRegistry

    async def connected(self) -> Sequence[Connected]:
        """All accounts whose token can be opened."""
        owners = await self.registry.webhook_digests()
        digests = {account_id: digest for digest, account_id in owners.items()}
        restored_at = await Restorations(self.registry.pool).last()
        found: list[Connected] = []
        for account in await self.registry.all():
            try:
                token = await self.registry.token(account.account_id)
            except UnknownAccount:
                continue  # removed just now
            except Unsealable:
                log.error("token_unreadable", account_id=account.account_id)  # noqa: TRY400 - no bug
                continue
            found.append(
                Connected(
                    account_id=account.account_id,
                    base_url=account.base_url,
                    token=token,
                    webhook_digest=digests.get(account.account_id),
                    restored_at=restored_at,
                )
            )
        return found

    async def describe(self, account_id: int, directory: Mapping[str, Any]) -> None:
        """Store what people read."""
        try:
            await self.registry.update_directory(account_id, dict(directory))
        except UnknownAccount:
            log.info("account_gone", account_id=account_id)
