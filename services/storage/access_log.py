"""Who looked at what: a line for each look, kept for 400 days (A9.3)."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NoReturn

import asyncpg
import structlog

from services.shared.errors import Unavailable
from services.storage.database import borrow

log = structlog.get_logger(__name__)

KEPT_DAYS = 400
TIDY_EVERY_S = 3_600.0

Sight = Literal[
    "explanation",
    "why_not",
    "statement",
    "state",
    "audit",
    "export",
    "erasure",
    "letter",
    "raw_bodies",
    "simulation",
    "proof",
    "shadow",
    "access_log",
    "people",
]

INSERT = """
INSERT INTO access_log (account_id, principal, whence, what, ids, request_id)
VALUES ($1, $2, $3, $4, $5, $6)
"""
SELECT = """
SELECT id, at, account_id, principal, whence, what, ids, request_id FROM access_log
WHERE account_id {whose} AND at >= $2 AND at < $3 AND ($4 = '' OR principal = $4)
    AND id {of} $6
ORDER BY id {order} LIMIT $5
"""
OF_ACCOUNT, OF_INSTALLATION = "= $1", "IS NULL AND $1::bigint IS NULL"
NEWEST, NEXT = {"of": "<", "order": "DESC"}, {"of": ">", "order": "ASC"}
BEYOND_ALL = 2**63 - 1
SELECT_PRINCIPAL = """
SELECT id, at, account_id, principal, whence, what, ids, request_id FROM access_log
WHERE principal = $1 ORDER BY id DESC LIMIT $2
"""
EXPIRE = "DELETE FROM access_log WHERE at < now() - $1 * interval '1 day'"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessLine:
    """One look.

    Attributes:
        account_id: Whose things they were; None for the installation's own.
        whence: The address they came from; `terminal` for the command line.
        ids: What they looked at: leads, managers or letters, by what it was.
        request_id: By which the logs know the request; empty at a terminal.
    """

    id: int
    at: datetime
    account_id: int | None
    principal: str
    whence: str
    what: Sight
    ids: tuple[int, ...]
    request_id: str


@dataclass(frozen=True, slots=True)
class AccessLog:
    """All looks; each method raises `services.shared.errors.Unavailable`."""

    pool: asyncpg.Pool

    async def note(
        self,
        *,
        account_id: int | None,
        principal: str,
        whence: str,
        what: Sight,
        ids: Sequence[int],
        request_id: str,
    ) -> None:
        """Keep a look, before anything is shown."""
        async with borrow(self.pool) as connection:
            await connection.execute(
                INSERT, account_id, principal, whence, what, list(ids), request_id
            )

    async def page(
        self,
        account_id: int | None,
        *,
        start: datetime,
        end: datetime,
        principal: str = "",
        limit: int,
        before: int | None = None,
        after: int | None = None,
    ) -> list[AccessLine]:
        """The newest looks at an account's things, the newest first.

        Args:
            account_id: Whose; None for what belongs to no account.
            start: From when.
            end: Until when, left out.
            principal: Of this one only, if it is not empty.
            limit: The most.
            before: Only those before this id.
            after: Only those behind this id; then the oldest first.
        """
        key = (before or BEYOND_ALL) if after is None else after
        whose = OF_INSTALLATION if account_id is None else OF_ACCOUNT
        statement = SELECT.format(whose=whose, **(NEWEST if after is None else NEXT))
        async with borrow(self.pool) as connection:
            rows = await connection.fetch(statement, account_id, start, end, principal, limit, key)
        return [AccessLine(**{**row, "ids": tuple(row["ids"])}) for row in rows]

    async def of_principal(self, principal: str, *, limit: int) -> list[AccessLine]:
        """What somebody looked at, the newest first, in all accounts that the task may see."""
        async with borrow(self.pool) as connection:
            rows = await connection.fetch(SELECT_PRINCIPAL, principal, limit)
        return [AccessLine(**{**row, "ids": tuple(row["ids"])}) for row in rows]

    async def tidy(self) -> None:
        """Forget what is older than is kept."""
        async with borrow(self.pool) as connection:
            await connection.execute(EXPIRE, KEPT_DAYS)

    async def keep_tidy(self) -> NoReturn:
        """Do so from time to time, until cancelled."""
        while True:
            try:
                await self.tidy()
            except Unavailable as error:
                log.warning("access_log_not_tidied", reason=str(error))
            await asyncio.sleep(TIDY_EVERY_S)
