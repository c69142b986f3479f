"""One step of one projection in one account: rows and position change together or not at all.

The same step moves the live tables and the copies of a rebuild; only the schema differs.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import asyncpg

from contracts.events import Recorded
from services.errors import Unavailable
from services.failpoints import failpoint
from services.projector.registry import Projection
from services.projector.schema import SEARCH_PATH
from services.storage.database import TRANSIENT

# What a swap of schemas may do to a statement on its way (F46); a second try finds the new tables.
SWAPPED = (
    asyncpg.UndefinedTableError,
    asyncpg.InvalidSchemaNameError,
    asyncpg.InvalidCachedStatementError,
    asyncpg.OutdatedSchemaCacheError,
)


class GapInLog(Exception):
    """Events are missing between a position and what the store handed out; nothing was changed."""


class ForeignRevision(Exception):
    """The rows were made by another revision of the code; nothing was changed."""


class EventReader(Protocol):
    """What a projector needs of the event store."""

    async def stream(self, account_id: int, after: int = 0, limit: int = 1_000) -> list[Recorded]:
        """The account's next events after a version, in order and without gap."""
        ...

    async def heads(self) -> Mapping[int, int]:
        """Account to its newest version."""
        ...


def is_trouble(error: BaseException) -> bool:
    """Whether the same call may succeed later, the database being at fault and not the code."""
    # asyncpg also calls an argument of the wrong type an InterfaceError: that one is a bug.
    return isinstance(error, (Unavailable, *TRANSIENT)) and not isinstance(error, ValueError)


async def advance(
    connection: asyncpg.Connection,
    projection: Projection,
    *,
    schema: str,
    account_id: int,
    events: Sequence[Recorded],
) -> int:
    """Apply those of the events that are new to the rows.

    Events at or below the stored position are left out, so it does not matter whether an
    earlier commit went through although its answer was lost (F38), or who else is at work.

    Returns:
        The stored position after it.

    Raises:
        GapInLog: The events do not continue at the stored position.
        ForeignRevision: The rows are another revision's.
    """
    async with connection.transaction():
        await connection.fetchval(SEARCH_PATH, schema)
        position = await _lock(connection, projection, schema=schema, account_id=account_id)
        fresh = [recorded for recorded in events if recorded.version > position]
        if not fresh:
            return position
        if (fresh[0].version, fresh[-1].version) != (position + 1, position + len(fresh)):
            raise GapInLog(
                f"{schema} of account {account_id} is at {position},"
                f" got {len(fresh)} events {fresh[0].version} to {fresh[-1].version}"
            )
        await projection.project(connection, account_id, fresh)
        failpoint("projector.in_tx")
        position = fresh[-1].version
        await connection.execute(
            f"UPDATE {schema}.positions SET version = $2 WHERE account_id = $1",  # noqa: S608 - a name of ours
            account_id,
            position,
        )
    failpoint("projector.after_commit")
    return position


async def _lock(
    connection: asyncpg.Connection, projection: Projection, *, schema: str, account_id: int
) -> int:
    """Hold the account's position until the end of the transaction."""
    # The names are qualified so that the statement's plan is not made anew for each schema.
    lock = f"""
        SELECT p.version, r.revision FROM {schema}.positions AS p CROSS JOIN {schema}.revision AS r
        WHERE p.account_id = $1 FOR UPDATE OF p
    """  # noqa: S608 - a name of ours
    row = await connection.fetchrow(lock, account_id)
    if row is None:
        start = f"INSERT INTO {schema}.positions VALUES ($1, 0) ON CONFLICT DO NOTHING"  # noqa: S608 - a name of ours
        await connection.execute(start, account_id)
        row = await connection.fetchrow(lock, account_id)
    assert row is not None, "a position that was just inserted can be locked"  # noqa: S101 - an invariant
    if row["revision"] != projection.REVISION:
        raise ForeignRevision(
            f"{schema} holds rows of revision {row['revision']}, the code is {projection.REVISION}"
        )
    position: int = row["version"]
    return position
