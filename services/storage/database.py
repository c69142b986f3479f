"""Connections: a pool with bounded waits, and foreign errors as the families of `errors.py`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import orjson

from services.errors import Unavailable

CONNECT_TIMEOUT_S = 5.0
ACQUIRE_TIMEOUT_S = 2.0
COMMAND_TIMEOUT_S = 30.0

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


async def open_pool(
    dsn: str, *, size_min: int = 1, size_max: int = 8, application: str = "fairlead"
) -> Any:  # noqa: ANN401 - asyncpg ships no types
    """An asyncpg pool whose connections speak our types and never wait without an end.

    Raises:
        services.errors.Unavailable: The database does not answer.
    """
    try:
        return await asyncpg.create_pool(
            dsn,
            min_size=size_min,
            max_size=size_max,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=COMMAND_TIMEOUT_S,
            init=_speak_our_types,
            server_settings={"application_name": application, "timezone": "UTC"},
        )
    except TRANSIENT as error:
        raise Unavailable(f"database: {_said(error)}") from error


@asynccontextmanager
async def borrow(pool: Any) -> AsyncIterator[Any]:  # noqa: ANN401 - asyncpg ships no types
    """A connection for one short piece of work.

    Raises:
        services.errors.Unavailable: No connection within 2 s (F41), or it failed in the work; a
            transaction may or may not have been committed then (F38): read before repeating.
    """
    try:
        async with pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection:
            try:
                yield connection
            except asyncpg.InternalClientError:
                connection.terminate()  # or the pool would hand it out again
                raise
    except TRANSIENT as error:
        if isinstance(error, ValueError):  # asyncpg's refusal of an argument: a bug of ours
            raise
        raise Unavailable(f"database: {_said(error)}") from error


@asynccontextmanager
async def borrow_to_read(pool: Any) -> AsyncIterator[Any]:  # noqa: ANN401 - asyncpg ships no types
    """A connection to read a projection, which may not have been made yet.

    Raises:
        services.errors.Unavailable: As `borrow`, or the projection is not there.
    """
    try:
        async with borrow(pool) as connection:
            yield connection
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError) as error:
        raise Unavailable("a projection is not there, or of another release") from error


async def probe(pool: Any) -> None:  # noqa: ANN401 - asyncpg ships no types
    """Return when the database answers.

    Raises:
        services.errors.Unavailable: It does not.
    """
    async with borrow(pool) as connection:
        await connection.execute("SELECT 1")


async def _speak_our_types(connection: Any) -> None:  # noqa: ANN401 - asyncpg ships no types
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
