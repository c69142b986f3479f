"""Whom an account's events are told to, and with which secrets (A8.4).

Secrets are sealed for the account and the target: a row that is copied to another does not open.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg
from pydantic import SecretStr

from services.shared.secrets import Vault
from services.storage.database import Connection, borrow

PLAIN = """account_id, name, url, events, made_by, made_at, position, failing_since, failures,
    rests_until, off_at, off_because, former_until"""
ADD = """
INSERT INTO webhook_targets (account_id, name, url, events, secret_sealed, made_by, position)
SELECT $1, $2, $3, $4, $5, $6,
    coalesce((SELECT version FROM account_heads WHERE account_id = $1), 0)
WHERE (SELECT count(*) FROM webhook_targets WHERE account_id = $1) < $7
ON CONFLICT (account_id, name) DO NOTHING
RETURNING name
"""
OF_ACCOUNT = f"""
SELECT {PLAIN} FROM webhook_targets WHERE account_id = $1 ORDER BY name
"""  # noqa: S608 - constants of ours
NAMES = "SELECT name FROM webhook_targets WHERE account_id = $1 ORDER BY name"
REMOVE = "DELETE FROM webhook_targets WHERE account_id = $1 AND name = $2 RETURNING name"
ROTATE = """
UPDATE webhook_targets SET former_sealed = secret_sealed,
    former_until = now() + $4::interval, secret_sealed = $3
WHERE account_id = $1 AND name = $2 RETURNING former_until
"""
SECRETS = """
SELECT secret_sealed, former_sealed, former_until > now() AS is_former_valid
FROM webhook_targets WHERE account_id = $1 AND name = $2
"""
ALL_SECRETS = """
SELECT account_id, name, secret_sealed, former_sealed FROM webhook_targets
ORDER BY account_id, name
"""
# Only if nobody rotated it since it was read.
RESEAL = """
UPDATE webhook_targets SET secret_sealed = $4, former_sealed = $5
WHERE account_id = $1 AND name = $2 AND secret_sealed = $3
"""
TROUBLED = f"""
SELECT {PLAIN} FROM webhook_targets WHERE off_at IS NOT NULL OR failing_since IS NOT NULL
ORDER BY account_id, name
"""  # noqa: S608 - constants of ours


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookTarget:
    """A target, without its secrets.

    Attributes:
        events: Stored names of what it is told; empty for everything.
        position: Of the account: what came up to here was told, or is a delivery.
        failing_since: When the first of the deliveries failed that were not followed by one it
            took; None while all is well.
        off_at: When it was given up: nothing but a ping is sent then.
        former_until: Until when the secret of before the rotation signs as well.
    """

    account_id: int
    name: str
    url: str
    events: tuple[str, ...]
    made_by: str
    made_at: datetime
    position: int
    failing_since: datetime | None
    failures: int
    rests_until: datetime | None
    off_at: datetime | None
    off_because: str | None
    former_until: datetime | None


@dataclass(frozen=True, slots=True)
class WebhookTargets:
    """All of them; each method raises `services.shared.errors.Unavailable`."""

    pool: asyncpg.Pool
    vault: Vault

    async def add(
        self,
        account_id: int,
        name: str,
        *,
        url: str,
        events: Sequence[str],
        secret: SecretStr,
        made_by: str,
        most: int,
    ) -> bool:
        """Add one, to be told what comes from now on; False if the name or all places are taken."""
        sealed = self._sealed(account_id, name, secret)
        async with borrow(self.pool) as connection:
            added = await connection.fetchval(
                ADD, account_id, name, url, list(events), sealed, made_by, most
            )
        return added is not None

    async def of(self, account_id: int) -> list[WebhookTarget]:
        """Those of an account, by name."""
        async with borrow(self.pool) as connection:
            return [_target(row) for row in await connection.fetch(OF_ACCOUNT, account_id)]

    async def remove(self, account_id: int, name: str) -> bool:
        """Forget it with all its deliveries; False if there is none."""
        async with borrow(self.pool) as connection:
            return await connection.fetchval(REMOVE, account_id, name) is not None

    async def rotate(
        self, account_id: int, name: str, secret: SecretStr, *, overlap: timedelta
    ) -> datetime | None:
        """Sign with another secret, and with the present one until then; None if there is none."""
        sealed = self._sealed(account_id, name, secret)
        async with borrow(self.pool) as connection:
            until: datetime | None = await connection.fetchval(
                ROTATE, account_id, name, sealed, overlap
            )
        return until

    async def secrets(self, account_id: int, name: str) -> tuple[SecretStr, ...]:
        """Those that sign now, the present one first; none if there is no such target.

        Raises:
            services.shared.secrets.Unsealable: One is sealed with a key that is not given.
        """
        async with borrow(self.pool) as connection:
            row = await connection.fetchrow(SECRETS, account_id, name)
        if row is None:
            return ()
        valid = [row["secret_sealed"], row["former_sealed"] if row["is_former_valid"] else None]
        return tuple(self._opened(account_id, name, each) for each in valid if each is not None)

    async def reseal(self) -> int:
        """Seal every secret with the newest master key; how many targets were not."""
        count = 0
        async with borrow(self.pool) as connection:
            rows = await connection.fetch(ALL_SECRETS)
            for account_id, name, *sealed in rows:
                if all(each is None or self.vault.is_current(each) for each in sealed):
                    continue
                anew = [each and self._resealed(account_id, name, each) for each in sealed]
                await connection.execute(RESEAL, account_id, name, sealed[0], *anew)
                count += 1
        return count

    def _resealed(self, account_id: int, name: str, sealed: bytes) -> bytes:
        return self._sealed(account_id, name, self._opened(account_id, name, sealed))

    def _sealed(self, account_id: int, name: str, secret: SecretStr) -> bytes:
        return self.vault.seal(secret, account_id=account_id, field_name=_field(name))

    def _opened(self, account_id: int, name: str, sealed: bytes) -> SecretStr:
        return self.vault.open(sealed, account_id=account_id, field_name=_field(name))


async def names_of(connection: Connection, account_id: int) -> tuple[str, ...]:
    """What an account's targets are called."""
    return tuple(row[0] for row in await connection.fetch(NAMES, account_id))


async def troubled(connection: Connection) -> list[WebhookTarget]:
    """Those of all accounts that take nothing."""
    return [_target(row) for row in await connection.fetch(TROUBLED)]


def _field(name: str) -> str:
    return f"webhook/{name}"


def _target(row: asyncpg.Record) -> WebhookTarget:
    return WebhookTarget(**{**row, "events": tuple(row["events"])})
