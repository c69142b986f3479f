"""What is between two steps of signing in: a few minutes, held by a one-time token."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

import asyncpg
import orjson

from services.access.secret import NO_ACCOUNT
from services.access.tokens import digest_of_token, new_token
from services.shared.secrets import Vault
from services.storage.database import borrow

VALID = timedelta(minutes=5)
FORGOTTEN_AT_ONCE = 100

Purpose = Literal["code", "enrol", "passkey", "passkey_new", "oidc", "kommo"]

INSERT = """
INSERT INTO sign_in_steps (sha256, purpose, person_id, data_sealed, expires_at)
VALUES ($1, $2, $3, $4, now() + $5::interval)
"""
SELECT = """
SELECT person_id, data_sealed FROM sign_in_steps
WHERE sha256 = $1 AND purpose = $2 AND expires_at > now()
"""
TAKE = """
DELETE FROM sign_in_steps WHERE sha256 = $1 AND purpose = $2 AND expires_at > now()
RETURNING person_id, data_sealed
"""
FORGET = f"""
DELETE FROM sign_in_steps WHERE ctid = ANY (ARRAY (
    SELECT ctid FROM sign_in_steps WHERE expires_at <= now() LIMIT {FORGOTTEN_AT_ONCE}
))
"""  # noqa: S608 - a number of ours


@dataclass(frozen=True, slots=True, kw_only=True)
class StepUnderWay:
    """One.

    Attributes:
        person_id: Who has shown part of what signs them in; None if nobody has.
        data: What the next step needs.
    """

    person_id: int | None
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Steps:
    """All of them; each method raises `services.shared.errors.Unavailable`."""

    pool: asyncpg.Pool
    vault: Vault

    async def begin(
        self,
        purpose: Purpose,
        person_id: int | None = None,
        **data: Any,  # noqa: ANN401 - JSON
    ) -> str:
        """Begin one; the token that continues it."""
        token = new_token()
        sealed = self.vault.seal_bytes(
            orjson.dumps(data), account_id=NO_ACCOUNT, field_name=_place(purpose)
        )
        row = (digest_of_token(token), purpose, person_id, sealed, VALID)
        async with borrow(self.pool) as connection:
            await connection.execute(FORGET)
            await connection.execute(INSERT, *row)
        return token

    async def look(self, purpose: Purpose, token: str) -> StepUnderWay | None:
        """One that is under way, which stays so; None if it is over or was never begun."""
        return await self._found(SELECT, purpose, token)

    async def take(self, purpose: Purpose, token: str) -> StepUnderWay | None:
        """The same, which is over by that: of two at once one gets it."""
        return await self._found(TAKE, purpose, token)

    async def _found(self, statement: str, purpose: Purpose, token: str) -> StepUnderWay | None:
        async with borrow(self.pool) as connection:
            row = await connection.fetchrow(statement, digest_of_token(token), purpose)
        if row is None:
            return None
        data = self.vault.open_bytes(
            row["data_sealed"], account_id=NO_ACCOUNT, field_name=_place(purpose)
        )
        return StepUnderWay(person_id=row["person_id"], data=orjson.loads(data))


def _place(purpose: Purpose) -> str:
    return f"sign_in_step/{purpose}"
