"""Connections: a pool with bounded waits, and foreign errors as the families of `errors.py`."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeAlias

import asyncpg
import orjson

import projections
from services.shared.errors import Unavailable
from services.storage import tenancy

Connection: TypeAlias = projections.Connection

CONNECT_TIMEOUT_S = 10.0
ACQUIRE_TIMEOUT_S = 2.0
COMMAND_TIMEOUT_S = 30.0
STATEMENTS_KEPT_MAX = 100

# The peer is away, full, or chose us as the victim: the same call may succeed later. An error of
# the statement itself is not here, because repeating that would never help.
TRANSIENT: tuple[type[BaseException], ...] = (
    OSError,
    asyncio.TimeoutError,
    asyncpg.InterfaceError,  # the connection was closed under us
    asyncpg.InternalClientError,  # it died between two messages; asyncpg lost count of them
    asyncpg.PostgresConnectionError,  # class 08
    asyncpg.InsufficientResourcesError,  # class 53: disk full, too many connections
    asyncpg.OperatorInterventionError,  # class 57: shutdown, terminated, cancelled, starting up
    asyncpg.PostgresSystemError,  # class 58: input or output error
    asyncpg.TransactionRollbackError,  # class 40: deadlock, serialization
    asyncpg.LockNotAvailableError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,  # a fail-over made this server a replica
    asyncpg.InvalidCachedStatementError,  # the schema changed under the plan (F46)
)


class TooBroad(Unavailable):
    """A statement took longer than the bounds of its task allow (A7): ask for less."""


class ShortConnection(asyncpg.Connection):
    """One that is borrowed for a short while, and keeps nothing of it.

    Settings of ours are of a transaction, notifications have a connection of their own, and the
    one lock of a session is let go by whoever took it. So nothing has to be set back, which
    would be a second statement after each one.
    """

    def get_reset_query(self) -> str:
        """Nothing; what is left of a transaction is rolled back all the same."""
        return ""


class PooledConnection(ShortConnection):
    """One through a pooler in transaction mode: every statement is in a transaction (F42).

    Even one that is not kept prepared is prepared in one step and executed in the next, and in
    between the server would go to others.
    """

    async def _do_execute(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - asyncpg's
        """Where all statements with arguments or rows pass; the others are one step anyway."""
        if self.is_in_transaction():
            return await super()._do_execute(*arguments, **options)  # type: ignore[misc] # unknown to the stubs
        async with self.transaction():
            return await super()._do_execute(*arguments, **options)  # type: ignore[misc]


async def open_pool(
    dsn: str,
    *,
    size_min: int = 1,
    size_max: int = 8,
    application: str = "fairlead",
    is_pooler: bool = False,
) -> asyncpg.Pool:
    """An asyncpg pool whose connections speak our types and never wait without an end.

    Args:
        dsn: The database, or a pooler in front of it.
        size_min: Connections that are opened at once.
        size_max: Connections at most.
        application: Our name in the database's view of who is there.
        is_pooler: Whether it is a pooler in transaction mode.

    Raises:
        services.shared.errors.Unavailable: The database does not answer.
    """
    with reaching():
        return await asyncpg.create_pool(
            dsn,
            min_size=size_min,
            max_size=size_max,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=COMMAND_TIMEOUT_S,
            init=_speak_our_types,
            server_settings={"application_name": application, "timezone": "UTC"},
            connection_class=PooledConnection if is_pooler else ShortConnection,
            statement_cache_size=0 if is_pooler else STATEMENTS_KEPT_MAX,
        )


@contextmanager
def reaching() -> Iterator[None]:
    """Tell a database that does not answer from one that refuses us, or an address that is none.

    Raises:
        services.shared.errors.Unavailable: It does not answer.
    """
    try:
        yield
    except TRANSIENT as error:
        if isinstance(error, asyncpg.ClientConfigurationError):  # waiting does not mend it
            raise
        raise Unavailable(f"database: {_said(error)}") from error


@asynccontextmanager
async def borrow(pool: asyncpg.Pool) -> AsyncIterator[Connection]:
    """A connection for one short piece of work, within the bounds of the task if it has any.

    Raises:
        services.shared.errors.Unavailable: No connection within 2 s (F41), or it failed in the
            work; a transaction may or may not have been committed then (F38): read before
            repeating.
        TooBroad: The bounds of the task ended a statement.
    """
    try:
        async with pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection:
            try:
                async with _within_bounds(connection):
                    yield connection
            except asyncpg.InternalClientError:
                connection.terminate()  # or the pool would hand it out again
                raise
    except TRANSIENT as error:
        if isinstance(error, ValueError):  # asyncpg's refusal of an argument: a bug of ours
            raise
        if isinstance(error, asyncpg.QueryCanceledError) and tenancy.present() is not None:
            raise TooBroad("a statement took longer than this task may") from error
        raise Unavailable(f"database: {_said(error)}") from error


@asynccontextmanager
async def _within_bounds(connection: Connection) -> AsyncIterator[None]:
    """A transaction within the bounds of this task, if it has any."""
    bounds = tenancy.present()
    if bounds is None:
        yield
        return
    async with connection.transaction():
        await tenancy.apply(connection, bounds)
        yield


@asynccontextmanager
async def borrow_to_read(pool: asyncpg.Pool) -> AsyncIterator[Connection]:
    """A connection to read a projection, which may not have been made yet.

    Raises:
        services.shared.errors.Unavailable: As `borrow`, or the projection is not there.
    """
    try:
        async with borrow(pool) as connection:
            yield connection
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError) as error:
        raise Unavailable("a projection is not there, or of another release") from error


def mapping(rows: Iterable[asyncpg.Record]) -> dict[Any, Any]:
    """Rows of two columns: the first to the second."""
    return {row[0]: row[1] for row in rows}


# 64 KiB that do not compress.
TAKE_ROOM = """
CREATE TEMPORARY TABLE room ON COMMIT DROP AS
SELECT md5(random()::text || number) AS taken FROM generate_series(1, 2048) AS number
"""


async def probe(pool: asyncpg.Pool) -> None:
    """Return when the database answers.

    Raises:
        services.shared.errors.Unavailable: It does not.
    """
    async with borrow(pool) as connection:
        await connection.execute("SELECT 1")


async def probe_room(pool: asyncpg.Pool) -> None:
    """Return when the database takes something as large as a webhook; nothing of it stays.

    Raises:
        services.shared.errors.Unavailable: It does not answer, or its disk is full (F44).
    """
    async with borrow(pool) as connection, connection.transaction():
        await connection.execute(TAKE_ROOM)


async def _speak_our_types(connection: Connection) -> None:
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=_to_json, decoder=orjson.loads
    )


def storable(text: str) -> str:
    """The text with what PostgreSQL cannot hold, NUL and half characters, replaced."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def _to_json(value: object) -> str:
    return orjson.dumps(value).decode().replace("\\u0000", "\\ufffd")  # jsonb refuses NUL


def _said(error: BaseException) -> str:
    """The kind of error and its code; the text may quote a row."""
    state = getattr(error, "sqlstate", None)
    return type(error).__name__ + (f" ({state})" if state else "")
