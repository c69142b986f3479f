"""Going on in a source at another position, because a person said so (F22)."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from services.storage.database import borrow

# Whoever looked at the position before it moved has decided on something that is no longer so.
MOVE = """
INSERT INTO positions AS held (consumer, source, position) VALUES ($1, $2, $4)
ON CONFLICT (consumer, source) DO UPDATE SET position = excluded.position
WHERE held.position = $3
RETURNING position
"""
# Offsets come again in a log that was made anew; a letter of an old one must not stand in for
# that of a new one.
SET_APART = """
UPDATE dead_letters SET source = source || ' until ' || $3::bigint
WHERE source = $1 AND position > $2
"""
RECORD = """
INSERT INTO resumptions (resumed_by, consumer, source, position_before, position_after)
VALUES ($1, $2, $3, $4, $5)
"""
SELECT_LAST = """
SELECT resumed_at, resumed_by, source, position_before, position_after
FROM resumptions ORDER BY number DESC LIMIT $1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """That a person let a source go on."""

    resumed_at: datetime
    resumed_by: str
    source: str
    position_before: int
    position_after: int


@dataclass(frozen=True, slots=True)
class Resumption:
    """Moves positions; raises `services.shared.errors.Unavailable`."""

    pool: asyncpg.Pool

    async def move(
        self, consumer: str, source: str, *, before: int, after: int, letters_of: str, by: str
    ) -> bool:
        """Set a consumer's position, forward or back.

        Args:
            consumer: Whose position.
            source: Of what.
            before: Where it was when the person decided; 0 if nothing was recorded.
            after: Where it goes on.
            letters_of: The source under which dead letters of `source` are kept.
            by: Who said so.

        Returns:
            False when the position was another one by now; nothing was changed.
        """
        async with borrow(self.pool) as connection, connection.transaction():
            moved = await connection.fetchval(MOVE, consumer, source, before, after)
            if moved is not None:
                await connection.execute(SET_APART, letters_of, after, before)
                await connection.execute(RECORD, by, consumer, source, before, after)
        return moved is not None

    async def last(self, limit: int) -> list[Resumed]:
        """Who let what go on, the latest first."""
        async with borrow(self.pool) as connection:
            return [Resumed(**row) for row in await connection.fetch(SELECT_LAST, limit)]
