"""Accounts whose tasks Kommo does not let us read, noted for whoever asks about limits (D5.6).

Such an account answers everything else, so that nothing else tells of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from services.storage.database import Connection, borrow

# A status that stays keeps the instant at which it began.
REFUSED = """
INSERT INTO gateway.task_readings AS known (account_id, status) VALUES ($1, $2)
ON CONFLICT (account_id) DO UPDATE SET status = excluded.status, since = now()
WHERE known.status <> excluded.status
"""
OVER = "DELETE FROM gateway.task_readings WHERE account_id = $1"
ALL = "SELECT account_id, status, since FROM gateway.task_readings ORDER BY account_id"


@dataclass(frozen=True, slots=True, kw_only=True)
class TasksRefused:
    """An account whose tasks cannot be read.

    Attributes:
        status: 403 or 404.
    """

    account_id: int
    status: int
    since: datetime


async def all_refused(connection: Connection) -> Mapping[int, TasksRefused]:
    """Every account whose tasks cannot be read."""
    return {row["account_id"]: TasksRefused(**row) for row in await connection.fetch(ALL)}


@dataclass(frozen=True, slots=True)
class PostgresTaskReadings:
    """Keeps them in the database."""

    pool: asyncpg.Pool

    async def note(self, account_id: int, status: int | None) -> None:
        """Kommo refused the account's tasks; None: it does not, or nobody asks for them any more.

        Raises:
            services.shared.errors.Unavailable: The database does not answer; nothing is noted.
        """
        async with borrow(self.pool) as connection:
            if status is None:
                await connection.execute(OVER, account_id)
            else:
                await connection.execute(REFUSED, account_id, status)
