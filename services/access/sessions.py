"""Browsers that are signed in: 256 bits in a cookie, of which a digest is kept (W7)."""

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from services.access.grants import Rights, grants_from
from services.access.settings import AccessSettings
from services.access.tokens import digest_of_token, new_token
from services.storage.database import borrow

# The prefix lets no subdomain and no plain http set it; the attributes belong to it.
COOKIE = "__Host-fairlead"
COOKIE_ATTRIBUTES: Mapping[str, str | bool] = {
    "path": "/",
    "secure": True,
    "httponly": True,
    "samesite": "lax",
}
CSRF_HEADER = "Fairlead-Csrf"

AGENT_MAX = 200
PER_PERSON_MAX = 20
FORMER_S = 30
SEEN_IS_NOTED_EVERY_S = 60

COLUMNS = "id, person_id, how, whence, agent, begun_at, seen_at, fresh_at"
BEGIN = f"""
INSERT INTO sessions (sha256, person_id, how, whence, agent, fresh_at)
VALUES ($1, $2, $3, $4, $5, CASE WHEN $6 THEN now() ELSE 'epoch' END) RETURNING {COLUMNS}
"""  # noqa: S608 - constants
# Who opens many: the ones that were not used for longest end.
CROWDED_OUT = f"""
DELETE FROM sessions WHERE person_id = $1 AND id NOT IN (
    SELECT id FROM sessions WHERE person_id = $1 ORDER BY seen_at DESC, id DESC
    LIMIT {PER_PERSON_MAX}
)
"""  # noqa: S608 - a number of ours
ALIVE = (
    "seen_at > now() - make_interval(hours => $2) AND begun_at > now() - make_interval(days => $3)"
)
RESOLVE = f"""
SELECT {", ".join(f"session.{name}" for name in COLUMNS.split(", "))}, language, now() AS present,
    session.issued_at < person.rights_changed_at AS is_to_be_renewed, (
    SELECT coalesce(jsonb_agg(jsonb_build_object(
        'account_id', account_id, 'role', role, 'manager_id', manager_id)), '[]')
    FROM grants_of_v1(ARRAY[session.person_id])
) AS grants
FROM sessions AS session JOIN people AS person ON person.id = session.person_id
WHERE (session.sha256 = $1 OR (session.former_sha256 = $1 AND session.former_until > now()))
    AND {ALIVE} AND person.disabled_at IS NULL
"""  # noqa: S608
SEEN = f"""
UPDATE sessions SET seen_at = now()
WHERE id = $1 AND seen_at < now() - interval '{SEEN_IS_NOTED_EVERY_S} seconds'
"""  # noqa: S608
# Only who holds the present secret gets the next one: of two at once one does.
RENEW = f"""
UPDATE sessions SET sha256 = $2, former_sha256 = sha256, issued_at = now(),
    former_until = now() + interval '{FORMER_S} seconds',
    fresh_at = CASE WHEN $3 THEN now() ELSE fresh_at END
WHERE sha256 = $1 RETURNING true
"""  # noqa: S608
SELECT_OF = f"""
SELECT {COLUMNS} FROM sessions WHERE person_id = $1 AND {ALIVE} ORDER BY seen_at DESC, id DESC
"""  # noqa: S608
END = "DELETE FROM sessions WHERE person_id = $1 AND id = $2 RETURNING true"
END_BY_TOKEN = "DELETE FROM sessions WHERE sha256 = $1 OR former_sha256 = $1"  # noqa: S105 - SQL
END_BY_PASSWORD = "DELETE FROM sessions WHERE person_id = $1 AND how = 'password'"  # noqa: S105
END_ALL = """
WITH ended AS (DELETE FROM sessions WHERE person_id = $1 AND id <> $2 RETURNING 1)
SELECT count(*) FROM ended
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One browser of somebody.

    Attributes:
        how: What they signed in by, as `password`.
        whence: The address they signed in from.
        agent: What their browser says it is.
        fresh_at: When they last proved who they are.
    """

    id: int
    person_id: int
    how: str
    whence: str
    agent: str
    begun_at: datetime
    seen_at: datetime
    fresh_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSession:
    """Whom a cookie lets in.

    Attributes:
        language: What they read.
        is_fresh: They proved who they are a short while ago.
        is_to_be_renewed: What they may has changed since: give them another cookie.
    """

    session: Session
    rights: Rights
    language: str
    is_fresh: bool
    is_to_be_renewed: bool


