"""Whether a projection's rows are what its events say (I9)."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass

import asyncpg

from projections import Connection
from services.projector import schema
from services.projector.advance import EventReader, ForeignRevision
from services.projector.rebuild import (
    ATTEMPTS_MAX,
    PAUSE_S,
    Progress,
    carry_over,
    copy,
    finish,
    hold,
    ignore,
    replay,
)
from services.projector.registry import Projection

EXAMPLES_MAX = 5
SURPLUS_TIMEOUT_S = 3_600.0
# JSON, so that an example of any table can be shown and stored.
SURPLUS = """
WITH surplus AS (TABLE {one} EXCEPT ALL TABLE {other})
SELECT count(*) AS rows,
    (SELECT coalesce(array_agg(to_jsonb(s)::text), '{{}}')
        FROM (SELECT * FROM surplus LIMIT {limit}) AS s) AS examples
FROM surplus
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Rows of one table that are on one side only.

    Attributes:
        only_live: How many rows the events do not account for.
        only_rebuilt: How many rows the live table lacks.
        examples: A few of them as JSON, live ones first.
    """

    table: str
    only_live: int
    only_rebuilt: int
    examples: tuple[str, ...]


async def compare(
    pool: asyncpg.Pool,
    store: EventReader,
    projection: Projection,
    *,
    progress: Progress = ignore,
) -> list[Difference]:
    """Make a copy from zero up to where the live rows are, and compare every table.

    The live projector stands still for the last events and the comparison itself; readers do
    not. State that is not derived from events is carried over first and thus never differs.

    Returns:
        The tables that differ; empty means equal, positions included.

    Raises:
        ForeignRevision: The live rows are another revision's.
        services.projector.rebuild.AlreadyRunning: Another process is comparing.
        TimeoutError: The live rows were never at rest.
    """
    shadow = f"{projection.NAME}_check"
    async with copy(pool, projection, shadow) as connection:
        stored = await schema.stored_revision(connection, projection.NAME)
        if stored != projection.REVISION:
            raise ForeignRevision(
                f"{projection.NAME} is of revision {stored}, the code is {projection.REVISION}"
            )
        goals = await schema.positions(connection, projection.NAME)
        await replay(pool, store, projection, shadow=shadow, goals=goals, progress=progress)
        for _ in range(ATTEMPTS_MAX):
            with suppress(asyncpg.LockNotAvailableError):
                return await _compare(connection, store, projection, shadow)
            await asyncio.sleep(PAUSE_S)
    raise TimeoutError(f"{projection.NAME} is written without a pause")


async def _compare(
    connection: Connection, store: EventReader, projection: Projection, shadow: str
) -> list[Difference]:
    live = projection.NAME
    differences = []
    async with connection.transaction():
        await hold(connection, projection)
        goals = await schema.positions(connection, live)
        await finish(connection, store, projection, shadow=shadow, goals=goals)
        await carry_over(connection, projection, shadow)
        for table in await schema.tables(connection, live):
            ours, theirs = f"{live}.{table}", f"{shadow}.{table}"
            surplus = await _surplus(connection, one=ours, other=theirs)
            lack = await _surplus(connection, one=theirs, other=ours)
            if surplus[0] or lack[0]:
                differences.append(
                    Difference(
                        table=ours,
                        only_live=surplus[0],
                        only_rebuilt=lack[0],
                        examples=(*surplus[1], *lack[1]),
                    )
                )
    return differences


async def _surplus(connection: Connection, *, one: str, other: str) -> tuple[int, tuple[str, ...]]:
    statement = SURPLUS.format(one=one, other=other, limit=EXAMPLES_MAX)
    [row] = await connection.fetch(statement, timeout=SURPLUS_TIMEOUT_S)
    return row["rows"], tuple(row["examples"])
