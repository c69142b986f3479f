"""The connected Kommo accounts: where they are, how we may enter, and names for people."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg
from pydantic import SecretStr

from services.secrets import Vault, digest_of
from services.storage.database import borrow

TOKEN = "token"  # noqa: S105 - the field's name, part of what seals it

UPSERT = """
INSERT INTO accounts
    (account_id, subdomain, base_url, token_encrypted, webhook_secret_sha256, timezone)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (account_id) DO UPDATE SET
    subdomain = excluded.subdomain, base_url = excluded.base_url,
    token_encrypted = excluded.token_encrypted,
    webhook_secret_sha256 = excluded.webhook_secret_sha256,
    timezone = excluded.timezone, updated_at = now()
"""
COLUMNS = "account_id, subdomain, base_url, timezone, directory, connected_at, updated_at"
SELECT_ALL = f"SELECT {COLUMNS} FROM accounts ORDER BY account_id"  # noqa: S608 - constants
SELECT_ONE = f"SELECT {COLUMNS} FROM accounts WHERE account_id = $1"  # noqa: S608
SELECT_TOKEN = "SELECT token_encrypted FROM accounts WHERE account_id = $1"  # noqa: S105 - SQL
SELECT_TOKENS = "SELECT account_id, token_encrypted FROM accounts ORDER BY account_id"
# Only if nobody stored a newer token since it was read.
RESEAL_TOKEN = """
UPDATE accounts SET token_encrypted = $3 WHERE account_id = $1 AND token_encrypted = $2
"""  # noqa: S105 - SQL
UPDATE_DIRECTORY = """
UPDATE accounts SET directory = $2, updated_at = now() WHERE account_id = $1
RETURNING account_id
"""
SELECT_DIGESTS = "SELECT webhook_secret_sha256, account_id FROM accounts"
DELETE = "DELETE FROM accounts WHERE account_id = $1 RETURNING account_id"


class UnknownAccount(Exception):
    """No such account is connected."""


class SecretTaken(Exception):
    """Another account has this webhook secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A connected account, without its secrets.

    Attributes:
        directory: Names of users and stages and the state of the webhooks as JSON data, for
            people to read; no decision depends on it.
    """

    account_id: int
    subdomain: str
    base_url: str
    timezone: str
    directory: dict[str, Any]
    connected_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class AccountRegistry:
    """All connected accounts; each method raises `services.errors.Unavailable`."""

    pool: Any
    vault: Vault

    async def add(
        self,
        account_id: int,
        *,
        subdomain: str,
        base_url: str,
        token: SecretStr,
        webhook_secret: SecretStr,
        timezone: str,
    ) -> None:
        """Connect an account, or replace all of it but its directory.

        Raises:
            SecretTaken: Another account has the webhook secret.
        """
        try:
            async with borrow(self.pool) as connection:
                await connection.execute(
                    UPSERT,
                    account_id,
                    subdomain,
                    base_url,
                    self._sealed(account_id, token),
                    digest_of(webhook_secret),
                    timezone,
                )
        except asyncpg.UniqueViolationError as error:
            raise SecretTaken("another account has this webhook secret") from error

    async def all(self) -> list[Account]:
        """Every account, ids ascending."""
        async with borrow(self.pool) as connection:
            return [Account(**row) for row in await connection.fetch(SELECT_ALL)]

    async def get(self, account_id: int) -> Account:
        """One account.

        Raises:
            UnknownAccount: Not connected.
        """
        async with borrow(self.pool) as connection:
            row = await connection.fetchrow(SELECT_ONE, account_id)
        if row is None:
            raise UnknownAccount(f"account {account_id} is not connected")
        return Account(**row)

    async def webhook_digests(self) -> dict[bytes, int]:
        """SHA-256 of every valid webhook secret, to its account id."""
        async with borrow(self.pool) as connection:
            return dict(await connection.fetch(SELECT_DIGESTS))

    async def token(self, account_id: int) -> SecretStr:
        """The account's access token.

        Raises:
            UnknownAccount: Not connected.
            services.secrets.Unsealable: The master key is another one.
        """
        async with borrow(self.pool) as connection:
            sealed = await connection.fetchval(SELECT_TOKEN, account_id)
        if sealed is None:
            raise UnknownAccount(f"account {account_id} is not connected")
        return self.vault.open(sealed, account_id=account_id, field_name=TOKEN)

    async def update_directory(self, account_id: int, directory: dict[str, Any]) -> None:
        """Store the names that people read.

        Raises:
            UnknownAccount: Not connected.
        """
        await self._change(UPDATE_DIRECTORY, account_id, directory)

    async def remove(self, account_id: int) -> None:
        """Disconnect an account: its token is erased, its events stay.

        Raises:
            UnknownAccount: Not connected.
        """
        await self._change(DELETE, account_id)

    async def reseal(self) -> int:
        """Seal every token with the newest master key; how many were under an older one."""
        async with borrow(self.pool) as connection:
            rows = await connection.fetch(SELECT_TOKENS)
            old = [row for row in rows if not self.vault.is_current(row[1])]
            for account_id, sealed in old:
                token = self.vault.open(sealed, account_id=account_id, field_name=TOKEN)
                await connection.execute(
                    RESEAL_TOKEN, account_id, sealed, self._sealed(account_id, token)
                )
        return len(old)

    def _sealed(self, account_id: int, token: SecretStr) -> bytes:
        return self.vault.seal(token, account_id=account_id, field_name=TOKEN)

    async def _change(self, statement: str, account_id: int, *values: object) -> None:
        async with borrow(self.pool) as connection:
            found = await connection.fetchval(statement, account_id, *values)
        if found is None:
            raise UnknownAccount(f"account {account_id} is not connected")
