"""Codes that an app shows, another one each half minute (TOTP), each taken once.

Source:
    RFC 6238; a code of the half minute before or after is taken, too, for clocks that differ.
"""

import hmac
from dataclasses import dataclass
from datetime import datetime

import asyncpg
import pyotp
from pydantic import SecretStr

from services.access.secret import NO_ACCOUNT
from services.shared.secrets import Vault
from services.storage.database import borrow

STEP_S = 30
WINDOW = 1
ISSUER = "Fairlead"

SELECT = "SELECT secret_sealed, confirmed_at FROM one_time_codes WHERE person_id = $1"
# A second begin before the first was confirmed takes its place; a confirmed one stays.
BEGIN = """
INSERT INTO one_time_codes (person_id, secret_sealed) VALUES ($1, $2)
ON CONFLICT (person_id) DO UPDATE SET secret_sealed = excluded.secret_sealed, made_at = now(),
    last_step = 0 WHERE one_time_codes.confirmed_at IS NULL
RETURNING true
"""
# The one that was shown to be right, of those who come at once the first.
TAKE = """
UPDATE one_time_codes SET last_step = $3, confirmed_at = coalesce(confirmed_at, now())
WHERE person_id = $1 AND secret_sealed = $2 AND last_step < $3 AND (confirmed_at IS NULL) = $4
RETURNING true
"""
END = "DELETE FROM one_time_codes WHERE person_id = $1 RETURNING true"
SELECT_SEALED = "SELECT person_id, secret_sealed FROM one_time_codes"
RESEAL = "UPDATE one_time_codes SET secret_sealed = $3 WHERE person_id = $1 AND secret_sealed = $2"


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeSecret:
    """What an app is to be given, once.

    Attributes:
        secret: To be typed.
        address: The same as `otpauth://`, to be drawn as a picture.
    """

    secret: SecretStr
    address: SecretStr


@dataclass(frozen=True, slots=True)
class OneTimeCodes:
    """Everybody's; each method raises `services.shared.errors.Unavailable`."""

    pool: asyncpg.Pool
    vault: Vault

    async def begin(self, person_id: int, login: str) -> CodeSecret | None:
        """A secret for somebody's app, which counts once a code of it is shown.

        None if they have an app already.
        """
        secret = pyotp.random_base32()
        async with borrow(self.pool) as connection:
            is_begun = await connection.fetchval(BEGIN, person_id, self._sealed(person_id, secret))
        if not is_begun:
            return None
        address = pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=ISSUER)
        return CodeSecret(secret=SecretStr(secret), address=SecretStr(address))

    async def confirm(self, person_id: int, code: str, *, at: datetime) -> bool:
        """Whether it is a code of the secret that was begun; from then on, codes are asked for."""
        return await self._take(person_id, code, at, is_new=True)

    async def take(self, person_id: int, code: str, *, at: datetime) -> bool:
        """Whether it is a code of now, of somebody's app, that was never taken."""
        return await self._take(person_id, code, at, is_new=False)

    async def are_on(self, person_id: int) -> bool:
        """Whether somebody is asked for a code."""
        async with borrow(self.pool) as connection:
            row = await connection.fetchrow(SELECT, person_id)
        return row is not None and row["confirmed_at"] is not None

    async def end(self, person_id: int) -> bool:
        """Ask for none any more; whether any were asked for, or begun."""
        async with borrow(self.pool) as connection:
            return bool(await connection.fetchval(END, person_id))

    async def reseal(self) -> int:
        """Seal every secret with the newest master key; how many were under an older one."""
        async with borrow(self.pool) as connection:
            rows = await connection.fetch(SELECT_SEALED)
            old = [row for row in rows if not self.vault.is_current(row[1])]
            for person_id, sealed in old:
                fresh = self._sealed(person_id, self._opened(person_id, sealed))
                await connection.execute(RESEAL, person_id, sealed, fresh)
        return len(old)

    async def _take(self, person_id: int, code: str, at: datetime, *, is_new: bool) -> bool:
        async with borrow(self.pool) as connection:
            row = await connection.fetchrow(SELECT, person_id)
            if row is None:
                return False
            step = _step_of(self._opened(person_id, row["secret_sealed"]), code, at)
            if step is None:
                return False
            taken = (person_id, row["secret_sealed"], step, is_new)
            return bool(await connection.fetchval(TAKE, *taken))

    def _sealed(self, person_id: int, secret: str) -> bytes:
        place = _place(person_id)
        return self.vault.seal(SecretStr(secret), account_id=NO_ACCOUNT, field_name=place)

    def _opened(self, person_id: int, sealed: bytes) -> str:
        opened = self.vault.open(sealed, account_id=NO_ACCOUNT, field_name=_place(person_id))
        return opened.get_secret_value()


def _step_of(secret: str, code: str, at: datetime) -> int | None:
    """The half minute that a code is of; None if it is of none near now."""
    given = "".join(code.split()).encode("utf-8", "replace")
    present = int(at.timestamp()) // STEP_S
    codes = pyotp.HOTP(secret)
    found = None
    for step in range(present - WINDOW, present + WINDOW + 1):
        if hmac.compare_digest(codes.at(step).encode(), given):
            found = step
    return found


def _place(person_id: int) -> str:
    return f"person/{person_id}/one_time_codes"
