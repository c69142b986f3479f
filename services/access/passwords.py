"""What is kept of people's passwords: nothing that tells them."""

from dataclasses import dataclass

import asyncpg

from services.access.hashing import Hashing
from services.storage.database import Connection, borrow

SELECT = "SELECT hash FROM passwords WHERE person_id = $1"
SET = """
INSERT INTO passwords (person_id, hash) VALUES ($1, $2)
ON CONFLICT (person_id) DO UPDATE SET hash = excluded.hash, changed_at = now()
"""
# Whatever somebody proved who they are by, and what they opened with it.
FORGET = (
    "DELETE FROM passwords WHERE person_id = $1",
    "DELETE FROM one_time_codes WHERE person_id = $1",
    "DELETE FROM recovery_codes WHERE person_id = $1",
    "DELETE FROM passkeys WHERE person_id = $1",
    "DELETE FROM sessions WHERE person_id = $1",
    "DELETE FROM sign_in_steps WHERE person_id = $1",
)
# Only in place of what was checked: somebody may have set another one meanwhile.
REHASH = "UPDATE passwords SET hash = $3 WHERE person_id = $1 AND hash = $2"


@dataclass(frozen=True, slots=True)
class Passwords:
    """All of them; each method raises `services.shared.errors.Unavailable`."""

    pool: asyncpg.Pool
    hashing: Hashing

    async def is_right(self, person_id: int | None, password: str) -> bool:
        """Whether it is somebody's; for nobody, as much work is done for the same answer."""
        async with borrow(self.pool) as connection:
            kept = await connection.fetchval(SELECT, person_id)
        if not await self.hashing.verify(kept, password):
            return False
        if self.hashing.is_outdated(kept):
            fresh = await self.hashing.hash(password)
            async with borrow(self.pool) as connection:
                await connection.execute(REHASH, person_id, kept, fresh)
        return True

    async def has_one(self, person_id: int) -> bool:
        """Whether somebody may sign in by a password at all."""
        async with borrow(self.pool) as connection:
            return await connection.fetchval(SELECT, person_id) is not None


async def set_password_hash(connection: Connection, person_id: int, hashed: str) -> None:
    """Keep another one in the caller's transaction."""
    await connection.execute(SET, person_id, hashed)


async def forget_proofs(connection: Connection, person_id: int) -> None:
    """Forget all by which somebody signed in, and end what they opened, in one transaction."""
    for statement in FORGET:
        await connection.execute(statement, person_id)
