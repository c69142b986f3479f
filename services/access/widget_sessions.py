"""Who works in the widget: Kommo's token once, then ten minutes by one of ours (S6, S7)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import asyncpg

from services.access.one_time_tokens import LEEWAY_S, OneTimeClaims
from services.access.tokens import digest_of_token, new_token
from services.access.wall import inside
from services.storage.database import borrow

# What somebody is to the widget: by Kommo's rights and by what was granted here.
WidgetRole = Literal["none", "manager", "supervisor", "administrator"]

SESSION_MINUTES = 10
# Kommo's page is reported to keep a token for 25 minutes, and to show it at each load.
USES_MAX = 20

SPEND = f"""
INSERT INTO widget_proofs AS known (sha256, account_id, user_id, origin, expires_at)
VALUES ($1, $2, $3, $4, to_timestamp($5))
ON CONFLICT (sha256) DO UPDATE SET uses = known.uses + 1
    WHERE known.user_id = $3 AND known.origin = $4 AND known.uses < {USES_MAX}
RETURNING uses
"""  # noqa: S608 - a number of ours
BEGIN = f"""
INSERT INTO widget_sessions (sha256, account_id, user_id, role, origin, expires_at)
VALUES ($1, $2, $3, $4, $5, now() + interval '{SESSION_MINUTES} minutes')
RETURNING expires_at
"""  # noqa: S608 - the same
# An account that lets us in no more has nobody at work in its widget.
RESOLVE = """
SELECT session.account_id, user_id, role, origin, expires_at
FROM widget_sessions AS session JOIN accounts USING (account_id)
WHERE sha256 = $1 AND expires_at > now() AND suspended_at IS NULL
"""
GRANTED = """
SELECT role FROM grants JOIN people ON people.id = grants.person_id
WHERE account_id = $1 AND manager_id = $2 AND disabled_at IS NULL
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class WidgetSession:
    """Somebody at work.

    Attributes:
        origin: Of the page; no other one gets answers.
    """

    account_id: int
    user_id: int
    role: WidgetRole
    origin: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class WidgetSessions:
    """All of them; each method raises `services.shared.errors.Unavailable`."""

    pool: asyncpg.Pool

    async def spend(self, claims: OneTimeClaims, origin: str) -> int | None:
        """Use a token; which time it is. None if it may not be, any more or here.

        Of the same account, user and page it may be used again until it ends, but not for ever.
        """
        known_as = f"{claims.client_uuid}\0{claims.account_id}\0{claims.jti}"
        row = (digest_of_token(known_as), claims.account_id, claims.user_id, origin)
        async with inside(self.pool, claims.account_id) as connection:
            uses: int | None = await connection.fetchval(SPEND, *row, float(claims.exp + LEEWAY_S))
        return uses

    async def begin(
        self, account_id: int, user_id: int, role: WidgetRole, origin: str
    ) -> tuple[str, datetime]:
        """Let somebody work; what their browser shows from now on, and until when."""
        token = new_token()
        row = (digest_of_token(token), account_id, user_id, role, origin)
        async with inside(self.pool, account_id) as connection:
            expires_at: datetime = await connection.fetchval(BEGIN, *row)
        return token, expires_at

    async def resolve(self, token: str) -> WidgetSession | None:
        """Whom a token lets work; None if nobody, any more or ever."""
        async with borrow(self.pool) as connection:
            row = await connection.fetchrow(RESOLVE, digest_of_token(token))
        return None if row is None else WidgetSession(**row)

    async def granted(self, account_id: int, user_id: int) -> frozenset[str]:
        """The roles that were given here to people who are this user of Kommo."""
        async with inside(self.pool, account_id) as connection:
            return frozenset(row[0] for row in await connection.fetch(GRANTED, account_id, user_id))
