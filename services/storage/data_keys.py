"""Keys of a day's bodies and of a person's texts: deleting one erases all that lies under it (S21).

Each is sealed with the master key in its turn. What is sealed with one names it, as it would a
master key, so that it is found by what it sealed.
"""

import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date

from services.shared.secrets import KEY_BYTES, Unsealable, Vault, key_named
from services.storage.database import Connection

FIELD = "data key"

INSERT = """
INSERT INTO data_keys (account_id, subject, key_id, key_sealed) VALUES ($1, $2, $3, $4)
ON CONFLICT (account_id, subject) DO NOTHING
"""
SELECT = "SELECT key_sealed FROM data_keys WHERE account_id = $1 AND subject = $2"
SELECT_THESE = """
SELECT key_id, account_id, subject, key_sealed FROM data_keys WHERE key_id = ANY($1::bytea[])
"""
DELETE = "DELETE FROM data_keys WHERE account_id = $1 AND subject = $2 RETURNING subject"
EXPIRE = """
DELETE FROM data_keys WHERE subject LIKE 'day/%' AND substr(subject, 5)::date < $1 RETURNING subject
"""
SELECT_ALL = "SELECT account_id, subject, key_sealed FROM data_keys"
RESEAL = """
UPDATE data_keys SET key_sealed = $3 WHERE account_id = $1 AND subject = $2 AND key_sealed = $4
"""


def of_day(day: date) -> str:
    """The subject of what came on a day."""
    return f"day/{day.isoformat()}"


def of_manager(manager_id: int) -> str:
    """The subject of what is written about a manager."""
    return f"manager/{manager_id}"


@dataclass(frozen=True, slots=True)
class DataKeys:
    """All keys of the kind, each within the caller's transaction."""

    vault: Vault

    async def sealing(self, connection: Connection, account_id: int, subject: str) -> Vault:
        """The key of a subject, made if there is none yet."""
        sealed = await connection.fetchval(SELECT, account_id, subject)
        if sealed is None:
            made = Vault((os.urandom(KEY_BYTES),))
            sealed = self._sealed(made, account_id, subject)
            await connection.execute(INSERT, account_id, subject, made.key_id, sealed)
            # Perhaps another was quicker.
            sealed = await connection.fetchval(SELECT, account_id, subject)
        return self._opened(sealed, account_id, subject)

    async def opening(
        self, connection: Connection, sealed: Collection[bytes]
    ) -> Mapping[bytes, Vault]:
        """The keys that these were sealed with, by their ids; those that were deleted are missing.

        A key that the master key does not open is missing, too.
        """
        named = list({key_named(each) for each in sealed})
        found: dict[bytes, Vault] = {}
        for key_id, account_id, subject, key_sealed in await connection.fetch(SELECT_THESE, named):
            with suppress(Unsealable):
                found[bytes(key_id)] = self._opened(key_sealed, account_id, subject)
        return found

    async def delete(self, connection: Connection, account_id: int, subject: str) -> bool:
        """Erase everything under a key; whether there was one."""
        return await connection.fetchval(DELETE, account_id, subject) is not None

    async def expire(self, connection: Connection, before: date) -> int:
        """Delete the keys of days before one; how many there were."""
        return len(await connection.fetch(EXPIRE, before))

    async def reseal(self, connection: Connection) -> int:
        """Seal every key with the newest master key; how many were under an older one."""
        count = 0
        for account_id, subject, sealed in await connection.fetch(SELECT_ALL):
            if not self.vault.is_current(sealed):
                key = self._opened(sealed, account_id, subject)
                anew = self._sealed(key, account_id, subject)
                await connection.execute(RESEAL, account_id, subject, anew, sealed)
                count += 1
        return count

    def _sealed(self, key: Vault, account_id: int, subject: str) -> bytes:
        place = f"{FIELD}/{subject}"
        return self.vault.seal_bytes(key.keys[0], account_id=account_id, field_name=place)

    def _opened(self, sealed: bytes, account_id: int, subject: str) -> Vault:
        place = f"{FIELD}/{subject}"
        return Vault((self.vault.open_bytes(sealed, account_id=account_id, field_name=place),))
