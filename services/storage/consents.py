"""What accounts' tokens are renewed with, and who is about to: one asks for all of us (F55).

Whoever asks Kommo says so here first. While that is fresh, others wait for what comes of it; when
it is old, whoever asked has died or lost the answer, and the next one asks once more (F56). Every
asking has a number: what an older one brings home late is not stored over what is newer.
"""

from dataclasses import dataclass
from datetime import datetime

import asyncpg
from pydantic import SecretStr

from services.shared.secrets import Vault
from services.storage.database import Connection, borrow

# The names of the fields, parts of what seals them.
TOKEN, REFRESH = "token", "refresh_token"

PRESENT = """
SELECT a.base_url, a.client_id, a.token_encrypted, c.refresh_sealed, c.refused_at IS NOT NULL
    AS is_refused, c.next_at > now() AS is_put_off
FROM accounts AS a JOIN consents AS c USING (account_id)
WHERE account_id = $1 AND a.token_encrypted IS NOT NULL
"""
CLAIM = """
UPDATE consents SET asked_at = now(), asked_no = asked_no + 1
WHERE account_id = $1 AND refused_at IS NULL AND next_at <= now()
    AND (asked_at IS NULL OR asked_at <= now() - make_interval(secs => $2))
RETURNING asked_no
"""
RELEASE = "UPDATE consents SET asked_at = NULL WHERE account_id = $1 AND asked_no = $2"
STORE = """
WITH mine AS (
    UPDATE consents SET refresh_sealed = $3, asked_at = NULL, failures = 0, next_at = now()
    WHERE account_id = $1 AND asked_no = $2 AND refused_at IS NULL RETURNING account_id
)
UPDATE accounts SET token_encrypted = $4, updated_at = now(),
    token_expires_at = now() + make_interval(secs => $5)
FROM mine WHERE accounts.account_id = mine.account_id
RETURNING true
"""
PUT_OFF = """
UPDATE consents SET asked_at = NULL, failures = failures + 1,
    next_at = now() + make_interval(
        secs => least($4::float8, $3::float8 * power(2, least(failures, 20))))
WHERE account_id = $1 AND asked_no = $2
RETURNING failures
"""
REFUSE = """
UPDATE consents SET asked_at = NULL, refused_at = now(), refused_because = $3
WHERE account_id = $1 AND asked_no = $2 RETURNING true
"""
MOVE = "UPDATE accounts SET base_url = $2, subdomain = $3, updated_at = now() WHERE account_id = $1"
DUE = """
SELECT account_id FROM accounts JOIN consents USING (account_id)
WHERE token_expires_at <= now() + make_interval(secs => $1) AND token_encrypted IS NOT NULL
    AND refused_at IS NULL AND next_at <= now()
ORDER BY token_expires_at
"""
DROP = "DELETE FROM consents WHERE account_id = $1"
GIVE = "INSERT INTO consents (account_id, refresh_sealed) VALUES ($1, $2)"
SUSPEND = """
UPDATE accounts SET token_encrypted = NULL, token_expires_at = NULL, updated_at = now(),
    suspended_at = coalesce(suspended_at, now())
WHERE account_id = $1 AND client_id = $2
RETURNING true
"""
REFUSED = """
SELECT account_id, refused_at, refused_because FROM consents WHERE refused_at IS NOT NULL
    AND ($1::bigint IS NULL OR account_id = $1)
ORDER BY account_id
"""
TOKENS = "SELECT account_id, refresh_sealed FROM consents ORDER BY account_id"
# Only if nobody renewed it since it was read.
RESEAL = """
UPDATE consents SET refresh_sealed = $3 WHERE account_id = $1 AND refresh_sealed = $2
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The tokens of an account, and where they are good."""

    base_url: str
    client_id: str
    access: SecretStr
    refresh: SecretStr
    is_refused: bool
    is_put_off: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedConsent:
    """An account whose token Kommo renews no more.

    Attributes:
        because: In Kommo's own words, if it said why.
    """

    account_id: int
    refused_at: datetime
    refused_because: str


async def give(connection: Connection, account_id: int, refresh_sealed: bytes | None) -> None:
    """What the account's token is renewed with from now on; None for one that is not renewed."""
    await connection.execute(DROP, account_id)
    if refresh_sealed is not None:
        await connection.execute(GIVE, account_id, refresh_sealed)


