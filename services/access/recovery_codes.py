"""Ten codes on paper, for whoever lost their app; each is taken once."""

import base64
import hashlib
import secrets
from dataclasses import dataclass

import asyncpg

from services.storage.database import borrow

COUNT = 10
BYTES = 10
GROUP = 4

DROP = "DELETE FROM recovery_codes WHERE person_id = $1"
INSERT = "INSERT INTO recovery_codes (person_id, sha256) SELECT $1, unnest($2::bytea[])"
TAKE = """
UPDATE recovery_codes SET used_at = now() WHERE person_id = $1 AND sha256 = $2 AND used_at IS NULL
RETURNING true
"""
LEFT = "SELECT count(*) FROM recovery_codes WHERE person_id = $1 AND used_at IS NULL"


@dataclass(frozen=True, slots=True)
class RecoveryCodes:
    """Everybody's; each method raises `services.shared.errors.Unavailable`."""

    pool: asyncpg.Pool

    async def make(self, person_id: int) -> tuple[str, ...]:
        """Ten new ones, shown once; none of before is taken any more."""
        codes = tuple(_new_code() for _ in range(COUNT))
        async with borrow(self.pool) as connection, connection.transaction():
            await connection.execute(DROP, person_id)
            await connection.execute(INSERT, person_id, [_digest(code) for code in codes])
        return codes

    async def take(self, person_id: int, code: str) -> bool:
        """Whether it is one of somebody's that was never taken."""
        async with borrow(self.pool) as connection:
            return bool(await connection.fetchval(TAKE, person_id, _digest(code)))

    async def left(self, person_id: int) -> int:
        """How many somebody has left."""
        async with borrow(self.pool) as connection:
            count: int = await connection.fetchval(LEFT, person_id)
        return count

    async def drop(self, person_id: int) -> None:
        """Take none of somebody's any more."""
        async with borrow(self.pool) as connection:
            await connection.execute(DROP, person_id)


def _new_code() -> str:
    """80 bits, in groups that can be read aloud: `abcd-efgh-ijkl-mnop`."""
    text = base64.b32encode(secrets.token_bytes(BYTES)).decode().lower()
    return "-".join(text[place : place + GROUP] for place in range(0, len(text), GROUP))


def _digest(code: str) -> bytes:
    """Of the letters alone, in any case; being random, they need no salt."""
    letters = "".join(each for each in code.casefold() if each.isalnum())
    return hashlib.sha256(letters.encode("utf-8", "replace")).digest()
