"""The connected Kommo accounts: where they are, how we may enter, and names for people."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg
from pydantic import SecretStr

from services.shared.secrets import Vault, digest_of, new_webhook_secret
from services.storage import consents
from services.storage.consents import REFRESH, TOKEN
from services.storage.database import Connection, borrow, mapping
from services.storage.erasures import without_names

# Of `excluded` nothing is read that a role may put in and not read.
UPSERT = """
INSERT INTO accounts (account_id, subdomain, base_url, token_encrypted, webhook_secret_sha256,
    timezone, token_expires_at, client_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (account_id) DO UPDATE SET
    subdomain = excluded.subdomain, base_url = excluded.base_url,
    token_encrypted = $4,
    webhook_secret_sha256 = excluded.webhook_secret_sha256,
    timezone = excluded.timezone, token_expires_at = excluded.token_expires_at,
    client_id = excluded.client_id, suspended_at = NULL, disconnected_at = NULL,
    updated_at = now(), admitted_at = now()
"""
# All but the address of its webhooks.
ADMIT_TOKEN = """
UPDATE accounts SET subdomain = $2, base_url = $3, token_encrypted = $4, timezone = $5,
    token_expires_at = $6, client_id = $7, suspended_at = NULL, disconnected_at = NULL,
    updated_at = now(), admitted_at = now()
WHERE account_id = $1 RETURNING account_id
"""  # noqa: S105 - SQL
COLUMNS = """account_id, subdomain, base_url, timezone, directory, connected_at, updated_at,
    token_expires_at, client_id, suspended_at, admitted_at, disconnected_at"""
SELECT_ALL = f"SELECT {COLUMNS} FROM accounts ORDER BY account_id"  # noqa: S608 - constants
SELECT_ONE = f"SELECT {COLUMNS} FROM accounts WHERE account_id = $1"  # noqa: S608
SELECT_NAMES = "SELECT account_id, subdomain FROM accounts WHERE account_id = ANY ($1)"
SELECT_TOKEN = "SELECT token_encrypted FROM accounts WHERE account_id = $1"  # noqa: S105 - SQL
MAY_READ_TOKENS = "SELECT has_column_privilege('accounts', 'token_encrypted', 'SELECT')"
COUNT = "SELECT count(*) FROM accounts WHERE token_encrypted IS NOT NULL"
SELECT_TOKENS = """
SELECT account_id, token_encrypted FROM accounts WHERE token_encrypted IS NOT NULL
ORDER BY account_id
"""
# Only if nobody stored a newer token since it was read.
RESEAL_TOKEN = """
UPDATE accounts SET token_encrypted = $3 WHERE account_id = $1 AND token_encrypted = $2
"""  # noqa: S105 - SQL
NOTE_END = """
UPDATE accounts SET token_expires_at = $2 WHERE account_id = $1 RETURNING account_id
"""
UPDATE_DIRECTORY = """
UPDATE accounts SET directory = $2, updated_at = now() WHERE account_id = $1
RETURNING account_id
"""
SELECT_OWNERS = """
SELECT webhook_secret_sha256 AS sha256, account_id, subdomain, key_sha256
FROM accounts LEFT JOIN widget_hooks USING (account_id)
UNION ALL
SELECT former_secrets.sha256, account_id, subdomain, key_sha256
FROM former_secrets JOIN accounts USING (account_id) LEFT JOIN widget_hooks USING (account_id)
WHERE valid_until > now()
UNION ALL
SELECT sha256, account_id, subdomain, key_sha256 FROM widget_hooks JOIN accounts USING (account_id)
"""
SELECT_PRESENT_DIGESTS = "SELECT account_id, webhook_secret_sha256 FROM accounts"
ADMIT = """
INSERT INTO former_secrets (sha256, account_id, valid_until)
VALUES ($2, $1, now() + make_interval(secs => $3))
"""
# The one of before works on; those that are over go with the next change.
ROTATE = """
WITH over AS (
    DELETE FROM former_secrets
    WHERE account_id = $1 AND (valid_until <= now() OR sha256 = $2 OR $3 <= 0)
),
present AS (SELECT webhook_secret_sha256 FROM accounts WHERE account_id = $1 FOR UPDATE),
kept AS (
    INSERT INTO former_secrets (sha256, account_id, valid_until)
    SELECT webhook_secret_sha256, $1, now() + make_interval(secs => $3) FROM present WHERE $3 > 0
    RETURNING valid_until
)
UPDATE accounts SET webhook_secret_sha256 = $2, updated_at = now() FROM present
WHERE account_id = $1
RETURNING (SELECT valid_until FROM kept) AS valid_until
"""
DROP_FORMER = "DELETE FROM former_secrets WHERE account_id = $1"
# Nobody knows the secret of the address that it has then.
DISCONNECT = """
UPDATE accounts SET token_encrypted = NULL, token_expires_at = NULL, webhook_secret_sha256 = $2,
    suspended_at = coalesce(suspended_at, now()),
    disconnected_at = coalesce(disconnected_at, now()),
    directory = CASE WHEN $3 THEN '{}' ELSE directory - 'webhooks' END, updated_at = now()
WHERE account_id = $1 RETURNING account_id
"""
# What is about people; keys last, so that nothing is left that nobody can open (S21).
ERASE = (
    "DELETE FROM dead_letters WHERE account_id = $1",
    "DELETE FROM raw_bodies WHERE account_id = $1",
    "DELETE FROM private_texts WHERE account_id = $1",
    "DELETE FROM data_keys WHERE account_id = $1",
)
DELETE = "DELETE FROM accounts WHERE account_id = $1 RETURNING account_id"


class UnknownAccount(Exception):
    """No such account is connected."""


class SecretTaken(Exception):
    """Another account has this webhook secret."""


class WebhookOwner(NamedTuple):
    """The account that a webhook's secret belongs to.

    Attributes:
        key_sha256: Of the key that triggers of its widget carry; None if it has none.
    """

    account_id: int
    subdomain: str
    key_sha256: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredAccount:
    """A connected account, without its secrets.

    Attributes:
        directory: Names of users and stages and the state of the webhooks as JSON data, for
            people to read; no decision depends on it.
        token_expires_at: When the present token ends; None if it does not say.
        client_id: The integration that renews it; None of a long-lived one.
        suspended_at: Since when nobody lets us in, because the account wanted it so (F57).
        admitted_at: When somebody last let us in.
        disconnected_at: Since when it is disconnected by somebody here; then it is suspended, too.
    """

    account_id: int
    subdomain: str
    base_url: str
    timezone: str
    directory: dict[str, Any]
    connected_at: datetime
    updated_at: datetime
    token_expires_at: datetime | None = None
    client_id: str | None = None
    suspended_at: datetime | None = None
    admitted_at: datetime | None = None
    disconnected_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """How we are let into an account.

    Attributes:
        expires_at: When the token ends; None if it does not say.
        client_id: The integration that renews it; None of a long-lived one.
        refresh: What it is renewed with.
    """

    token: SecretStr
    expires_at: datetime | None = None
    client_id: str | None = None
    refresh: SecretStr | None = None


async def count(pool: asyncpg.Pool) -> int:
    """How many accounts are connected; each has a sealed token.

    Raises:
        services.shared.errors.Unavailable: The database does not answer.
    """
    async with borrow(pool) as connection:
        found: int = await connection.fetchval(COUNT)
        return found


@dataclass(frozen=True, slots=True)
class AccountRegistry:
    """All connected accounts; each method raises `services.shared.errors.Unavailable`."""

    pool: asyncpg.Pool
    vault: Vault

    async def add(
        self,
        account_id: int,
        *,
        subdomain: str,
        base_url: str,
        token: SecretStr | Admission,
        webhook_secret: SecretStr,
        timezone: str,
    ) -> None:
        """Connect an account, or replace all of it but its directory; no former secret works on.

        Raises:
            SecretTaken: Another account has the webhook secret.
        """
        admission = token if isinstance(token, Admission) else Admission(token=token)
        try:
            async with borrow(self.pool) as connection, connection.transaction():
                await connection.execute(DROP_FORMER, account_id)
                await connection.execute(
                    UPSERT,
                    account_id,
                    subdomain,
                    base_url,
                    self._sealed(account_id, admission.token),
                    digest_of(webhook_secret),
                    timezone,
                    admission.expires_at,
                    admission.client_id,
                )
                await self._give(connection, account_id, admission)
        except asyncpg.UniqueViolationError as error:
            raise SecretTaken("another account has this webhook secret") from error

    async def admit_by(
        self,
        account_id: int,
        admission: Admission,
        *,
        subdomain: str,
        base_url: str,
        timezone: str,
    ) -> None:
        """Enter an account another way than before; the address of its webhooks stays.

        Raises:
            UnknownAccount: Not connected.
        """
        async with borrow(self.pool) as connection, connection.transaction():
            found = await connection.fetchval(
                ADMIT_TOKEN,
                account_id,
                subdomain,
                base_url,
                self._sealed(account_id, admission.token),
                timezone,
                admission.expires_at,
                admission.client_id,
            )
            if found is None:
                raise UnknownAccount(f"account {account_id} is not connected")
            await self._give(connection, account_id, admission)

    async def all(self) -> list[RegisteredAccount]:
        """Every account, ids ascending."""
        async with borrow(self.pool) as connection:
            return [RegisteredAccount(**row) for row in await connection.fetch(SELECT_ALL)]

    async def get(self, account_id: int) -> RegisteredAccount:
        """One account.

        Raises:
            UnknownAccount: Not connected.
        """
        async with borrow(self.pool) as connection:
            row = await connection.fetchrow(SELECT_ONE, account_id)
        if row is None:
            raise UnknownAccount(f"account {account_id} is not connected")
        return RegisteredAccount(**row)

    async def names(self, account_ids: Collection[int]) -> dict[int, str]:
        """Account to its name, of those of them that are connected."""
        async with borrow(self.pool) as connection:
            return mapping(await connection.fetch(SELECT_NAMES, list(account_ids)))

    async def webhook_owners(self) -> dict[bytes, WebhookOwner]:
        """SHA-256 of every valid webhook secret, to whose it is; some have several (S1)."""
        async with borrow(self.pool) as connection:
            rows = await connection.fetch(SELECT_OWNERS)
        return {row[0]: WebhookOwner(*row[1:]) for row in rows}

    async def present_digests(self) -> dict[int, bytes]:
        """Account id to the SHA-256 of the secret that its webhooks are subscribed with."""
        async with borrow(self.pool) as connection:
            return mapping(await connection.fetch(SELECT_PRESENT_DIGESTS))

    async def admit(self, account_id: int, secret: SecretStr, *, for_s: float) -> None:
        """Let a secret that is about to be put in place work already."""
        async with borrow(self.pool) as connection:
            await connection.execute(ADMIT, account_id, digest_of(secret), for_s)

    async def rotate(
        self, account_id: int, secret: SecretStr, *, overlap_s: float
    ) -> datetime | None:
        """Put another webhook secret in place of the present one, which works on for a while.

        Returns:
            When the former one ends; None at once.

        Raises:
            UnknownAccount: Not connected.
        """
        async with borrow(self.pool) as connection:
            row = await connection.fetchrow(ROTATE, account_id, digest_of(secret), overlap_s)
        if row is None:
            raise UnknownAccount(f"account {account_id} is not connected")
        valid_until: datetime | None = row["valid_until"]
        return valid_until

    async def token(self, account_id: int) -> SecretStr:
        """The account's access token.

        Raises:
            UnknownAccount: Not connected, or suspended: there is none.
            services.shared.secrets.Unsealable: The master key is another one.
        """
        async with borrow(self.pool) as connection:
            sealed = await connection.fetchval(SELECT_TOKEN, account_id)
        if sealed is None:
            raise UnknownAccount(f"account {account_id} is not connected")
        return self.vault.open(sealed, account_id=account_id, field_name=TOKEN)

    async def may_read_tokens(self) -> bool:
        """Whether our user of the database may: that of the role `web` may not (S18, S27)."""
        async with borrow(self.pool) as connection:
            return bool(await connection.fetchval(MAY_READ_TOKENS))

    async def note_end(self, account_id: int, ends_at: datetime) -> None:
        """The present token ends then.

        Raises:
            UnknownAccount: Not connected.
        """
        await self._change(NOTE_END, account_id, ends_at)

    async def update_directory(self, account_id: int, directory: dict[str, Any]) -> None:
        """Store the names that people read, but for those that were erased.

        Raises:
            UnknownAccount: Not connected.
        """
        async with borrow(self.pool) as connection:
            directory = await without_names(connection, account_id, directory)
        await self._change(UPDATE_DIRECTORY, account_id, directory)

    async def remove(self, account_id: int) -> None:
        """Disconnect an account: its token is erased, its events stay.

        Raises:
            UnknownAccount: Not connected.
        """
        await self._change(DELETE, account_id)

    async def disconnect(self, account_id: int, *, erases: bool) -> None:
        """Destroy all tokens and webhook secrets of an account, and what is about people if asked.

        Raises:
            UnknownAccount: Not connected.
        """
        digest = digest_of(new_webhook_secret())
        async with borrow(self.pool) as connection, connection.transaction():
            if await connection.fetchval(DISCONNECT, account_id, digest, erases) is None:
                raise UnknownAccount(f"account {account_id} is not connected")
            await connection.execute(DROP_FORMER, account_id)
            await consents.give(connection, account_id, None)
            for statement in ERASE if erases else ():
                await connection.execute(statement, account_id)

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

    async def _give(self, connection: Connection, account_id: int, admission: Admission) -> None:
        refresh = admission.refresh
        sealed = (
            None
            if refresh is None
            else self.vault.seal(refresh, account_id=account_id, field_name=REFRESH)
        )
        await consents.give(connection, account_id, sealed)

    def _sealed(self, account_id: int, token: SecretStr) -> bytes:
        return self.vault.seal(token, account_id=account_id, field_name=TOKEN)

    async def _change(self, statement: str, account_id: int, *values: object) -> None:
        async with borrow(self.pool) as connection:
            found = await connection.fetchval(statement, account_id, *values)
        if found is None:
            raise UnknownAccount(f"account {account_id} is not connected")
