"""People: their names and logins lie sealed, and are found by a digest."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg
from pydantic import SecretStr

from services.access.grants import Grant, grants_from
from services.access.secret import NO_ACCOUNT, Digests
from services.access.wall import enter, inside
from services.shared.secrets import Vault
from services.storage.database import Connection, borrow

NAME_MAX = 100
LOGIN_MIN, LOGIN_MAX = 3, 254

NEXT_ID = "SELECT nextval('people_id_seq')"
INSERT = """
INSERT INTO people (id, name_sealed, login_sealed, login_digest, language)
VALUES ($1, $2, $3, $4, $5) ON CONFLICT (login_digest) DO NOTHING RETURNING id
"""
COLUMNS = """
SELECT id, name_sealed, login_sealed, language, created_at, disabled_at, (
    SELECT coalesce(jsonb_agg(jsonb_build_object(
        'account_id', account_id, 'role', role, 'manager_id', manager_id)), '[]')
    FROM grants_of_v1(ARRAY[people.id])
) AS grants FROM people
"""
SELECT_ALL = f"{COLUMNS} ORDER BY id"
SELECT_ONE = f"{COLUMNS} WHERE id = $1"
SELECT_THESE = f"{COLUMNS} WHERE id = ANY ($1::bigint[]) ORDER BY id"
SELECT_BY_LOGIN = f"{COLUMNS} WHERE login_digest = $1"
# Whoever is disabled has nothing open, here and in other processes from the next request on.
DISABLE = """
UPDATE people SET disabled_at = CASE WHEN $2 THEN coalesce(disabled_at, now()) END WHERE id = $1
RETURNING id
"""
END_SESSIONS = "DELETE FROM sessions WHERE person_id = $1"
ERASE = "DELETE FROM people WHERE id = $1 RETURNING id"
SET_NAME = "UPDATE people SET name_sealed = $2, language = $3 WHERE id = $1 RETURNING id"
GRANT = """
INSERT INTO grants (person_id, account_id, role, manager_id, given_by) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (person_id, coalesce(account_id, 0), role) DO UPDATE
    SET manager_id = excluded.manager_id, given_by = excluded.given_by, given_at = now()
    WHERE grants.manager_id IS DISTINCT FROM excluded.manager_id
