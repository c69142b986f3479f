"""Make a projection anew from the first event, beside the live one, and swap (I9, F85).

The copy grows in a schema of its own. When it is nearly there, one transaction stops the live
projector by a lock on the table of positions, brings the copy to exactly the live positions,
and renames the schemas. A rename locks no table, so readers are never held up; and as both
sides are at the same positions, even a query whose tables are found one before and one after
it reads one state. Only a transaction of its own snapshot (REPEATABLE READ) that began before
the rebuild must not read a projection: it would not see the new rows.

What a crash leaves behind is a copy that nobody reads; the next rebuild drops it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress

import asyncpg

from projections import Connection
from services.projector import dash, schema
from services.projector.advance import EventReader, advance
from services.projector.registry import Projection
from services.storage.database import ACQUIRE_TIMEOUT_S

BATCH_SIZE = 1_000
ACCOUNTS_AT_ONCE = 4
# Below this the rest is applied while the live projector stands still.
REST_EVENTS_MAX = 500
ROUNDS_MAX = 20
# Only the projector and the clock ever wait for the swap, and the drop for old readers. A short
# wait, repeated, keeps either from standing in a queue that others have to join.
LOCK_TIMEOUT = "SELECT set_config('lock_timeout', '500ms', true)"
ATTEMPTS_MAX = 120
PAUSE_S = 0.5

ALONE = "SELECT pg_try_advisory_lock(hashtextextended('fairlead.projector.' || $1, 0))"
NOT_ALONE = "SELECT pg_advisory_unlock(hashtextextended('fairlead.projector.' || $1, 0))"

Progress = Callable[[int, int], None]


class AlreadyRunning(Exception):
    """Another process is making the same copy."""


def ignore(_done: int, _total: int, /) -> None:
    """Take no interest in the progress."""


async def rebuild(
    pool: asyncpg.Pool,
    store: EventReader,
    projection: Projection,
    *,
    progress: Progress = ignore,
    direct: asyncpg.Pool | None = None,
) -> None:
    """Replace a projection's rows by rows made from zero; readers and projectors may go on.

    Args:
        pool: Takes up to five connections at a time.
        store: Where the events are.
        projection: Which one.
        progress: Told events done and in total, after every batch, and once when all are.
        direct: Connections that are sessions, where those of the pool are not (F42).

    Raises:
        AlreadyRunning: Another process is at it; nothing was changed.
        TimeoutError: There was no room for the swap, and the live rows are as they were; or a
            reader holds the old ones, which the next rebuild will drop.
    """
    live, shadow = projection.NAME, f"{projection.NAME}_rebuild"
    async with copy(direct or pool, projection, shadow) as connection:
        await _patiently(lambda: _drop_old(connection, projection))
        for _ in range(ROUNDS_MAX):
            goals = await schema.positions(connection, live)
            if await missing(connection, shadow, goals) <= REST_EVENTS_MAX:
                break
            await replay(pool, store, projection, shadow=shadow, goals=goals, progress=progress)
        await _patiently(lambda: _swap(connection, store, projection, shadow))
        total = sum((await schema.positions(connection, live)).values())
        progress(total, total)
        await _patiently(lambda: _drop_old(connection, projection))


@asynccontextmanager
async def copy(
    pool: asyncpg.Pool, projection: Projection, shadow: str
) -> AsyncIterator[Connection]:
    """An empty copy under that name; what is left of it is dropped at the end, or by the next.

    Raises:
        AlreadyRunning: Another process holds the name.
    """
    async with pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection:
        if not await connection.fetchval(ALONE, shadow):
            raise AlreadyRunning(shadow)
        try:
            await schema.drop(connection, shadow)
            await schema.create(connection, projection, shadow)
            yield connection
            await schema.drop(connection, shadow)
        finally:
            try:
                if not connection.is_closed():
                    await connection.fetchval(NOT_ALONE, shadow)
            except BaseException:
                connection.terminate()  # or the pool would hand out the lock with it
                raise


async def missing(connection: Connection, shadow: str, goals: Mapping[int, int]) -> int:
    """How many events a copy is away from the goals."""
    done = await schema.positions(connection, shadow)
    return sum(max(0, goal - done.get(account_id, 0)) for account_id, goal in goals.items())


async def replay(
    pool: asyncpg.Pool,
    store: EventReader,
    projection: Projection,
    *,
    shadow: str,
    goals: Mapping[int, int],
    progress: Progress = ignore,
) -> None:
    """Bring a copy to the goals, account by account, several at once."""
    async with pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection:
        positions = await schema.positions(connection, shadow)
    total = sum(goals.values())
    accounts = iter(sorted(goals))

    async def work() -> None:
        for account_id in accounts:
            while (after := positions.get(account_id, 0)) < goals[account_id]:
                # Read before a connection is taken: two at once of everybody is a deadlock.
                limit = min(BATCH_SIZE, goals[account_id] - after)
                events = await store.stream(account_id, after=after, limit=limit)
                async with pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection:
                    positions[account_id] = await advance(
                        connection, projection, schema=shadow, account_id=account_id, events=events
                    )
                progress(sum(positions.values()), total)

    async with asyncio.TaskGroup() as workers:
        for _ in range(ACCOUNTS_AT_ONCE):
            workers.create_task(work())


async def finish(
    connection: Connection,
    store: EventReader,
    projection: Projection,
    *,
    shadow: str,
    goals: Mapping[int, int],
) -> None:
    """Bring a copy to the goals inside the caller's transaction."""
    positions = await schema.positions(connection, shadow)
    for account_id in sorted(goals):
        after = positions.get(account_id, 0)
        while after < goals[account_id]:
            limit = min(BATCH_SIZE, goals[account_id] - after)
            events = await store.stream(account_id, after=after, limit=limit)
            after = await advance(
                connection, projection, schema=shadow, account_id=account_id, events=events
            )


