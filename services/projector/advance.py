"""One step of one projection in one account: rows and position change together or not at all.

The same step moves the live tables and the copies of a rebuild; only the schema differs.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Protocol

import asyncpg

from contracts.events import Recorded
from projections import Connection
from services.projector.registry import Projection
from services.projector.schema import SEARCH_PATH
from services.shared.errors import Unavailable
from services.shared.failpoints import failpoint
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
    connection: Connection,
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
        fresh = _after(position, events, schema=schema)
        if not fresh:
            return position
        await _project(connection, projection, account_id, fresh)
        failpoint("projector.in_tx")
        position = fresh[-1].version
        await connection.execute(
            f"UPDATE {schema}.positions SET version = $2 WHERE account_id = $1",  # noqa: S608 - a name of ours
            account_id,
            position,
        )
    failpoint("projector.after_commit")
    return position


async def advance_together(
    connection: Connection,
    projections: Sequence[Projection],
    *,
    account_id: int,
    events: Sequence[Recorded],
) -> dict[str, int] | None:
    """Apply the events to the live rows of several projections at once: to all or to none.

    One transaction for all costs a lead that comes alone a third of what one for each does.

    Returns:
        Name to the stored position after it; None, with nothing changed, where they cannot go
        together: one is new to the account, or its rows are another revision's.

    Raises:
        GapInLog: The events do not continue at a stored position.
    """
    names = tuple(projection.NAME for projection in projections)
    async with connection.transaction():
        row = await connection.fetchrow(_lock_statement(names), account_id)
        if row is None or row["revisions"] != [each.REVISION for each in projections]:
            return None
        positions = dict(zip(names, row["versions"], strict=True))
        for projection in projections:
            name = projection.NAME
            if fresh := _after(positions[name], events, schema=name):
                await _project(connection, projection, account_id, fresh, schema=name)
                positions[name] = fresh[-1].version
        failpoint("projector.in_tx")
        await connection.execute(_move_statement(names), account_id, events[-1].version)
    failpoint("projector.after_commit")
    return positions


def _after(position: int, events: Sequence[Recorded], *, schema: str) -> Sequence[Recorded]:
    """The events after a position.

    Raises:
        GapInLog: They do not continue there.
    """
    fresh = events if events[0].version > position else [e for e in events if e.version > position]
    if fresh and (fresh[0].version, fresh[-1].version) != (position + 1, position + len(fresh)):
        raise GapInLog(
            f"{schema} of account {events[0].account_id} is at {position},"
            f" got {len(fresh)} events {fresh[0].version} to {fresh[-1].version}"
        )
    return fresh


async def _project(
    connection: Connection,
    projection: Projection,
    account_id: int,
    events: Sequence[Recorded],
    *,
    schema: str | None = None,
) -> None:
    """Hand a projection those of the events that it acts on, if any; first name its schema."""
    concerned = [each for each in events if type(each.event) in projection.EVENTS]
    if not concerned:
        return
    if schema is not None:
        await connection.fetchval(SEARCH_PATH, schema)
    await projection.project(connection, account_id, concerned)


# The names are qualified so that the statements' plans are not made anew for each schema.
@cache
def _lock_statement(names: tuple[str, ...]) -> str:
    """Hold the positions of an account in several projections until the transaction's end."""
    numbered = list(enumerate(names))
    tables = " ".join(
        f"{'JOIN' if n else ''} {name}.positions AS p{n} {'USING (account_id)' if n else ''}"
        for n, name in numbered
    )
    return f"""
        SELECT ARRAY[{", ".join(f"p{n}.version" for n, _ in numbered)}] AS versions,
            ARRAY[{", ".join(f"(SELECT revision FROM {name}.revision)" for name in names)}]
                AS revisions
        FROM {tables} WHERE p0.account_id = $1
        FOR UPDATE OF {", ".join(f"p{n}" for n, _ in numbered)}
    """  # noqa: S608 - names of ours


@cache
def _move_statement(names: tuple[str, ...]) -> str:
    """Move all these positions on to a version, none of them back."""
    moves = ", ".join(
        f"m{n} AS (UPDATE {name}.positions SET version = greatest(version, $2) WHERE account_id = $1)"  # noqa: S608, E501 - a name of ours
        for n, name in enumerate(names)
    )
    return f"WITH {moves} SELECT 1"


async def _lock(
    connection: Connection, projection: Projection, *, schema: str, account_id: int
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
