"""The gateway's ports on PostgreSQL: work lists, the registry, and the progress of sweeps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import asyncpg
import structlog
from pydantic import SecretStr

from contracts.kommo.oauth import claims_of
from projections import assignments, health, readings
from projections.assignments import Assignment
from services.gateway.ports import ConnectedAccount, RuleNamesOf, RulesOf, Untold
from services.gateway.rounds import Pending, R
from services.gateway.sweep import Progress
from services.shared.secrets import Unsealable
from services.storage.accounts import AccountRegistry, RegisteredAccount, UnknownAccount
from services.storage.database import Connection, borrow, borrow_to_read
from services.storage.restorations import Restorations

log = structlog.get_logger(__name__)

LOAD = """
SELECT account_id, watermark, full_at, kind, started_at, next_page, listed_to, requests,
    window_requests, full_requests
FROM gateway.sweeps WHERE account_id = $1
"""
SAVE = """
INSERT INTO gateway.sweeps
    (account_id, watermark, full_at, kind, started_at, next_page, listed_to, requests,
    window_requests, full_requests)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (account_id) DO UPDATE SET watermark = excluded.watermark,
    full_at = excluded.full_at, kind = excluded.kind, started_at = excluded.started_at,
    next_page = excluded.next_page, listed_to = excluded.listed_to, requests = excluded.requests,
    window_requests = excluded.window_requests, full_requests = excluded.full_requests
"""


@dataclass(frozen=True, slots=True)
class PostgresSweeps:
    """The progress of sweeps in `gateway.sweeps`."""

    pool: asyncpg.Pool

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
                progress.requests,
                progress.window_requests,
                progress.full_requests,
            )


@dataclass(frozen=True, slots=True)
class PostgresWorkList:
    """The projection `assignments`, which holds committed decisions only."""

    pool: asyncpg.Pool

    async def heads(self) -> Mapping[int, int]:
        """How far the pending decisions of each account reach."""
        async with borrow_to_read(self.pool) as connection:
            return await assignments.heads(connection)

    async def pending(self, account_id: int, *, limit: int, after: int) -> Sequence[Assignment]:
        """The next pending decisions of an account, oldest first."""
        async with borrow_to_read(self.pool) as connection:
            return await assignments.pending(
                connection, account_id=account_id, limit=limit, after=after
            )

    async def of_leads(self, account_id: int, lead_ids: Sequence[int]) -> Sequence[Assignment]:
        """The newest decisions about these leads."""
        async with borrow_to_read(self.pool) as connection:
            return await assignments.of_leads(connection, account_id=account_id, lead_ids=lead_ids)


class ReadList(Protocol[R]):
    """A projection's query for its next rows."""

    async def __call__(
        self, connection: Connection, *, limit: int, after: R | None, but_for: Sequence[int]
    ) -> list[R]:
        """So many rows after that one, but for some accounts."""
        ...


def work_list(pool: asyncpg.Pool, read: ReadList[R]) -> Pending[R]:
    """A list that a projection holds."""

    async def pending(limit: int, after: R | None, but_for: Sequence[int]) -> Sequence[R]:
        async with borrow_to_read(pool) as connection:
            return await read(connection, limit=limit, after=after, but_for=but_for)

    return pending


def rules_in_force(pool: asyncpg.Pool) -> RulesOf:
    """The rules that a projection holds."""

    async def rules_of(account_id: int) -> tuple[int, dict[str, Any]] | None:
        async with borrow_to_read(pool) as connection:
            return await readings.rules_of(connection, account_id)

    return rules_of


def names_of_rules(pool: asyncpg.Pool) -> RuleNamesOf:
    """What the rules are called that a projection holds."""

    async def rule_names_of(account_id: int) -> Mapping[str, str]:
        async with borrow_to_read(pool) as connection:
            return (await readings.named(connection, account_id)).names

    return rule_names_of


def found_by_sweeps(pool: asyncpg.Pool) -> Untold:
    """How many leads of each account asked that no webhook had told of."""

    async def untold() -> Mapping[int, int]:
        async with borrow_to_read(pool) as connection:
            return {each.account_id: each.swept for each in await health.of_accounts(connection)}

    return untold


@dataclass(frozen=True, slots=True)
class RegisteredAccounts:
    """The registry of accounts with their tokens opened."""

    registry: AccountRegistry
    _unreadable: set[int] = field(default_factory=set, init=False, repr=False, compare=False)

    async def connected(self) -> Sequence[ConnectedAccount]:
        """All accounts whose token can be opened."""
        digests = await self.registry.present_digests()
        restored_at = await Restorations(self.registry.pool).last()
        found: list[ConnectedAccount] = []
        for account in await self.registry.all():
            if account.suspended_at is not None:
                continue
            try:
                token = await self.registry.token(account.account_id)
            except UnknownAccount:
                continue  # removed just now, or suspended
            except Unsealable:
                if account.account_id not in self._unreadable:  # once, not at every reading
                    advice = "connect the account again: fairlead connect"
                    log.error("token_unreadable", account_id=account.account_id, advice=advice)  # noqa: TRY400 - no bug
                    self._unreadable.add(account.account_id)
                continue
            self._unreadable.discard(account.account_id)
            await self._note_end(account, token)
            found.append(
                ConnectedAccount(
                    account_id=account.account_id,
                    base_url=account.base_url,
                    token=token,
                    # The directory is read again every hour; the rest is of the day it connected.
                    timezone=account.directory.get("timezone", account.timezone),
                    webhook_digest=digests.get(account.account_id),
                    restored_at=restored_at,
                    client_id=account.client_id,
                    admitted_at=account.admitted_at,
                )
            )
        return found

    async def _note_end(self, account: RegisteredAccount, token: SecretStr) -> None:
        """Of a token that was given before anybody read when it ends."""
        ends_at = claims_of(token).expires_at
        if account.token_expires_at is None and ends_at is not None:
            await self.registry.note_end(account.account_id, ends_at)

    async def described(self, account_id: int) -> Mapping[str, Any]:
        """What people read now."""
        try:
            return (await self.registry.get(account_id)).directory
        except UnknownAccount:
            return {}

    async def describe(self, account_id: int, directory: Mapping[str, Any]) -> None:
        """Store what people read."""
        try:
            await self.registry.update_directory(account_id, dict(directory))
        except UnknownAccount:
            log.info("account_gone", account_id=account_id)
