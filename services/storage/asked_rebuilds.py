"""Read models that somebody wants made anew; the projector does it, and tells here (W4.13)."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from services.storage.database import borrow

COLUMNS = "name, asked_by, asked_at, begun_at, ended_at, failure"
ASK = """
INSERT INTO asked_rebuilds AS asked (name, asked_by) VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE
    SET asked_by = excluded.asked_by, asked_at = now(), begun_at = NULL, ended_at = NULL,
        failure = NULL
    WHERE asked.ended_at IS NOT NULL
RETURNING true
"""
# One that a projector began and died over is begun again.
TAKE = """
UPDATE asked_rebuilds SET begun_at = now() WHERE name = (
    SELECT name FROM asked_rebuilds WHERE ended_at IS NULL ORDER BY asked_at LIMIT 1
) RETURNING name
"""
END = "UPDATE asked_rebuilds SET ended_at = now(), failure = $2 WHERE name = $1"
SELECT = f"SELECT {COLUMNS} FROM asked_rebuilds ORDER BY name"  # noqa: S608 - constants


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedRebuild:
    """The last time that somebody wanted one.

    Attributes:
        begun_at: When the projector took it up; None while it has not.
        ended_at: When it was done, or given up.
        failure: Why it was given up; None if it was not. The live one was as before then.
    """

    name: str
    asked_by: str
    asked_at: datetime
    begun_at: datetime | None
    ended_at: datetime | None
    failure: str | None


@dataclass(frozen=True, slots=True)
class AskedRebuilds:
    """All of them; each method raises `services.shared.errors.Unavailable`."""

    pool: asyncpg.Pool

    async def ask(self, name: str, *, by: str) -> bool:
        """Want one made anew; False while it is wanted already."""
        async with borrow(self.pool) as connection:
            return bool(await connection.fetchval(ASK, name, by))

    async def take(self) -> str | None:
        """The one that is wanted for longest; None if none is."""
        async with borrow(self.pool) as connection:
            name: str | None = await connection.fetchval(TAKE)
        return name

    async def end(self, name: str, *, failure: str | None = None) -> None:
        """It is done, or given up."""
        async with borrow(self.pool) as connection:
            await connection.execute(END, name, failure)

    async def all(self) -> dict[str, AskedRebuild]:
        """Of each read model the last time, by its name."""
        async with borrow(self.pool) as connection:
            return {row["name"]: AskedRebuild(**row) for row in await connection.fetch(SELECT)}