async def refused(connection: Connection) -> list[RefusedConsent]:
    """Every account that has to consent again."""
    return [RefusedConsent(**row) for row in await connection.fetch(REFUSED, None)]


async def refused_of(connection: Connection, account_id: int) -> RefusedConsent | None:
    """Whether an account has to; None if not."""
    row = await connection.fetchrow(REFUSED, account_id)
    return None if row is None else RefusedConsent(**row)


@dataclass(frozen=True, slots=True)
class Consents:
    """Each method raises `services.shared.errors.Unavailable`."""

    pool: asyncpg.Pool
    vault: Vault

    async def present(self, account_id: int) -> Pair | None:
        """What is stored; None of an account whose token is not renewed.

        Raises:
            services.shared.secrets.Unsealable: The master key is another one.
        """
        async with borrow(self.pool) as connection:
            row = await connection.fetchrow(PRESENT, account_id)
        if row is None:
            return None
        return Pair(
            base_url=row["base_url"],
            client_id=row["client_id"],
            access=self.vault.open(row["token_encrypted"], account_id=account_id, field_name=TOKEN),
            refresh=self.vault.open(
                row["refresh_sealed"], account_id=account_id, field_name=REFRESH
            ),
            is_refused=row["is_refused"],
            is_put_off=row["is_put_off"],
        )

    async def claim(self, account_id: int, *, lease_s: float) -> int | None:
        """Say that we ask now; the number of the asking, or None while somebody else does."""
        async with borrow(self.pool) as connection:
            number: int | None = await connection.fetchval(CLAIM, account_id, lease_s)
        return number

    async def release(self, account_id: int, number: int) -> None:
        """We do not ask after all."""
        async with borrow(self.pool) as connection:
            await connection.execute(RELEASE, account_id, number)

    async def store(
        self, account_id: int, number: int, *, access: SecretStr, refresh: SecretStr, for_s: float
    ) -> bool:
        """Keep what an asking brought, before anybody uses it; whether it is still the newest."""
        access_sealed = self.vault.seal(access, account_id=account_id, field_name=TOKEN)
        refresh_sealed = self.vault.seal(refresh, account_id=account_id, field_name=REFRESH)
        async with borrow(self.pool) as connection:
            found = await connection.fetchval(
                STORE, account_id, number, refresh_sealed, access_sealed, for_s
            )
        return found is not None

    async def put_off(self, account_id: int, number: int, *, first_s: float, max_s: float) -> None:
        """Nothing came of it: nobody asks for a while, which doubles each time."""
        async with borrow(self.pool) as connection:
            await connection.execute(PUT_OFF, account_id, number, first_s, max_s)

    async def refuse(self, account_id: int, number: int, because: str) -> bool:
        """Kommo renews it no more; whether that was still the newest asking."""
        async with borrow(self.pool) as connection:
            return await connection.fetchval(REFUSE, account_id, number, because) is not None

    async def move(self, account_id: int, *, base_url: str, subdomain: str) -> None:
        """The account is at another host by now (F61)."""
        async with borrow(self.pool) as connection:
            await connection.execute(MOVE, account_id, base_url, subdomain)

    async def due(self, within_s: float) -> list[int]:
        """Accounts whose token ends within so long and can be renewed, the first to end first."""
        async with borrow(self.pool) as connection:
            return [row[0] for row in await connection.fetch(DUE, within_s)]

    async def suspend(self, account_id: int, client_id: str) -> bool:
        """Destroy the account's tokens, if they are the integration's; whether they were (F57)."""
        async with borrow(self.pool) as connection, connection.transaction():
            if await connection.fetchval(SUSPEND, account_id, client_id) is None:
                return False
            await connection.execute(DROP, account_id)
        return True

    async def reseal(self) -> int:
        """Seal every token with the newest master key; how many were under an older one."""
        async with borrow(self.pool) as connection:
            rows = await connection.fetch(TOKENS)
            old = [row for row in rows if not self.vault.is_current(row[1])]
            for account_id, sealed in old:
                token = self.vault.open(sealed, account_id=account_id, field_name=REFRESH)
                anew = self.vault.seal(token, account_id=account_id, field_name=REFRESH)
                await connection.execute(RESEAL, account_id, sealed, anew)
        return len(old)