RETURNING true
"""
REVOKE = """
DELETE FROM grants WHERE person_id = $1 AND account_id IS NOT DISTINCT FROM $2 AND role = $3
RETURNING true
"""
CHANGED = "UPDATE people SET rights_changed_at = now() WHERE id = $1"
HAS_OPERATOR = """
SELECT EXISTS (
    SELECT FROM people, grants_of_v1(ARRAY[people.id]) AS held
    WHERE held.role = 'operator' AND people.disabled_at IS NULL AND people.id <> $1
)
"""
SELECT_SEALED = "SELECT id, name_sealed, login_sealed FROM people"
RESEAL = """
UPDATE people SET name_sealed = $4, login_sealed = $5
WHERE id = $1 AND name_sealed = $2 AND login_sealed = $3
"""


class LoginTaken(Exception):
    """Somebody else has this login."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who may sign in.

    Attributes:
        login: An e-mail or a name of their own, as they wrote it; it is found in any case.
        language: What they read, as `en` or `pt-BR`.
        disabled_at: Since when they may nothing.
        grants: What they hold, while they are not disabled.
    """

    id: int
    name: str
    login: str
    language: str
    created_at: datetime
    disabled_at: datetime | None
    grants: tuple[Grant, ...]

    @property
    def principal(self) -> str:
        """As they are named in what they do."""
        return f"person:{self.id}"


def folded(login: str) -> str:
    """What two ways of writing one login have in common."""
    return unicodedata.normalize("NFKC", login).strip().casefold()


@dataclass(frozen=True, slots=True)
class People:
    """All of them; each method raises `services.shared.errors.Unavailable`."""

    pool: asyncpg.Pool
    vault: Vault
    digests: Digests

    async def add(self, connection: Connection, *, name: str, login: str, language: str) -> int:
        """A new one, without any grant, in the caller's transaction; their id.

        Raises:
            LoginTaken: Somebody has the login.
        """
        digest = await self.digests.of("login", folded(login))
        person_id: int = await connection.fetchval(NEXT_ID)
        name_sealed = self._sealed(person_id, "name", name)
        login_sealed = self._sealed(person_id, "login", login)
        row = (person_id, name_sealed, login_sealed, digest, language)
        if await connection.fetchval(INSERT, *row) is None:
            raise LoginTaken("somebody has this login")
        return person_id

    async def all(self) -> list[Person]:
        """Everybody, also the disabled, the oldest first."""
        async with borrow(self.pool) as connection:
            rows = await connection.fetch(SELECT_ALL)
        return [self._opened(row) for row in rows]

    async def get(self, person_id: int) -> Person | None:
        """One of them."""
        async with borrow(self.pool) as connection:
            row = await connection.fetchrow(SELECT_ONE, person_id)
        return None if row is None else self._opened(row)

    async def these(self, person_ids: Sequence[int]) -> list[Person]:
        """Those of them that there are, by id."""
        if not person_ids:
            return []
        async with borrow(self.pool) as connection:
            rows = await connection.fetch(SELECT_THESE, person_ids)
        return [self._opened(row) for row in rows]

    async def find(self, login: str) -> Person | None:
        """By what they sign in with, in any case."""
        digest = await self.digests.of("login", folded(login))
        async with borrow(self.pool) as connection:
            row = await connection.fetchrow(SELECT_BY_LOGIN, digest)
        return None if row is None else self._opened(row)

    async def describe(self, person_id: int, *, name: str, language: str) -> bool:
        """Change what they are called and read; whether there is such a person."""
        sealed = self._sealed(person_id, "name", name)
        async with borrow(self.pool) as connection:
            return await connection.fetchval(SET_NAME, person_id, sealed, language) is not None

    async def disable(self, person_id: int, *, is_disabled: bool = True) -> bool:
        """Let them in no more, or again; whether there is such a person."""
        async with borrow(self.pool) as connection, connection.transaction():
            if is_disabled:
                await connection.execute(END_SESSIONS, person_id)
            return await connection.fetchval(DISABLE, person_id, is_disabled) is not None

    async def erase(self, person_id: int) -> bool:
        """Forget them: what they did stays, under their id (S21). Whether there was one."""
        async with borrow(self.pool) as connection:
            return await connection.fetchval(ERASE, person_id) is not None

    async def grant(self, person_id: int, grants: Sequence[Grant], *, given_by: str) -> bool:
        """Give them roles; whether anything is new. Their sessions get new secrets."""
        async with inside(self.pool, None) as connection:
            return await give(connection, person_id, grants, given_by=given_by)

    async def revoke(self, person_id: int, grant: Grant) -> bool:
        """Take a role away, with effect from their next request; whether they had it."""
        async with inside(self.pool, grant.account_id) as connection:
            had = await connection.fetchval(REVOKE, person_id, grant.account_id, grant.role)
            if had:
                await connection.execute(CHANGED, person_id)
        return bool(had)

    async def has_operator(self, *, but: int = 0) -> bool:
        """Whether anybody keeps the installation: it is claimed.

        Args:
            but: Apart from this person.
        """
        async with borrow(self.pool) as connection:
            return bool(await connection.fetchval(HAS_OPERATOR, but))

    async def reseal(self) -> int:
        """Seal names and logins with the newest master key; of how many people they were not."""
        async with borrow(self.pool) as connection:
            rows = await connection.fetch(SELECT_SEALED)
            old = [row for row in rows if not all(map(self.vault.is_current, row[1:]))]
            for person_id, name, login in old:
                fresh = (
                    self._sealed(person_id, kind, self._text(person_id, kind, sealed))
                    for kind, sealed in (("name", name), ("login", login))
                )
                await connection.execute(RESEAL, person_id, name, login, *fresh)
        return len(old)

    def _opened(self, row: asyncpg.Record) -> Person:
        return Person(
            id=row["id"],
            name=self._text(row["id"], "name", row["name_sealed"]),
            login=self._text(row["id"], "login", row["login_sealed"]),
            language=row["language"],
            created_at=row["created_at"],
            disabled_at=row["disabled_at"],
            grants=grants_from(row["grants"]),
        )

    def _sealed(self, person_id: int, kind: str, text: str) -> bytes:
        place = f"person/{person_id}/{kind}"
        return self.vault.seal(SecretStr(text), account_id=NO_ACCOUNT, field_name=place)

    def _text(self, person_id: int, kind: str, sealed: bytes) -> str:
        place = f"person/{person_id}/{kind}"
        opened = self.vault.open(sealed, account_id=NO_ACCOUNT, field_name=place)
        return opened.get_secret_value()


async def give(
    connection: Connection, person_id: int, grants: Sequence[Grant], *, given_by: str
) -> bool:
    """Give somebody roles in the caller's transaction; whether anything is new."""
    is_new = False
    for each in grants:
        await enter(connection, each.account_id)
        row = (person_id, each.account_id, each.role, each.manager_id, given_by)
        is_new |= bool(await connection.fetchval(GRANT, *row))
    if is_new:
        await connection.execute(CHANGED, person_id)
    return is_new
