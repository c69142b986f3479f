"""The webhook secrets' digests, from the accounts in PostgreSQL."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.storage.database import borrow

SELECT_DIGESTS = "SELECT webhook_secret_sha256, account_id FROM accounts"


@dataclass(frozen=True, slots=True)
class PostgresAccounts:
    """All connected accounts, as far as ingress needs to know them."""

    pool: Any

    async def webhook_digests(self) -> Mapping[bytes, int]:
        """SHA-256 of each secret that is valid now, to its account id.

        Raises:
            services.errors.Unavailable: The database does not answer.
        """
        async with borrow(self.pool) as connection:
            return {
                bytes(digest): number for digest, number in await connection.fetch(SELECT_DIGESTS)
            }
