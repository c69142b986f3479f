"""The installation's own key, by which logins are found and not read; made when first needed."""

import hmac
import os
from dataclasses import dataclass, field

import asyncpg

from services.shared.secrets import Vault
from services.storage.database import borrow

NO_ACCOUNT = 0
FIELD = "access_secret"
KEY_BYTES = 32

SELECT = "SELECT sealed FROM access_secret"
INSERT = "INSERT INTO access_secret (sealed) VALUES ($1) ON CONFLICT DO NOTHING"
RESEAL = "UPDATE access_secret SET sealed = $2 WHERE sealed = $1"


@dataclass(slots=True)
class Digests:
    """Digests under the installation's key; of the same text always the same."""

    pool: asyncpg.Pool
    vault: Vault
    _key: bytes = field(default=b"", repr=False)

    async def of(self, kind: str, text: str) -> bytes:
        """A digest, of another kind another one.

        Raises:
            services.shared.errors.Unavailable: The database does not answer.
            services.shared.secrets.Unsealable: The master key is another one.
        """
        if not self._key:
            self._key = await self._own()
        return hmac.digest(self._key, f"{kind}\0{text}".encode("utf-8", "replace"), "sha256")

    async def reseal(self) -> int:
        """Seal it with the newest master key; how many keys were under an older one."""
        async with borrow(self.pool) as connection:
            sealed = await connection.fetchval(SELECT)
            if sealed is None or self.vault.is_current(sealed):
                return 0
            await connection.execute(RESEAL, sealed, self._sealed(self._opened(sealed)))
        return 1

    async def _own(self) -> bytes:
        async with borrow(self.pool) as connection:
            sealed = await connection.fetchval(SELECT)
            if sealed is None:
                await connection.execute(INSERT, self._sealed(os.urandom(KEY_BYTES)))
                sealed = await connection.fetchval(SELECT)
        return self._opened(sealed)

    def _sealed(self, key: bytes) -> bytes:
        return self.vault.seal_bytes(key, account_id=NO_ACCOUNT, field_name=FIELD)

    def _opened(self, sealed: bytes) -> bytes:
        return self.vault.open_bytes(sealed, account_id=NO_ACCOUNT, field_name=FIELD)
