"""Asks the gateway to read all leads of accounts once more, because messages may be missing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from services.storage.database import borrow, mapping

SELECT_ACCOUNTS = "SELECT account_id FROM accounts ORDER BY account_id"
# Who met the gap before, and had it swept, meets it again at every start until a person has seen
# to it: that asks for nothing new.
ASK = """
INSERT INTO asked_sweeps AS asked (account_id, reason)
SELECT account_id, $2 FROM unnest($1::bigint[]) AS wanted (account_id) ORDER BY account_id
ON CONFLICT (account_id) DO UPDATE
    SET reason = excluded.reason, asked_at = now(), done_at = NULL
    WHERE asked.reason <> excluded.reason
"""
SELECT_OPEN = "SELECT account_id, asked_at FROM asked_sweeps WHERE done_at IS NULL"
SETTLE = "UPDATE asked_sweeps SET done_at = now() WHERE account_id = $1 AND asked_at = $2"


@dataclass(frozen=True, slots=True)
class AskedSweeps:
    """What was asked for; each method raises `services.shared.errors.Unavailable`."""

    pool: asyncpg.Pool

    async def ask(self, is_concerned: Callable[[int], bool], reason: str) -> list[int]:
        """Ask for a sweep of each connected account that is concerned, once for each reason.

        Returns:
            The accounts that are concerned, ids ascending.
        """
        async with borrow(self.pool) as connection:
            rows = await connection.fetch(SELECT_ACCOUNTS)
            concerned = [row["account_id"] for row in rows if is_concerned(row["account_id"])]
            await connection.execute(ASK, concerned, reason)
        return concerned

    async def open(self) -> Mapping[int, datetime]:
        """Account to the time since when its sweep has been asked for and is not done."""
        async with borrow(self.pool) as connection:
            return mapping(await connection.fetch(SELECT_OPEN))

    async def settle(self, account_id: int, asked_at: datetime) -> None:
        """A sweep that began after that time is done."""
        async with borrow(self.pool) as connection:
            await connection.execute(SETTLE, account_id, asked_at)
