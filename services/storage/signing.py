"""The installation's own signing key, sealed like every secret; made when it is first needed."""

from dataclasses import dataclass

import asyncpg

from services.shared.secrets import Vault
from services.shared.signing import SigningKey
from services.storage.database import borrow

NO_ACCOUNT = 0
FIELD = "signing_key"

SELECT = "SELECT sealed FROM signing_key"
INSERT = "INSERT INTO signing_key (sealed) VALUES ($1) ON CONFLICT DO NOTHING"
RESEAL = "UPDATE signing_key SET sealed = $2 WHERE sealed = $1"


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """Each method raises `services.shared.errors.Unavailable`."""

    pool: asyncpg.Pool
    vault: Vault

    async def own(self) -> SigningKey:
        """The installation's key, the same for ever.

        Raises:
            services.shared.secrets.Unsealable: The master key is another one.
        """
        async with borrow(self.pool) as connection:
            sealed = await connection.fetchval(SELECT)
            if sealed is None:
                await connection.execute(INSERT, self._sealed(SigningKey.new()))
                sealed = await connection.fetchval(SELECT)
        return self._opened(sealed)

    async def reseal(self) -> int:
        """Seal it with the newest master key; how many keys were under an older one."""
        async with borrow(self.pool) as connection:
            sealed = await connection.fetchval(SELECT)
            if sealed is None or self.vault.is_current(sealed):
                return 0
            await connection.execute(RESEAL, sealed, self._sealed(self._opened(sealed)))
        return 1

    def _sealed(self, key: SigningKey) -> bytes:
        return self.vault.seal_bytes(key.private, account_id=NO_ACCOUNT, field_name=FIELD)

    def _opened(self, sealed: bytes) -> SigningKey:
        return SigningKey(self.vault.open_bytes(sealed, account_id=NO_ACCOUNT, field_name=FIELD))
