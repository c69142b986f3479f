"""That the database was restored from a backup: what it knew since is lost (F79)."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from services.storage.database import borrow

RECORD = "INSERT INTO restorations (noticed_by) VALUES ($1)"
LAST = "SELECT max(restored_at) FROM restorations"


@dataclass(frozen=True, slots=True)
class Restorations:
    """Each method raises `services.shared.errors.Unavailable`."""

    pool: asyncpg.Pool

    async def record(self, noticed_by: str) -> None:
        """It was restored just now."""
        async with borrow(self.pool) as connection:
            await connection.execute(RECORD, noticed_by)

    async def last(self) -> datetime | None:
        """When it was restored last; None if never."""
        async with borrow(self.pool) as connection:
            found: datetime | None = await connection.fetchval(LAST)
        return found
