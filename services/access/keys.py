"""Keys of programs: made, found, rotated, revoked (A9.1)."""

import hmac
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import asyncpg
from pydantic import SecretStr

from services.access.grants import Rights, grants_from
from services.access.key_text import KeyText, new_key, parse_key
from services.access.roles import SCOPES, Scope
from services.access.tokens import digest_of_token
from services.access.wall import inside
from services.storage.database import borrow

DAYS = 90
DAYS_MAX = 400
LABEL_MAX = 100
# Both secrets are valid for so long after a rotation.
OVERLAP_HOURS = 24
USE_IS_NOTED_EVERY_S = 60

COLUMNS = """id, label, account_id, scopes, person_id, made_by, made_at, valid_days, expires_at,
    last_used_at, revoked_at, revoked_by, former_until"""
INSERT = f"""
INSERT INTO access_keys
    (id, label, sha256, account_id, scopes, person_id, made_by, valid_days, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, now() + make_interval(days => $8))
RETURNING {COLUMNS}
"""  # noqa: S608 - constants
SELECT_LIST = f"""
SELECT {COLUMNS} FROM access_keys WHERE account_id IS NOT DISTINCT FROM $1 ORDER BY made_at, id
"""  # noqa: S608
SELECT_OF = f"SELECT {COLUMNS} FROM access_keys_of_v1($1) ORDER BY made_at, id"  # noqa: S608
SELECT_ONE = f"SELECT {COLUMNS} FROM access_key_v1($1)"  # noqa: S608
# With what its maker holds at this moment: a key never has more.
RESOLVE = f"""
SELECT {COLUMNS}, sha256, former_sha256, now() AS present, (
    SELECT coalesce(jsonb_agg(jsonb_build_object(
        'account_id', held.account_id, 'role', held.role, 'manager_id', held.manager_id)), '[]')
    FROM people AS maker, grants_of_v1(ARRAY[maker.id]) AS held
    WHERE maker.id = key.person_id AND maker.disabled_at IS NULL
) AS grants
FROM access_key_v1($1) AS key WHERE revoked_at IS NULL AND expires_at > now()
    -- What a key has made ends with it.
    AND (made_by NOT LIKE 'key:%' OR EXISTS (
        SELECT FROM access_key_v1(substr(key.made_by, 5)) AS maker
        WHERE maker.revoked_at IS NULL AND maker.expires_at > now()))
"""  # noqa: S608
USED = f"""
UPDATE access_keys SET last_used_at = now()
WHERE id = $1 AND (last_used_at IS NULL
    OR last_used_at < now() - interval '{USE_IS_NOTED_EVERY_S} seconds')
"""  # noqa: S608 - a number of ours
# Of two at once one wins: the other's caller would else hold a secret that is not valid.
ROTATE = f"""
UPDATE access_keys SET sha256 = $2, former_sha256 = sha256,
    former_until = least(expires_at, now() + interval '{OVERLAP_HOURS} hours'),
    expires_at = now() + make_interval(days => valid_days)
WHERE id = $1 AND revoked_at IS NULL AND expires_at > now() AND sha256 = $3
RETURNING {COLUMNS}
"""  # noqa: S608
SELECT_PRESENT = "SELECT sha256 FROM access_key_v1($1)"
REVOKE = """
UPDATE access_keys SET revoked_at = now(), revoked_by = $2, former_until = NULL
WHERE id = $1 AND revoked_at IS NULL RETURNING true
"""


