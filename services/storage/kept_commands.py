"""What people asked for under which key: kept before it is published, and for a week (A5.2).

The same key then means the very same messages again, whoever died in between; another request
under it is told apart by its digest. That a message takes effect once is the account's to see to.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from services.storage.database import borrow

# Shorter than the account remembers the ids by a moment: what is forgotten here was not yet there.
KEPT_DAYS = 7
# So that no transaction grows long.
FORGOTTEN_AT_ONCE = 100

KEEP = f"""
INSERT INTO kept_commands AS kept (account_id, operation_id, given_by, digest, messages)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (account_id, operation_id) DO UPDATE
    SET digest = excluded.digest, messages = excluded.messages, given_at = now()
    WHERE kept.given_at <= now() - interval '{KEPT_DAYS} days'
RETURNING true
"""  # noqa: S608 - a number of ours
SELECT = """
SELECT operation_id, given_by, digest, messages, given_at FROM kept_commands
WHERE account_id = $1 AND operation_id = $2
"""
SELECT_KEPT = f"{SELECT} AND given_at > now() - interval '{KEPT_DAYS} days'"
BEGIN = """
UPDATE kept_commands SET under_way_until = clock_timestamp() + make_interval(secs => $3)
WHERE account_id = $1 AND operation_id = $2
    AND (under_way_until IS NULL OR under_way_until <= clock_timestamp())
RETURNING true
"""
END = """
UPDATE kept_commands SET under_way_until = NULL WHERE account_id = $1 AND operation_id = $2
"""
# An hour late, so that nobody misses what they were told is kept.
FORGET = f"""
DELETE FROM kept_commands WHERE ctid = ANY (ARRAY (
    SELECT ctid FROM kept_commands
    WHERE given_at <= now() - interval '{KEPT_DAYS} days 1 hour' LIMIT {FORGOTTEN_AT_ONCE}
))
"""  # noqa: S608 - numbers of ours


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptCommand:
    """What was asked for under a key.

    Attributes:
        digest: Of what was asked for, in the words of whoever asked.
        messages: For the inbound log, in their order.
    """

    operation_id: str
    given_by: str
    digest: bytes
    messages: tuple[bytes, ...]
    given_at: datetime


@dataclass(frozen=True, slots=True)
class KeptCommands:
    """All of them; each method raises `services.shared.errors.Unavailable`."""

    pool: asyncpg.Pool

    async def keep(
        self,
        account_id: int,
        operation_id: str,
        *,
        given_by: str,
        digest: bytes,
        messages: Sequence[bytes],
    ) -> tuple[KeptCommand, bool]:
        """Keep it, unless something is kept under its id; what is kept now, and whether it is new.

        Of two who come at once, one keeps its own, and both get the same.
        """
        async with borrow(self.pool) as connection:
            await connection.execute(FORGET)
            is_new = await connection.fetchval(
                KEEP, account_id, operation_id, given_by, digest, list(messages)
            )
            row = await connection.fetchrow(SELECT, account_id, operation_id)
        assert row is not None, "kept just now, or before and for a week"  # noqa: S101
        return _kept(row), bool(is_new)

    async def find(self, account_id: int, operation_id: str) -> KeptCommand | None:
        """What is kept under an id."""
        async with borrow(self.pool) as connection:
            row = await connection.fetchrow(SELECT_KEPT, account_id, operation_id)
        return None if row is None else _kept(row)

    async def begin(self, account_id: int, operation_id: str, *, within_s: float) -> bool:
        """Take it on to have it answered, for so long at the most; False if somebody is at it."""
        async with borrow(self.pool) as connection:
            return bool(await connection.fetchval(BEGIN, account_id, operation_id, within_s))

    async def end(self, account_id: int, operation_id: str) -> None:
        """Leave it to whoever asks next."""
        async with borrow(self.pool) as connection:
            await connection.execute(END, account_id, operation_id)


def _kept(row: asyncpg.Record) -> KeptCommand:
    return KeptCommand(**{**row, "messages": tuple(row["messages"])})
