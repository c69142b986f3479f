"""Work within one account, as the second wall lets it (S5)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from services.storage.database import Connection, borrow

NAME_ACCOUNT = "SELECT set_config('fairlead.account_id', $1, true)"


@asynccontextmanager
async def inside(pool: asyncpg.Pool, account_id: int | None) -> AsyncIterator[Connection]:
    """A transaction that may see and write the rows of an account; of none, the installation's.

    Raises:
        services.shared.errors.Unavailable: As `borrow`.
    """
    async with borrow(pool) as connection, connection.transaction():
        await enter(connection, account_id)
        yield connection


async def enter(connection: Connection, account_id: int | None) -> None:
    """Name the account from here on, in a transaction that is under way."""
    await connection.execute(NAME_ACCOUNT, str(account_id or 0))
