"""Rules files as somebody wrote them, with their comments, by what they say (W4.4)."""

from dataclasses import dataclass
from hashlib import sha256

import asyncpg

from services.storage.database import borrow

PER_ACCOUNT_MAX = 200

UPSERT = """
INSERT INTO rules_texts (account_id, sha256, content, kept_by) VALUES ($1, $2, $3, $4)
ON CONFLICT (account_id, sha256) DO UPDATE
SET content = EXCLUDED.content, kept_by = EXCLUDED.kept_by, kept_at = clock_timestamp()
"""
# The oldest go: whoever wants those rules again has them without comments.
DELETE = f"""
DELETE FROM rules_texts WHERE account_id = $1 AND kept_at < (
    SELECT kept_at FROM rules_texts WHERE account_id = $1
    ORDER BY kept_at DESC OFFSET {PER_ACCOUNT_MAX - 1} LIMIT 1
)
"""  # noqa: S608 - a constant
# That of the same rules, else the last one.
SELECT = """
SELECT content, sha256 = $2 AS is_same FROM rules_texts WHERE account_id = $1
ORDER BY is_same DESC, kept_at DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class RulesTexts:
    """Those of all accounts; each method raises `services.shared.errors.Unavailable`."""

    pool: asyncpg.Pool

    async def keep(self, account_id: int, *, plain: str, content: str, by: str) -> None:
        """Keep a text; of the same rules there is one, the last.

        Args:
            account_id: Whose.
            plain: What it says, without comments, as rules are always written.
            content: As somebody wrote it.
            by: Whoever applied it.
        """
        async with borrow(self.pool) as connection, connection.transaction():
            await connection.execute(UPSERT, account_id, _digest(plain), content, by)
            await connection.execute(DELETE, account_id)

    async def nearest(self, account_id: int, plain: str) -> tuple[str, bool] | None:
        """The text that says the same, else the last that there is, and whether it says the same.

        None if there is none.
        """
        async with borrow(self.pool) as connection:
            row = await connection.fetchrow(SELECT, account_id, _digest(plain))
        return None if row is None else (row["content"], row["is_same"])


def _digest(plain: str) -> bytes:
    return sha256(plain.encode()).digest()