class KeyNotValid(Exception):
    """There is no such key any more, or somebody else rotates it at this moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessKey:
    """A key without its secret.

    Attributes:
        account_id: Its one account; None for a key of the installation.
        scopes: The most it may; what its maker may no more, it may not either.
        person_id: Who made it; None for one that was made at the machine itself.
        former_until: Until when the secret of before works on.
    """

    id: str
    label: str
    account_id: int | None
    scopes: frozenset[Scope]
    person_id: int | None
    made_by: str
    made_at: datetime
    valid_days: int
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None
    revoked_by: str | None
    former_until: datetime | None

    @property
    def principal(self) -> str:
        """As it is named in what it does."""
        return f"key:{self.id}"

    @property
    def is_of_a_key(self) -> bool:
        """Whether another key has made it: then it ends with that one."""
        return self.made_by.startswith("key:")


@dataclass(frozen=True, slots=True)
class AccessKeys:
    """All of them; each method raises `services.shared.errors.Unavailable`."""

    pool: asyncpg.Pool

    async def make(
        self,
        *,
        label: str,
        account_id: int | None,
        scopes: Collection[Scope],
        person_id: int | None,
        made_by: str,
        days: int = DAYS,
    ) -> tuple[AccessKey, SecretStr]:
        """A new key, and its text, which nobody can see again."""
        key = new_key()
        kept = (key.id, label, digest_of_token(key.secret), account_id, sorted(scopes))
        async with inside(self.pool, account_id) as connection:
            row = await connection.fetchrow(INSERT, *kept, person_id, made_by, days)
        assert row is not None, "an insert returns its row"  # noqa: S101
        return _key(row), SecretStr(key.reveal())

    async def of_account(self, account_id: int | None) -> list[AccessKey]:
        """Those of an account, or of the installation, the oldest first."""
        async with inside(self.pool, account_id) as connection:
            return [_key(row) for row in await connection.fetch(SELECT_LIST, account_id)]

    async def of_person(self, person_id: int) -> list[AccessKey]:
        """Those that somebody made, wherever."""
        async with borrow(self.pool) as connection:
            return [_key(row) for row in await connection.fetch(SELECT_OF, person_id)]

    async def get(self, key_id: str) -> AccessKey | None:
        """One of them, whether it is valid or not."""
        async with borrow(self.pool) as connection:
            row = await connection.fetchrow(SELECT_ONE, key_id)
        return None if row is None else _key(row)

    async def resolve(self, text: str) -> tuple[AccessKey, Rights] | None:
        """Whose key it is, and what it may at this moment; None if it is no valid one."""
        given = parse_key(text)
        if given is None:
            return None
        async with borrow(self.pool) as connection:
            row = await connection.fetchrow(RESOLVE, given.id)
        if row is None or not _is_it(given, row):
            return None
        key = _key(row)
        if _is_due(key.last_used_at, row["present"]):
            async with inside(self.pool, key.account_id) as connection:
                await connection.execute(USED, key.id)
        return key, _rights(key, row)

    async def rotate(self, key: AccessKey) -> tuple[AccessKey, SecretStr]:
        """Another secret for a key; the present one works for a day more, none of before it.

        Raises:
            KeyNotValid: It is over, or somebody else rotates it at this moment.
        """
        fresh = new_key(key.id)
        async with inside(self.pool, key.account_id) as connection:
            present = await connection.fetchval(SELECT_PRESENT, key.id)
            row = await connection.fetchrow(ROTATE, key.id, digest_of_token(fresh.secret), present)
        if row is None:
            raise KeyNotValid(f"key {key.id} is not valid any more, or is being rotated")
        return _key(row), SecretStr(fresh.reveal())

    async def revoke(self, key: AccessKey, *, by: str) -> bool:
        """End it at once; whether it was not before."""
        async with inside(self.pool, key.account_id) as connection:
            return bool(await connection.fetchval(REVOKE, key.id, by))


def _is_it(given: KeyText, row: asyncpg.Record) -> bool:
    """Whether the secret is the present one, or that of before while it is still valid."""
    shown = digest_of_token(given.secret)
    is_present = hmac.compare_digest(shown, row["sha256"])
    is_former = hmac.compare_digest(shown, row["former_sha256"] or b"")
    return is_present or (
        is_former and row["former_until"] is not None and row["former_until"] > row["present"]
    )


def _is_due(last_used_at: datetime | None, present: datetime) -> bool:
    if last_used_at is None:
        return True
    return (present - last_used_at).total_seconds() >= USE_IS_NOTED_EVERY_S


def _rights(key: AccessKey, row: asyncpg.Record) -> Rights:
    return Rights(
        grants=grants_from(row["grants"]),
        is_unbound=key.person_id is None,
        within=key.scopes,
        only=key.account_id,
    )


def _key(row: asyncpg.Record) -> AccessKey:
    values = {name: row[name] for name in AccessKey.__dataclass_fields__}
    known = frozenset(scope for scope in SCOPES if scope in row["scopes"])
    return AccessKey(**(values | {"scopes": known}))
