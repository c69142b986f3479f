"""Jobs, what became of each, and their results in parts; two workers never have the same one."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import asyncpg

from services.storage.database import borrow

JobKind = Literal["what_if", "replay", "shadow_audit", "export"]
JobState = Literal["queued", "running", "finished", "failed", "cancelled"]

KEPT_HOURS = 24
LEASE_S = 30
ATTEMPTS_MAX = 3
LISTED_MAX = 200
FORGOTTEN_AT_ONCE = 20

COLUMNS = """
account_id, job_id, kind, parameters, given_by, scopes, whence, request_id, given_at, state,
progress, attempts, begun_at, ended_at, reason, form, row_count, next_before, size_bytes, sha256
"""
# So that of two asked for at once the second counts the first.
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('job ' || $1::bigint || ' ' || $2, 0))"
COUNT = """
SELECT count(*) FILTER (WHERE state IN ('queued', 'running')) AS under_way, count(*) AS lately
FROM jobs
WHERE account_id = $1 AND given_by = $2 AND given_at > now() - interval '24 hours'
"""
INSERT = f"""
INSERT INTO jobs (account_id, job_id, kind, parameters, given_by, scopes, whence, request_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING {COLUMNS}
"""  # noqa: S608 - constants
SELECT = f"SELECT {COLUMNS} FROM jobs WHERE account_id = $1 AND job_id = $2"  # noqa: S608
SELECT_NEWEST = f"""
SELECT {COLUMNS} FROM jobs
WHERE account_id = $1 AND ($2 = '' OR given_by = $2) AND ($3 = '' OR kind = $3)
ORDER BY given_at DESC, job_id LIMIT $4
"""  # noqa: S608
CANCEL = """
UPDATE jobs SET state = 'cancelled', ended_at = now(), worker = NULL, lease_until = NULL
WHERE account_id = $1 AND job_id = $2 AND state IN ('queued', 'running') RETURNING true
"""
IS_DUE = """
state IN ('queued', 'running') AND (lease_until IS NULL OR lease_until <= clock_timestamp())
"""
SELECT_DUE = f"SELECT EXISTS (SELECT FROM jobs WHERE {IS_DUE})"  # noqa: S608
# Whose worker was lost too often is told as failed by whoever looks next.
CLAIM = f"""
UPDATE jobs SET
    state = 'running', worker = $1, attempts = attempts + 1, progress = 0,
    begun_at = coalesce(begun_at, now()),
    lease_until = clock_timestamp() + make_interval(secs => {LEASE_S})
WHERE (account_id, job_id) = (
    SELECT account_id, job_id FROM jobs WHERE {IS_DUE}
    ORDER BY given_at LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING {COLUMNS}
"""  # noqa: S608
DROP_PARTS = "DELETE FROM job_parts WHERE account_id = $1 AND job_id = $2"
RENEW = f"""
UPDATE jobs SET progress = $4, lease_until = clock_timestamp() + make_interval(secs => {LEASE_S})
WHERE account_id = $1 AND job_id = $2 AND worker = $3 AND state = 'running' RETURNING true
"""  # noqa: S608
RELEASE = """
UPDATE jobs SET state = 'queued', worker = NULL,
    lease_until = clock_timestamp() + make_interval(secs => $4)
WHERE account_id = $1 AND job_id = $2 AND worker = $3 AND state = 'running'
"""
# A process that is gone comes back for none of its own.
ABANDON = """
UPDATE jobs SET lease_until = clock_timestamp()
WHERE state = 'running' AND starts_with(worker, $1)
"""
ADD_PART = """
INSERT INTO job_parts (account_id, job_id, number, content)
SELECT $1, $2, $4, $5 FROM jobs
WHERE account_id = $1 AND job_id = $2 AND worker = $3 AND state = 'running'
FOR UPDATE
RETURNING true
"""
FINISH = """
UPDATE jobs SET state = 'finished', progress = 1000, ended_at = now(), worker = NULL,
    lease_until = NULL, form = $4, row_count = $5, next_before = $6, size_bytes = $7, sha256 = $8
WHERE account_id = $1 AND job_id = $2 AND worker = $3 AND state = 'running' RETURNING true
"""
FAIL = """
UPDATE jobs SET state = 'failed', ended_at = now(), worker = NULL, lease_until = NULL, reason = $4
WHERE account_id = $1 AND job_id = $2 AND worker = $3 AND state = 'running'
"""
SELECT_PART = """
SELECT content FROM job_parts WHERE account_id = $1 AND job_id = $2 AND number = $3
"""
FORGET = f"""
DELETE FROM jobs WHERE ctid = ANY (ARRAY (
    SELECT ctid FROM jobs WHERE state NOT IN ('queued', 'running')
        AND given_at <= now() - interval '{KEPT_HOURS} hours'
        AND ended_at <= now() - interval '{KEPT_HOURS} hours'
    LIMIT {FORGOTTEN_AT_ONCE}
)) RETURNING true
"""  # noqa: S608


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredJob:
    """One.

    Attributes:
        parameters: What it is asked for, by kind.
        scopes: What whoever gave it might then.
        progress: In thousandths.
        attempts: How often a worker began it.
        reason: Of a failed one, a sentence as it is kept.
        form: Of the result, as HTTP names it.
        row_count: Of an export.
        next_before: Of an export that left rows out: where the next one begins.
        size_bytes: Of the result.
        sha256: Of the result.
    """

    account_id: int
    job_id: str
    kind: JobKind
    parameters: dict[str, Any]
    given_by: str
    scopes: list[str]
    whence: str
    request_id: str
    given_at: datetime
    state: JobState
    progress: int
    attempts: int
    begun_at: datetime | None
    ended_at: datetime | None
    reason: dict[str, Any] | None
    form: str
    row_count: int | None
    next_before: int | None
    size_bytes: int
    sha256: bytes | None

    @property
    def is_over(self) -> bool:
        """Whether nothing more happens to it."""
        return self.state not in ("queued", "running")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """What is asked for, and by whom."""

    account_id: int
    job_id: str
    kind: JobKind
    parameters: Mapping[str, Any]
    given_by: str
    scopes: Sequence[str]
    whence: str
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResult:
    """What is told of a result."""

    form: str
    size_bytes: int
    sha256: bytes
    row_count: int | None = None
    next_before: int | None = None


class TooManyJobs(Exception):
    """They have as many under way, or had as many in a day, as they may; nothing was kept."""

    def __init__(self, *, under_way: bool) -> None:
        super().__init__()
        self.is_under_way = under_way


@dataclass(frozen=True, slots=True)
class Jobs:
    """Those of all accounts; each method raises `services.shared.errors.Unavailable`."""

    pool: asyncpg.Pool

    async def add(
        self, new: NewJob, *, under_way_max: int, lately_max: int
    ) -> tuple[StoredJob, bool]:
        """Keep one, unless one is kept under its id; what is kept, and whether it is new.

        Raises:
            TooManyJobs: They may not have one more.
        """
        async with borrow(self.pool) as connection, connection.transaction():
            await connection.execute(LOCK, new.account_id, new.given_by)
            row = await connection.fetchrow(SELECT, new.account_id, new.job_id)
            if row is not None:
                return StoredJob(**row), False
            (counted,) = await connection.fetch(COUNT, new.account_id, new.given_by)
            if counted["under_way"] >= under_way_max or counted["lately"] >= lately_max:
                raise TooManyJobs(under_way=counted["under_way"] >= under_way_max)
            (made,) = await connection.fetch(
                INSERT,
                new.account_id,
                new.job_id,
                new.kind,
                dict(new.parameters),
                new.given_by,
                list(new.scopes),
                new.whence,
                new.request_id,
            )
        return StoredJob(**made), True

    async def get(self, account_id: int, job_id: str) -> StoredJob | None:
        """One of them."""
        async with borrow(self.pool) as connection:
            row = await connection.fetchrow(SELECT, account_id, job_id)
        return None if row is None else StoredJob(**row)

    async def newest(
        self, account_id: int, *, given_by: str = "", kind: str = "", limit: int = LISTED_MAX
    ) -> list[StoredJob]:
        """The newest first; of one principal or one kind only, if that is not empty."""
        async with borrow(self.pool) as connection:
            rows = await connection.fetch(SELECT_NEWEST, account_id, given_by, kind, limit)
        return [StoredJob(**row) for row in rows]

    async def cancel(self, account_id: int, job_id: str) -> bool:
        """Have nobody work on it any more; False if it is over."""
        async with borrow(self.pool) as connection:
            is_cancelled = await connection.fetchval(CANCEL, account_id, job_id)
            await connection.execute(DROP_PARTS, account_id, job_id) if is_cancelled else None
        return bool(is_cancelled)

    async def part(self, account_id: int, job_id: str, number: int) -> bytes | None:
        """A part of a result; None behind the last one."""
        async with borrow(self.pool) as connection:
            found: bytes | None = await connection.fetchval(SELECT_PART, account_id, job_id, number)
        return found

    async def parts(self, account_id: int, job_id: str) -> AsyncIterator[bytes]:
        """A result, a part at a time."""
        number = 0
        while (content := await self.part(account_id, job_id, number)) is not None:
            yield content
            number += 1

    async def is_any_due(self) -> bool:
        """Whether there is anything for a worker to do."""
        async with borrow(self.pool) as connection:
            return bool(await connection.fetchval(SELECT_DUE))

    async def claim(self, worker: str) -> StoredJob | None:
        """Take on the one that waits longest, also one that lost its worker; None if none waits."""
        async with borrow(self.pool) as connection, connection.transaction():
            row = await connection.fetchrow(CLAIM, worker)
            if row is None:
                return None
            await connection.execute(DROP_PARTS, row["account_id"], row["job_id"])
        return StoredJob(**row)

    async def abandon(self, workers: str) -> None:
        """Let others have what the workers had whose names begin so: they are gone."""
        async with borrow(self.pool) as connection:
            await connection.execute(ABANDON, workers)

    async def forget(self) -> int:
        """Forget some that ended a day ago, with their results; how many."""
        async with borrow(self.pool) as connection:
            return len(await connection.fetch(FORGET))


@dataclass(frozen=True, slots=True)
class HeldJob:
    """A job as the worker has it that claimed it; what another has taken since stays as it is."""

    pool: asyncpg.Pool
    job: StoredJob
    worker: str

    async def renew(self, progress: int) -> bool:
        """Keep it a while longer; False if it was cancelled, or another one has it."""
        return bool(await self._run(RENEW, progress))

    async def release(self, *, again_in_s: float) -> None:
        """Let it be tried again."""
        await self._run(RELEASE, again_in_s)

    async def add_part(self, number: int, content: bytes) -> bool:
        """Keep a part of its result; False as for `renew`."""
        return bool(await self._run(ADD_PART, number, content))

    async def finish(self, result: JobResult) -> bool:
        """Its result is whole; False as for `renew`."""
        return bool(
            await self._run(
                FINISH,
                result.form,
                result.row_count,
                result.next_before,
                result.size_bytes,
                result.sha256,
            )
        )

    async def fail(self, reason: Mapping[str, Any]) -> None:
        """It came to nothing."""
        async with borrow(self.pool) as connection, connection.transaction():
            job = self.job
            await connection.execute(FAIL, job.account_id, job.job_id, self.worker, dict(reason))
            await connection.execute(DROP_PARTS, job.account_id, job.job_id)

    async def _run(self, statement: str, *arguments: object) -> object:
        async with borrow(self.pool) as connection:
            return await connection.fetchval(
                statement, self.job.account_id, self.job.job_id, self.worker, *arguments
            )
