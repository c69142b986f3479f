"""Deeds that move many leads: some an hour pass, more need a second person (S32)."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from services.access.settings import AccessSettings
from services.access.wall import inside
from services.storage.database import Connection

COLUMNS = """id, account_id, principal, what, leads, asked_at, approved_by, approved_at, passed_at,
    refused_by, refused_at"""
# Deeds of one account are weighed one after the other.
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('wide deeds', $1))"
# The same once more is the same deed: it passes as before, waits as before, or was agreed to.
FIND = f"""
SELECT {COLUMNS} FROM wide_deeds
WHERE account_id = $1 AND principal = $2 AND what = $3 AND digest = $4
    AND asked_at > now() - interval '1 day'
ORDER BY id DESC LIMIT 1
"""  # noqa: S608 - constants
SPENT = """
SELECT count(*) AS deeds, coalesce(sum(leads), 0) AS leads FROM wide_deeds
WHERE account_id = $1 AND passed_at > now() - interval '1 hour' AND approved_at IS NULL
"""
KEEP = f"""
INSERT INTO wide_deeds (account_id, principal, what, digest, leads, passed_at)
VALUES ($1, $2, $3, $4, $5, CASE WHEN $6 THEN now() END) RETURNING {COLUMNS}
"""  # noqa: S608
LET_PASS = f"UPDATE wide_deeds SET passed_at = now() WHERE id = $1 RETURNING {COLUMNS}"  # noqa: S608
SELECT_ONE = f"SELECT {COLUMNS} FROM wide_deeds WHERE account_id = $1 AND id = $2"  # noqa: S608
HELD = """passed_at IS NULL AND approved_at IS NULL AND refused_at IS NULL
    AND asked_at > now() - interval '1 day'"""
SELECT_HELD = f"""
SELECT {COLUMNS} FROM wide_deeds WHERE account_id = $1 AND {HELD} ORDER BY id
"""  # noqa: S608
APPROVE = f"""
UPDATE wide_deeds SET approved_by = $3, approved_at = now()
WHERE account_id = $1 AND id = $2 AND {HELD} RETURNING true
"""  # noqa: S608
REFUSE = f"""
UPDATE wide_deeds SET refused_by = $3, refused_at = now()
WHERE account_id = $1 AND id = $2 AND {HELD} RETURNING true
"""  # noqa: S608


@dataclass(frozen=True, slots=True, kw_only=True)
class WideDeed:
    """One.

    Attributes:
        principal: Who asked for it.
        what: Which kind of deed.
        leads: How many it moves.
        approved_by: Who agreed to it; None if nobody had to, or nobody has.
        passed_at: When it was let pass; None while it is held.
        refused_by: Who said no to it; None if nobody has.
    """

    id: int
    account_id: int
    principal: str
    what: str
    leads: int
    asked_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    passed_at: datetime | None
    refused_by: str | None
    refused_at: datetime | None


@dataclass(frozen=True, slots=True)
class WideDeeds:
    """All of them; each method raises `services.shared.errors.Unavailable`."""

    pool: asyncpg.Pool
    settings: AccessSettings

    def is_wide(self, leads: int) -> bool:
        """Whether a deed that moves so many counts."""
        return leads >= self.settings.wide_leads

    async def ask(
        self,
        account_id: int,
        *,
        principal: str,
        what: str,
        leads: int,
        digest: bytes,
        is_exempt: bool = False,
    ) -> tuple[WideDeed, bool]:
        """Let a wide deed pass, or hold it until somebody else agrees.

        Args:
            account_id: Where.
            principal: Who asks.
            what: Which kind of deed.
            leads: How many it moves.
            digest: Of the deed: the same once more is weighed once.
            is_exempt: It passes in any case, and counts.

        Returns:
            The deed, and whether it is new.
        """
        async with inside(self.pool, account_id) as connection:
            await connection.execute(LOCK, account_id)
            named = (account_id, principal, what, digest)
            row = await connection.fetchrow(FIND, *named)
            if row is not None:
                return await self._again(connection, WideDeed(**row)), False
            spent = await connection.fetchrow(SPENT, account_id)
            assert spent is not None, "a sum is one row"  # noqa: S101
            passes = is_exempt or (
                spent["deeds"] < self.settings.wide_per_hour
                and spent["leads"] + leads <= self.settings.wide_leads_per_hour
            )
            row = await connection.fetchrow(KEEP, *named, leads, passes)
        assert row is not None, "an insert returns its row"  # noqa: S101
        return WideDeed(**row), True

    async def held(self, account_id: int) -> list[WideDeed]:
        """Those that wait for somebody to agree, the oldest first; for a day at most."""
        async with inside(self.pool, account_id) as connection:
            return [WideDeed(**row) for row in await connection.fetch(SELECT_HELD, account_id)]

    async def get(self, account_id: int, deed_id: int) -> WideDeed | None:
        """One of them."""
        async with inside(self.pool, account_id) as connection:
            row = await connection.fetchrow(SELECT_ONE, account_id, deed_id)
        return None if row is None else WideDeed(**row)

    async def approve(self, account_id: int, deed_id: int, *, by: str) -> bool:
        """Agree to one that is held: whoever asked may ask again. Whether it was held."""
        async with inside(self.pool, account_id) as connection:
            return bool(await connection.fetchval(APPROVE, account_id, deed_id, by))

    async def refuse(self, account_id: int, deed_id: int, *, by: str) -> bool:
        """Say no to one that is held. Whether it was held."""
        async with inside(self.pool, account_id) as connection:
            return bool(await connection.fetchval(REFUSE, account_id, deed_id, by))

    async def _again(self, connection: Connection, deed: WideDeed) -> WideDeed:
        if deed.passed_at is not None or deed.approved_at is None:
            return deed
        row = await connection.fetchrow(LET_PASS, deed.id)
        assert row is not None, "it was found under the same lock"  # noqa: S101
        return WideDeed(**row)
