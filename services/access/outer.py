"""Who somebody is at an identity provider, and what its groups give them here."""

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from services.access.grants import Grant
from services.access.people import CHANGED, REVOKE, give
from services.access.secret import Digests
from services.access.wall import enter
from services.storage.database import Connection, borrow

# By whom grants are that come and go with groups; what was given by hand stays.
GIVEN_BY = "oidc"

FIND = "SELECT person_id FROM outer_identities WHERE issuer = $1 AND subject_digest = $2"
ADD = """
INSERT INTO outer_identities (issuer, subject_digest, person_id) VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING RETURNING true
"""
REMOVE = "DELETE FROM outer_identities WHERE person_id = $1 RETURNING true"
HAS_ONE = "SELECT EXISTS (SELECT FROM outer_identities WHERE person_id = $1)"
GIVEN = """
SELECT account_id, role FROM grants_of_v1(ARRAY[$1::bigint]) WHERE given_by = $2
"""


class IdentityTaken(Exception):
    """Somebody here is this one there already."""


@dataclass(frozen=True, slots=True)
class OuterIdentities:
    """All of them; each method raises `services.shared.errors.Unavailable`."""

    pool: asyncpg.Pool
    digests: Digests

    async def find(self, issuer: str, subject: str) -> int | None:
        """The person, by who they are there; never by an e-mail, which others may get."""
        digest = await self.digests.of("outer subject", f"{issuer}\0{subject}")
        async with borrow(self.pool) as connection:
            found: int | None = await connection.fetchval(FIND, issuer, digest)
        return found

    async def add(
        self, connection: Connection, *, issuer: str, subject: str, person_id: int
    ) -> None:
        """Keep who somebody is there, in the caller's transaction.

        Raises:
            IdentityTaken: It is somebody's; the transaction has to be undone.
        """
        digest = await self.digests.of("outer subject", f"{issuer}\0{subject}")
        if not await connection.fetchval(ADD, issuer, digest, person_id):
            raise IdentityTaken("somebody is this one already")

    async def remove(self, person_id: int) -> bool:
        """Let somebody in by no provider any more; whether they were."""
        async with borrow(self.pool) as connection:
            return bool(await connection.fetchval(REMOVE, person_id))

    async def has_one(self, person_id: int) -> bool:
        """Whether somebody is let in by a provider."""
        async with borrow(self.pool) as connection:
            return bool(await connection.fetchval(HAS_ONE, person_id))


async def settle_grants(
    connection: Connection, person_id: int, wanted: Sequence[Grant], *, given_by: str = GIVEN_BY
) -> None:
    """Have somebody hold what their groups give, and no more by groups; in one transaction."""
    rows = await connection.fetch(GIVEN, person_id, given_by)
    held = [(row["account_id"], row["role"]) for row in rows]
    kept = {(each.account_id, each.role) for each in wanted}
    for account_id, role in held:
        if (account_id, role) not in kept:
            await enter(connection, account_id)
            await connection.execute(REVOKE, person_id, account_id, role)
            await connection.execute(CHANGED, person_id)
    await give(connection, person_id, wanted, given_by=given_by)
