"""Who is on their way to Kommo and back to let an integration in: by digests alone (S15)."""

from dataclasses import dataclass

import asyncpg
from pydantic import SecretStr

from services.shared.secrets import digest_of
from services.storage.database import borrow

# Those that nobody came back with go with the next one that is made.
ADD = """
WITH over AS (DELETE FROM consent_states WHERE expires_at <= now())
INSERT INTO consent_states
    (state_sha256, browser_sha256, client_id, asked_by, only_account_id, expires_at)
VALUES ($1, $2, $3, $4, $5, now() + make_interval(secs => $6))
"""
# Once, whoever brings it: a state that was shown to somebody else is spent.
SPEND = """
DELETE FROM consent_states WHERE state_sha256 = $1
RETURNING client_id, asked_by, only_account_id AS account_id,
    browser_sha256 = $2 AND expires_at > now() AS is_good
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedConsent:
    """What somebody went to Kommo for.

    Attributes:
        asked_by: The principal's id.
        account_id: The only account that it may be for; None for any.
    """

    client_id: str
    asked_by: str
    account_id: int | None


@dataclass(frozen=True, slots=True)
class ConsentStates:
    """Each method raises `services.shared.errors.Unavailable`."""

    pool: asyncpg.Pool

    async def add(
        self, state: SecretStr, browser: SecretStr, asked: AskedConsent, *, for_s: float
    ) -> None:
        """Somebody goes."""
        async with borrow(self.pool) as connection:
            await connection.execute(
                ADD,
                digest_of(state),
                digest_of(browser),
                asked.client_id,
                asked.asked_by,
                asked.account_id,
                for_s,
            )

    async def spend(self, state: SecretStr, browser: SecretStr) -> AskedConsent | None:
        """Somebody comes back; None if not with their own browser, not in time, or again."""
        async with borrow(self.pool) as connection:
            row = await connection.fetchrow(SPEND, digest_of(state), digest_of(browser))
        if row is None or not row["is_good"]:
            return None
        return AskedConsent(
            client_id=row["client_id"], asked_by=row["asked_by"], account_id=row["account_id"]
        )
