"""One-time links: for the first person, for new ones, for whoever is locked out (W7)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import asyncpg
from pydantic import SecretStr

from services.access.grants import Grant, grants_from
from services.access.secret import NO_ACCOUNT
from services.access.tokens import digest_of_token, new_token
from services.shared.secrets import Vault
from services.storage.database import Connection, borrow

Kind = Literal["first", "invited", "reset"]
VALID: dict[Kind, timedelta] = {
    "first": timedelta(minutes=15),
    "invited": timedelta(days=7),
    "reset": timedelta(days=1),
}
# Whoever keeps the installation also gives out the first grants of accounts.
FIRST = (Grant(account_id=None, role="administrator"), Grant(account_id=None, role="operator"))
LISTED_MAX = 200
NAME = "invitation/name"

COLUMNS = """id, kind, person_id, name_sealed, grants, given_by, given_at, expires_at, used_at,
    used_by, revoked_at"""
INSERT = f"""
INSERT INTO invitations (sha256, kind, person_id, name_sealed, grants, given_by, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, now() + $7::interval) RETURNING {COLUMNS}
"""  # noqa: S608 - constants
OPEN = "used_at IS NULL AND revoked_at IS NULL AND expires_at > now()"
LOOK = f"SELECT {COLUMNS} FROM invitations WHERE sha256 = $1 AND {OPEN}"  # noqa: S608
USE = f"""
UPDATE invitations SET used_at = now(), used_by = $2 WHERE sha256 = $1 AND {OPEN}
RETURNING {COLUMNS}
"""  # noqa: S608
SELECT_LAST = f"""
SELECT {COLUMNS} FROM invitations WHERE $1::bigint[] IS NULL OR EXISTS (
    SELECT FROM jsonb_array_elements(grants) AS given
    WHERE (given ->> 'account_id')::bigint = ANY ($1))
ORDER BY id DESC LIMIT {LISTED_MAX}
"""  # noqa: S608
SELECT_ONE = f"SELECT {COLUMNS} FROM invitations WHERE id = $1"  # noqa: S608
REVOKE = f"UPDATE invitations SET revoked_at = now() WHERE id = $1 AND {OPEN} RETURNING true"  # noqa: S608
# Each start tells another link; so does each reset of a person.
SUPERSEDE = f"""
UPDATE invitations SET revoked_at = now()
WHERE kind = $1 AND person_id IS NOT DISTINCT FROM $2 AND {OPEN}
"""  # noqa: S608
WITHDRAW_OF = f"UPDATE invitations SET revoked_at = now() WHERE given_by = $1 AND {OPEN}"  # noqa: S608

SELECT_SEALED = "SELECT id, name_sealed FROM invitations WHERE name_sealed IS NOT NULL"
RESEAL = "UPDATE invitations SET name_sealed = $3 WHERE id = $1 AND name_sealed = $2"


class LinkNotValid(Exception):
    """There is no such link, or it was used, withdrawn, or is over: nobody learns which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """A link without its secret.

    Attributes:
        person_id: Of a reset: whom it lets in again.
        name: For whom, as whoever gave it out wrote; empty if they did not.
        grants: What whoever uses it gets.
        used_by: The person that came of it.
    """

    id: int
    kind: Kind
    person_id: int | None
    name: str
    grants: tuple[Grant, ...]
    given_by: str
    given_at: datetime
    expires_at: datetime
    used_at: datetime | None
    used_by: int | None
    revoked_at: datetime | None

    def is_open(self, at: datetime) -> bool:
        """Whether it can still be used."""
        return self.used_at is None and self.revoked_at is None and self.expires_at > at


@dataclass(frozen=True, slots=True)
class Invitations:
    """All of them; each method raises `services.shared.errors.Unavailable`."""

    pool: asyncpg.Pool
    vault: Vault

    async def make(
        self,
        kind: Kind,
        *,
        given_by: str,
        grants: Sequence[Grant] = (),
        person_id: int | None = None,
        name: str = "",
    ) -> tuple[Invitation, SecretStr]:
        """A new one, and what goes behind the `#` of its link, which nobody can see again."""
        token = new_token()
        row = (digest_of_token(token), kind, person_id, self._sealed(name))
        held = [each.as_data() for each in grants]
        async with borrow(self.pool) as connection, connection.transaction():
            if kind != "invited":
                await connection.execute(SUPERSEDE, kind, person_id)
            made = await connection.fetchrow(INSERT, *row, held, given_by, VALID[kind])
        assert made is not None, "an insert returns its row"  # noqa: S101
        return self._opened(made), SecretStr(token)

    async def look(self, token: str) -> Invitation:
        """The invitation of a link, which stays open.

        Raises:
            LinkNotValid: It can not be used.
        """
        async with borrow(self.pool) as connection:
            row = await connection.fetchrow(LOOK, digest_of_token(token))
        return self._valid(row)

    async def use(self, connection: Connection, token: str, person_id: int) -> Invitation:
        """Use a link up, in the caller's transaction; of two at once one does.

        Raises:
            LinkNotValid: It can not be used; the transaction has to be undone.
        """
        return self._valid(await connection.fetchrow(USE, digest_of_token(token), person_id))

    async def last(self, accounts: Collection[int] | None) -> list[Invitation]:
        """The last 200 that give something in these accounts, the newest first; None for all."""
        among = None if accounts is None else list(accounts)
        async with borrow(self.pool) as connection:
            return [self._opened(row) for row in await connection.fetch(SELECT_LAST, among)]

    async def get(self, invitation_id: int) -> Invitation | None:
        """One of them."""
        async with borrow(self.pool) as connection:
            row = await connection.fetchrow(SELECT_ONE, invitation_id)
        return None if row is None else self._opened(row)

    async def revoke(self, invitation_id: int) -> bool:
        """Withdraw one; whether it was open."""
        async with borrow(self.pool) as connection:
            return bool(await connection.fetchval(REVOKE, invitation_id))

    async def withdraw_of(self, principal: str) -> None:
        """Withdraw all that somebody gave out."""
        async with borrow(self.pool) as connection:
            await connection.execute(WITHDRAW_OF, principal)

    async def reseal(self) -> int:
        """Seal every name with the newest master key; how many were under an older one."""
        async with borrow(self.pool) as connection:
            rows = await connection.fetch(SELECT_SEALED)
            old = [row for row in rows if not self.vault.is_current(row[1])]
            for invitation_id, sealed in old:
                fresh = self._sealed(self._name(sealed))
                await connection.execute(RESEAL, invitation_id, sealed, fresh)
        return len(old)

    def _valid(self, row: asyncpg.Record | None) -> Invitation:
        if row is None:
            raise LinkNotValid("no such link, or it was used, withdrawn, or is over")
        return self._opened(row)

    def _opened(self, row: asyncpg.Record) -> Invitation:
        values = {**row, "name": self._name(row["name_sealed"])}
        del values["name_sealed"]
        return Invitation(**(values | {"grants": grants_from(row["grants"])}))

    def _sealed(self, name: str) -> bytes | None:
        if not name:
            return None
        return self.vault.seal(SecretStr(name), account_id=NO_ACCOUNT, field_name=NAME)

    def _name(self, sealed: bytes | None) -> str:
        if sealed is None:
            return ""
        return self.vault.open(sealed, account_id=NO_ACCOUNT, field_name=NAME).get_secret_value()
