"""Passkeys: a key that a device keeps, shown by a finger, a face or a number (WebAuthn)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg
from pydantic import SecretStr

from services.access.secret import NO_ACCOUNT
from services.shared.secrets import Vault
from services.storage.database import borrow

PER_PERSON_MAX = 20
NAME_MAX = 100

NEXT_ID = "SELECT nextval('passkeys_id_seq')"
COLUMNS = """id, person_id, credential_id, public_key, sign_count, transports, name_sealed,
    made_at, used_at"""
INSERT = f"""
INSERT INTO passkeys
    (id, person_id, credential_id, public_key, sign_count, transports, name_sealed)
SELECT $1, $2, $3, $4, $5, $6, $7
WHERE (SELECT count(*) FROM passkeys WHERE person_id = $2) < {PER_PERSON_MAX}
ON CONFLICT (credential_id) DO NOTHING
RETURNING {COLUMNS}
"""  # noqa: S608 - constants
SELECT_OF = f"SELECT {COLUMNS} FROM passkeys WHERE person_id = $1 ORDER BY id"  # noqa: S608
SELECT_BY_CREDENTIAL = f"SELECT {COLUMNS} FROM passkeys WHERE credential_id = $1"  # noqa: S608
# A device that counts, counts upwards: what comes with a number of before is a copy.
USED = """
UPDATE passkeys SET used_at = now(), sign_count = $2
WHERE id = $1 AND (sign_count < $2 OR (sign_count = 0 AND $2 = 0)) RETURNING true
"""
RENAME = "UPDATE passkeys SET name_sealed = $3 WHERE person_id = $1 AND id = $2 RETURNING true"
REMOVE = "DELETE FROM passkeys WHERE person_id = $1 AND id = $2 RETURNING true"
SELECT_SEALED = "SELECT id, name_sealed FROM passkeys"
RESEAL = "UPDATE passkeys SET name_sealed = $3 WHERE id = $1 AND name_sealed = $2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Passkey:
    """One of somebody's.

    Attributes:
        credential_id: As the device names it.
        public_key: By which its signatures are checked.
        sign_count: How often it was used, if the device counts; else 0.
        transports: How a browser reaches it.
        name: What they call it.
    """

    id: int
    person_id: int
    credential_id: bytes
    public_key: bytes
    sign_count: int
    transports: tuple[str, ...]
    name: str
    made_at: datetime
    used_at: datetime | None


@dataclass(frozen=True, slots=True)
class Passkeys:
    """Everybody's; each method raises `services.shared.errors.Unavailable`."""

    pool: asyncpg.Pool
    vault: Vault

    async def add(
        self,
        person_id: int,
        *,
        credential_id: bytes,
        public_key: bytes,
        sign_count: int,
        transports: Sequence[str],
        name: str,
    ) -> Passkey | None:
        """Keep another one; None if somebody has it, or they have too many."""
        async with borrow(self.pool) as connection:
            passkey_id = await connection.fetchval(NEXT_ID)
            row = await connection.fetchrow(
                INSERT,
                passkey_id,
                person_id,
                credential_id,
                public_key,
                sign_count,
                list(transports),
                self._sealed(passkey_id, name),
            )
        return None if row is None else self._opened(row)

    async def of(self, person_id: int) -> list[Passkey]:
        """Somebody's, the oldest first."""
        async with borrow(self.pool) as connection:
            rows = await connection.fetch(SELECT_OF, person_id)
        return [self._opened(row) for row in rows]

    async def find(self, credential_id: bytes) -> Passkey | None:
        """By what the device calls it."""
        async with borrow(self.pool) as connection:
            row = await connection.fetchrow(SELECT_BY_CREDENTIAL, credential_id)
        return None if row is None else self._opened(row)

    async def used(self, passkey: Passkey, sign_count: int) -> bool:
        """Keep that it was used; False if its device has counted further already: a copy."""
        async with borrow(self.pool) as connection:
            return bool(await connection.fetchval(USED, passkey.id, sign_count))

    async def rename(self, person_id: int, passkey_id: int, name: str) -> bool:
        """Call one of somebody's otherwise; whether it was theirs."""
        sealed = self._sealed(passkey_id, name)
        async with borrow(self.pool) as connection:
            return bool(await connection.fetchval(RENAME, person_id, passkey_id, sealed))

    async def remove(self, person_id: int, passkey_id: int) -> bool:
        """Take one of somebody's no more; whether it was theirs."""
        async with borrow(self.pool) as connection:
            return bool(await connection.fetchval(REMOVE, person_id, passkey_id))

    async def reseal(self) -> int:
        """Seal every name with the newest master key; how many were under an older one."""
        async with borrow(self.pool) as connection:
            rows = await connection.fetch(SELECT_SEALED)
            old = [row for row in rows if not self.vault.is_current(row[1])]
            for passkey_id, sealed in old:
                fresh = self._sealed(passkey_id, self._name(passkey_id, sealed))
                await connection.execute(RESEAL, passkey_id, sealed, fresh)
        return len(old)

    def _opened(self, row: asyncpg.Record) -> Passkey:
        return Passkey(
            id=row["id"],
            person_id=row["person_id"],
            credential_id=row["credential_id"],
            public_key=row["public_key"],
            sign_count=row["sign_count"],
            transports=tuple(row["transports"]),
            name=self._name(row["id"], row["name_sealed"]),
            made_at=row["made_at"],
            used_at=row["used_at"],
        )

    def _sealed(self, passkey_id: int, name: str) -> bytes:
        place = _place(passkey_id)
        return self.vault.seal(SecretStr(name), account_id=NO_ACCOUNT, field_name=place)

    def _name(self, passkey_id: int, sealed: bytes) -> str:
        opened = self.vault.open(sealed, account_id=NO_ACCOUNT, field_name=_place(passkey_id))
        return opened.get_secret_value()


def _place(passkey_id: int) -> str:
    return f"passkey/{passkey_id}/name"
