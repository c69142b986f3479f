"""Integrations that accounts let in (OAuth 2.0): ids, sealed secrets, where people return.

The secret is sealed for the integration: a row that is copied to another does not open.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg
from pydantic import SecretStr

from services.shared.secrets import Vault
from services.storage.database import borrow

NO_ACCOUNT = 0

PLAIN = "client_id, name, redirect_uri, made_by, made_at"
PUT = """
INSERT INTO integrations (client_id, name, secret_sealed, redirect_uri, made_by)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (client_id) DO UPDATE SET name = excluded.name,
    secret_sealed = excluded.secret_sealed, redirect_uri = excluded.redirect_uri
"""
ALL = f"SELECT {PLAIN} FROM integrations ORDER BY name, client_id"  # noqa: S608 - constants
ONE = f"SELECT {PLAIN}, secret_sealed FROM integrations WHERE client_id = $1"  # noqa: S608
REMOVE = """
DELETE FROM integrations WHERE client_id = $1
    AND NOT EXISTS (SELECT FROM accounts WHERE accounts.client_id = $1)
RETURNING client_id
"""
SECRETS = "SELECT client_id, secret_sealed FROM integrations ORDER BY client_id"
RESEAL = """
UPDATE integrations SET secret_sealed = $3 WHERE client_id = $1 AND secret_sealed = $2
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredIntegration:
    """An integration, without its secret."""

    client_id: str
    name: str
    redirect_uri: str
    made_by: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Integrations:
    """All of them; each method raises `services.shared.errors.Unavailable`."""

    pool: asyncpg.Pool
    vault: Vault

    async def put(
        self, client_id: str, *, name: str, secret: SecretStr, redirect_uri: str, made_by: str
    ) -> None:
        """Register one, or replace what is known of it."""
        async with borrow(self.pool) as connection:
            sealed = self._sealed(client_id, secret)
            await connection.execute(PUT, client_id, name, sealed, redirect_uri, made_by)

    async def all(self) -> Sequence[RegisteredIntegration]:
        """By name."""
        async with borrow(self.pool) as connection:
            return [RegisteredIntegration(**row) for row in await connection.fetch(ALL)]

    async def with_secret(self, client_id: str) -> tuple[RegisteredIntegration, SecretStr] | None:
        """One, and its secret in the clear; None if there is none of that id.

        Raises:
            services.shared.secrets.Unsealable: The master key is another one.
        """
        async with borrow(self.pool) as connection:
            row = await connection.fetchrow(ONE, client_id)
        if row is None:
            return None
        plain = dict(row)
        sealed = plain.pop("secret_sealed")
        secret = self.vault.open(sealed, account_id=NO_ACCOUNT, field_name=_place(client_id))
        return RegisteredIntegration(**plain), secret

    async def remove(self, client_id: str) -> bool:
        """Forget one that no account's token is of; whether it is gone."""
        async with borrow(self.pool) as connection:
            return await connection.fetchval(REMOVE, client_id) is not None

    async def reseal(self) -> int:
        """Seal every secret with the newest master key; how many were under an older one."""
        async with borrow(self.pool) as connection:
            rows = await connection.fetch(SECRETS)
            old = [row for row in rows if not self.vault.is_current(row[1])]
            for client_id, sealed in old:
                place = _place(client_id)
                secret = self.vault.open(sealed, account_id=NO_ACCOUNT, field_name=place)
                await connection.execute(RESEAL, client_id, sealed, self._sealed(client_id, secret))
        return len(old)

    def _sealed(self, client_id: str, secret: SecretStr) -> bytes:
        return self.vault.seal(secret, account_id=NO_ACCOUNT, field_name=_place(client_id))


def _place(client_id: str) -> str:
    return f"integration/{client_id}"
