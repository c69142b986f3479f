"""How a process reaches its database: past a pooler or through it, and only one that fits."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any
from urllib.parse import urlsplit

import asyncpg
from pydantic import SecretStr

from services.projector.registry import PROJECTIONS
from services.projector.schema import create_missing
from services.runtime.wrong import Wrong
from services.shared.logs import hide
from services.storage import roles
from services.storage.database import Connection, open_pool
from services.storage.migrate import migrate
from services.storage.pooler import loses_sessions
from services.storage.wakeup import Wakeup

DATABASE_URL = "FAIRLEAD_DATABASE_URL"
POOLER_URL = "FAIRLEAD_DATABASE_POOLER_URL"
# Past a pooler: a rebuild, and one more by a person; beside them each process listens.
DIRECT_MAX = 4
# Of who we are, or of the database's name: waiting does not mend it.
REFUSALS = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.ClientConfigurationError,  # such as a file that is not there
)


@asynccontextmanager
async def opened(
    dsn: str, connections: int, pooler: SecretStr | None = None
) -> AsyncIterator[tuple[Any, Any, Wakeup]]:
    """A pool on a database that is up to date, one past the pooler if there is one, and wake-ups.

    Raises:
        Wrong: It does not let us in.
    """
    async with AsyncExitStack() as stack:
        with let_in(DATABASE_URL):
            first = await open_pool(dsn, size_max=connections if pooler is None else DIRECT_MAX)
        stack.push_async_callback(first.close)
        async with first.acquire() as connection:
            await _bring_up_to_date(connection)
        pool, direct = first, None
        if pooler is not None:
            with let_in(POOLER_URL):
                pool = await open_pool(url_of(pooler), size_max=connections, is_pooler=True)
            stack.push_async_callback(pool.close)
            direct = first
        yield pool, direct, await stack.enter_async_context(Wakeup(dsn))


@contextmanager
def let_in(variable: str) -> Iterator[None]:
    """Tell what a person has to mend in one line.

    Raises:
        Wrong: The database does not let us in.
    """
    try:
        yield
    except REFUSALS as error:
        raise Wrong(f"{variable}: the database refuses: {error}") from error


async def refuse_pooler(dsn: str) -> None:
    """See that what a session holds is kept (F42).

    Raises:
        Wrong: It is not.
        services.shared.errors.Unavailable: The database does not answer.
    """
    with let_in(DATABASE_URL):
        if not await loses_sessions(dsn):
            return
    raise Wrong(
        f"{DATABASE_URL} leads to a pooler in transaction mode, which loses what a session holds"
        f" (LISTEN, locks, prepared statements): name the pooler in {POOLER_URL}, and here the"
        " database itself; or put the pooler into session mode"
    )


async def _bring_up_to_date(connection: Connection) -> None:
    """Make what is missing of the schema; where nothing is, only look.

    Raises:
        services.storage.migrate.SchemaRefused: The database is of a newer release.
        Wrong: Something is missing, and only the owner of the database may make it; or a user of
            the roles may not do what its role does.
    """
    try:
        await migrate(connection)
        await create_missing(connection)
    except asyncpg.InsufficientPrivilegeError as error:
        raise _unprepared(str(error)) from error
    lacks = await roles.lacking(connection, [projection.NAME for projection in PROJECTIONS])
    if lacks is not None:
        raise _unprepared(f"its user lacks {lacks}")


def _unprepared(reason: str) -> Wrong:
    return Wrong(
        f"the database is not prepared for this release ({reason}): let its owner run"
        " fairlead database prepare"
    )


def url_of(url: SecretStr) -> str:
    """The address, its password never to be seen in a line of ours."""
    text = url.get_secret_value()
    password = urlsplit(text).password
    if password:
        hide(password)
    return text