async def carry_over(connection: Connection, projection: Projection, shadow: str) -> None:
    """Bring what is not derived from events into the copy."""
    if statement := getattr(projection, "CARRY_OVER", None):
        await connection.execute(statement.format(live=projection.NAME, shadow=shadow))


async def hold(connection: Connection, projection: Projection) -> None:
    """Keep everybody from writing the live rows until the end of the caller's transaction.

    Raises:
        asyncpg.LockNotAvailableError: Somebody is writing them; start again.
    """
    live = projection.NAME
    await connection.fetchval(LOCK_TIMEOUT)
    # The projector locks its position first, so this order cannot end in a deadlock with it.
    await connection.execute(f"LOCK TABLE {live}.positions IN EXCLUSIVE MODE")
    for table in await schema.tables(connection, live):
        await connection.execute(f"LOCK TABLE {live}.{table} IN EXCLUSIVE MODE")


async def _swap(
    connection: Connection, store: EventReader, projection: Projection, shadow: str
) -> None:
    live = projection.NAME
    async with connection.transaction():
        await hold(connection, projection)
        goals = await schema.positions(connection, live)
        await finish(connection, store, projection, shadow=shadow, goals=goals)
        await carry_over(connection, projection, shadow)
        await connection.execute(f"ALTER SCHEMA {live} RENAME TO {live}_old")
        await connection.execute(f"ALTER SCHEMA {shadow} RENAME TO {live}")
        await dash.point(connection, live)


async def _drop_old(connection: Connection, projection: Projection) -> None:
    async with connection.transaction():
        await connection.fetchval(LOCK_TIMEOUT)
        await schema.drop(connection, f"{projection.NAME}_old")


async def _patiently(attempt: Callable[[], Awaitable[None]]) -> None:
    for _ in range(ATTEMPTS_MAX):
        with suppress(asyncpg.LockNotAvailableError):
            await attempt()
            return
        await asyncio.sleep(PAUSE_S)
    raise TimeoutError("the projection is held by others without a pause")
