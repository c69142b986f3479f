"""Rules that somebody works on: of two who change the same edition one wins (A4)."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from services.storage.database import borrow

PER_ACCOUNT_MAX = 50

COLUMNS = """
draft_id, name, edition, base_revision, content, made_by, made_at, changed_by, changed_at
"""
SELECT_ALL = f"""
SELECT {COLUMNS} FROM rules_drafts WHERE account_id = $1 ORDER BY made_at, draft_id
"""  # noqa: S608 - constants
SELECT_ONE = f"SELECT {COLUMNS} FROM rules_drafts WHERE account_id = $1 AND draft_id = $2"  # noqa: S608
# Two at once may make one more than that: it bounds what lies there, nothing else.
INSERT = f"""
INSERT INTO rules_drafts
    (account_id, draft_id, name, base_revision, content, made_by, changed_by)
SELECT $1, $2, $3, $4, $5, $6, $6
WHERE (SELECT count(*) FROM rules_drafts WHERE account_id = $1) < {PER_ACCOUNT_MAX}
ON CONFLICT (account_id, draft_id) DO NOTHING RETURNING {COLUMNS}
"""  # noqa: S608
UPDATE = f"""
UPDATE rules_drafts SET name = $4, base_revision = $5, content = $6,
    edition = edition + 1, changed_by = $7, changed_at = now()
WHERE account_id = $1 AND draft_id = $2 AND edition = $3 RETURNING {COLUMNS}
"""  # noqa: S608
DELETE = """
DELETE FROM rules_drafts WHERE account_id = $1 AND draft_id = $2 AND edition = $3 RETURNING true
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesDraft:
    """One.

    Attributes:
        edition: Goes up with each change.
        base_revision: Of the rules in force that it was made from; 0 for none.
        content: The rules file as somebody wrote it, comments included; it may have problems.
    """

    draft_id: str
    name: str
    edition: int
    base_revision: int
    content: str
    made_by: str
    made_at: datetime
    changed_by: str
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class RulesDrafts:
    """Those of all accounts; each method raises `services.shared.errors.Unavailable`."""

    pool: asyncpg.Pool

    async def of_account(self, account_id: int) -> list[RulesDraft]:
        """The oldest first."""
        async with borrow(self.pool) as connection:
            rows = await connection.fetch(SELECT_ALL, account_id)
        return [RulesDraft(**row) for row in rows]

    async def get(self, account_id: int, draft_id: str) -> RulesDraft | None:
        """One of them."""
        async with borrow(self.pool) as connection:
            row = await connection.fetchrow(SELECT_ONE, account_id, draft_id)
        return None if row is None else RulesDraft(**row)

    async def add(
        self,
        account_id: int,
        draft_id: str,
        *,
        name: str,
        base_revision: int,
        content: str,
        by: str,
    ) -> RulesDraft | None:
        """A new one; None if there are as many as there may be, or one of that id."""
        async with borrow(self.pool) as connection:
            row = await connection.fetchrow(
                INSERT, account_id, draft_id, name, base_revision, content, by
            )
        return None if row is None else RulesDraft(**row)

    async def change(
        self,
        account_id: int,
        draft_id: str,
        *,
        edition: int,
        name: str,
        base_revision: int,
        content: str,
        by: str,
    ) -> RulesDraft | None:
        """The next edition; None if this one is not the present one."""
        async with borrow(self.pool) as connection:
            row = await connection.fetchrow(
                UPDATE, account_id, draft_id, edition, name, base_revision, content, by
            )
        return None if row is None else RulesDraft(**row)

    async def drop(self, account_id: int, draft_id: str, *, edition: int) -> bool:
        """Forget it; whether this edition was the present one."""
        async with borrow(self.pool) as connection:
            return bool(await connection.fetchval(DELETE, account_id, draft_id, edition))
