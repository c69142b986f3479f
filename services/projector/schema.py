"""The PostgreSQL schema of a projection: its tables, its positions, its revision.

Each projection owns one schema of its own name, so a copy of it is a second schema and taking
the place of another is a rename. Two small tables stand beside its own:

    positions   account to the version up to which its events are in the rows
    revision    one row: the revision of the code that the rows were made by

Both travel with the rows. Code of another revision sees at its next batch that the rows are
not its own and leaves them alone, also when old and new run side by side (F80).
"""

from collections.abc import Sequence

import asyncpg

from projections import Connection
from services.projector import dash
from services.projector.registry import PROJECTIONS, Projection
from services.storage.database import ACQUIRE_TIMEOUT_S
from services.storage.roles import admit

BOOKKEEPING = """
CREATE TABLE positions (account_id bigint PRIMARY KEY, version bigint NOT NULL)
    WITH (fillfactor = 50);
CREATE TABLE revision (revision integer NOT NULL);
"""
EXISTS = "SELECT to_regnamespace($1) IS NOT NULL"
WITHOUT_VIEW = """
SELECT view FROM unnest($1::text[]) AS view WHERE NOT EXISTS (
    SELECT FROM pg_class WHERE relname = view AND relnamespace = to_regnamespace('dash')
)
"""
SEARCH_PATH = "SELECT set_config('search_path', $1, true)"
# Held while schemas are created, so that processes starting together do not collide.
CREATION_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('fairlead.projector.create', 0))"


async def create(connection: Connection, projection: Projection, schema: str) -> None:
    """Create an empty copy of the projection's tables under that name."""
    async with connection.transaction():
        before = await connection.fetchval("SELECT current_setting('search_path')")
        await connection.execute(f"CREATE SCHEMA {schema}")
        await connection.fetchval(SEARCH_PATH, schema)
        await connection.execute(projection.TABLES)
        await connection.execute(BOOKKEEPING)
        await connection.execute("INSERT INTO revision VALUES ($1)", projection.REVISION)
        await admit(connection, schema, of=projection.NAME)
        # The caller may be in a transaction of their own, which the setting would outlive.
        await connection.fetchval(SEARCH_PATH, before)


async def prepare(
    pool: asyncpg.Pool, projections: Sequence[Projection] = PROJECTIONS
) -> list[Projection]:
    """Create what is missing.

    Returns:
        The projections whose rows were made by an older revision: they are to be rebuilt.
    """
    async with pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection:
        await create_missing(connection, projections)
        return [
            projection
            for projection in projections
            if await stored_revision(connection, projection.NAME) < projection.REVISION
        ]


async def create_missing(
    connection: Connection, projections: Sequence[Projection] = PROJECTIONS
) -> None:
    """Create the projections that are not there, empty, and the views on them."""
    is_any_missing = await _missing(connection, projections)
    if not is_any_missing and not await _unseen(connection, projections):
        return
    async with connection.transaction():
        await connection.fetchval(CREATION_LOCK)
        for projection in await _missing(connection, projections):  # somebody may have been faster
            await create(connection, projection, projection.NAME)
        for projection in await _unseen(connection, projections):
            await dash.point(connection, projection.NAME)


async def _missing(connection: Connection, projections: Sequence[Projection]) -> list[Projection]:
    return [
        projection
        for projection in projections
        if not await connection.fetchval(EXISTS, projection.NAME)
    ]


async def _unseen(connection: Connection, projections: Sequence[Projection]) -> list[Projection]:
    """Those that lack a view; rows of another revision get theirs when they are made anew."""
    of = {view: each for each in projections for view in dash.views(each.NAME)}
    lacking = await connection.fetch(WITHOUT_VIEW, list(of))
    found = {of[row["view"]].NAME: of[row["view"]] for row in lacking}
    return [
        each
        for each in found.values()
        if await stored_revision(connection, each.NAME) == each.REVISION
    ]


async def stored_revision(connection: Connection, schema: str) -> int:
    """The revision of the code that made the rows."""
    revision: int = await connection.fetchval(f"SELECT revision FROM {schema}.revision")  # noqa: S608 - a name of ours
    return revision


async def positions(connection: Connection, schema: str) -> dict[int, int]:
    """Account to the version its rows have reached; accounts at 0 may be missing."""
    rows = await connection.fetch(f"SELECT account_id, version FROM {schema}.positions")  # noqa: S608 - a name of ours
    return {row["account_id"]: row["version"] for row in rows}


async def drop(connection: Connection, schema: str) -> None:
    """Drop a copy, if it is there."""
    await connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")


async def tables(connection: Connection, schema: str) -> list[str]:
    """Names of all tables in a schema, ascending, bookkeeping included."""
    rows = await connection.fetch(
        "SELECT tablename FROM pg_tables WHERE schemaname = $1 ORDER BY tablename", schema
    )
    return [row["tablename"] for row in rows]
