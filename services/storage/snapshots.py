"""Snapshots: an account's state at a version, so that a cold start need not replay everything.

A snapshot is a shortcut, never a source: one that the code cannot read is ignored (F83). Those
along the way serve questions about the past: one in 10,000 versions stays for good, so that a
state of any version is some 10,000 events away at most, a fifth of a second of one core. Accounts
with many open leads have them as far apart as a quarter of the leads: their states are large.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from services.storage.database import borrow

UPSERT = """
INSERT INTO account_snapshots (account_id, version, revision, digest, state)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (account_id, version) DO UPDATE SET
    revision = excluded.revision, digest = excluded.digest, state = excluded.state,
    taken_at = now()
"""
SELECT_NEWEST = """
SELECT account_id, version, revision, digest, state FROM account_snapshots
WHERE account_id = $1 AND revision = ANY($2) AND version <= $3
ORDER BY version DESC LIMIT 1
"""
SELECT_VERSIONS = """
SELECT version FROM account_snapshots
WHERE account_id = $1 AND revision = $2 AND version > $3 AND version <= $4 ORDER BY version
"""
# One in every `every` versions stays, to explain old decisions from; and the newest `keep`.
PRUNE = """
DELETE FROM account_snapshots AS snapshot USING (
    SELECT account_id, version, row_number() OVER (ORDER BY version DESC) AS age
    FROM account_snapshots WHERE account_id = $1
) AS ranked
WHERE snapshot.account_id = ranked.account_id AND snapshot.version = ranked.version
    AND ranked.age > $2
    AND EXISTS (
        SELECT FROM account_snapshots AS earlier
        WHERE earlier.account_id = ranked.account_id AND earlier.version < ranked.version
            AND earlier.version / $3::bigint = ranked.version / $3::bigint)
"""
BIGGEST_VERSION = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """An account's state after its event `version`.

    Attributes:
        revision: Of the code that made it.
        digest: Of the state; replay must give the same (I7).
    """

    account_id: int
    version: int
    revision: int
    digest: bytes
    state: bytes


@dataclass(frozen=True, slots=True)
class SnapshotStore:
    """All snapshots; each method raises `services.shared.errors.Unavailable`."""

    pool: asyncpg.Pool

    async def save(self, snapshot: Snapshot) -> None:
        """Store a snapshot; it replaces one of the same version."""
        async with borrow(self.pool) as connection:
            await connection.execute(
                UPSERT,
                snapshot.account_id,
                snapshot.version,
                snapshot.revision,
                snapshot.digest,
                snapshot.state,
            )

    async def newest(
        self, account_id: int, revisions: Sequence[int], *, at_most_version: int | None = None
    ) -> Snapshot | None:
        """The latest snapshot of these revisions, not beyond the version if one is given."""
        last = BIGGEST_VERSION if at_most_version is None else at_most_version
        async with borrow(self.pool) as connection:
            row = await connection.fetchrow(SELECT_NEWEST, account_id, revisions, last)
        return None if row is None else Snapshot(**row)

    async def versions(
        self, account_id: int, revision: int, *, after: int, up_to: int
    ) -> list[int]:
        """Of which versions behind one, up to another one, there are snapshots of a revision."""
        async with borrow(self.pool) as connection:
            rows = await connection.fetch(SELECT_VERSIONS, account_id, revision, after, up_to)
        return [row["version"] for row in rows]

    async def prune(self, account_id: int, *, keep: int = 3, every: int = 10_000) -> None:
        """Drop all but the newest `keep`, and the first in each `every` versions."""
        async with borrow(self.pool) as connection:
            await connection.execute(PRUNE, account_id, keep, every)