@dataclass(frozen=True, slots=True)
class Sessions:
    """All of them; each method raises `services.shared.errors.Unavailable`."""

    pool: asyncpg.Pool
    settings: AccessSettings

    async def begin(
        self, person_id: int, *, how: str, whence: str, agent: str, is_fresh: bool = True
    ) -> tuple[Session, str]:
        """Sign somebody in; the session, and what goes into the cookie.

        Args:
            person_id: Whom.
            how: By what.
            whence: From which address.
            agent: What their browser says it is.
            is_fresh: They have just proved to us who they are.
        """
        token = new_token()
        row = (digest_of_token(token), person_id, how, whence, agent[:AGENT_MAX], is_fresh)
        async with borrow(self.pool) as connection, connection.transaction():
            begun = await connection.fetchrow(BEGIN, *row)
            await connection.execute(CROWDED_OUT, person_id)
        assert begun is not None, "an insert returns its row"  # noqa: S101
        return Session(**begun), token

    async def resolve(self, cookie: str, *, is_by_hand: bool = True) -> LiveSession | None:
        """Whom a cookie lets in; None if nobody, any more or ever.

        Args:
            cookie: As the browser sends it.
            is_by_hand: Somebody did something; what a page does by itself keeps no session alive.
        """
        async with borrow(self.pool) as connection:
            row = await connection.fetchrow(RESOLVE, digest_of_token(cookie), *self._bounds())
            if row is None:
                return None
            session = _session(row)
            if (
                is_by_hand
                and (row["present"] - session.seen_at).total_seconds() >= SEEN_IS_NOTED_EVERY_S
            ):
                await connection.execute(SEEN, session.id)
        age_s = (row["present"] - session.fresh_at).total_seconds()
        return LiveSession(
            session=session,
            rights=Rights(grants=grants_from(row["grants"])),
            language=row["language"],
            is_fresh=age_s < self.settings.fresh_minutes * 60,
            is_to_be_renewed=row["is_to_be_renewed"],
        )

    async def renew(self, cookie: str, *, is_fresh: bool = False) -> str | None:
        """Another cookie for the same session; the former one is let in for half a minute.

        Args:
            cookie: The present one.
            is_fresh: They have just proved again who they are.

        Returns:
            None if it is not the present one: whoever else renewed it has the next.
        """
        token = new_token()
        digests = (digest_of_token(cookie), digest_of_token(token))
        async with borrow(self.pool) as connection:
            is_renewed = await connection.fetchval(RENEW, *digests, is_fresh)
        return token if is_renewed else None

    async def of(self, person_id: int) -> list[Session]:
        """Those of somebody that are alive, the last used first."""
        async with borrow(self.pool) as connection:
            rows = await connection.fetch(SELECT_OF, person_id, *self._bounds())
        return [Session(**row) for row in rows]

    async def end(self, person_id: int, session_id: int) -> bool:
        """End one of somebody's; whether it was theirs."""
        async with borrow(self.pool) as connection:
            return bool(await connection.fetchval(END, person_id, session_id))

    async def end_by_cookie(self, cookie: str) -> None:
        """Sign out; nothing happens to one that is over."""
        async with borrow(self.pool) as connection:
            await connection.execute(END_BY_TOKEN, digest_of_token(cookie))

    async def end_all(self, person_id: int, *, but: int = 0) -> int:
        """End all of somebody's, but for one; how many."""
        async with borrow(self.pool) as connection:
            ended: int = await connection.fetchval(END_ALL, person_id, but)
        return ended

    async def end_by_password(self, person_id: int) -> None:
        """End those of somebody that were begun by a password."""
        async with borrow(self.pool) as connection:
            await connection.execute(END_BY_PASSWORD, person_id)

    def _bounds(self) -> tuple[int, int]:
        return self.settings.idle_hours, self.settings.session_days


def csrf_token(cookie: str) -> str:
    """What a page of this session sends with each deed (S10); it tells nothing of the cookie."""
    made = hmac.digest(cookie.encode("utf-8", "replace"), b"fairlead csrf", "sha256")
    return base64.urlsafe_b64encode(made).decode().rstrip("=")


def is_csrf_token(cookie: str, given: str) -> bool:
    """Whether it is the one of this session."""
    return hmac.compare_digest(csrf_token(cookie).encode(), given.encode("utf-8", "replace"))


def _session(row: asyncpg.Record) -> Session:
    return Session(**{name: row[name] for name in Session.__dataclass_fields__})
