"""A pooler in transaction mode between us and the database, noticed before it does harm (F42).

Behind one, a session is nobody's: between two transactions the server goes to others, and with it
what we told it to listen to, to lock or to keep prepared.
"""

import asyncio

import asyncpg

from services.storage.database import CONNECT_TIMEOUT_S, Connection, reaching

BACKEND = "SELECT pg_backend_pid()"
# Others that use the pooler may happen to leave us our server, once or twice.
TRIES = 5


async def loses_sessions(dsn: str) -> bool:
    """Whether a pooler is in between that gives our server to others between our transactions.

    A server tells its process at the start of a session, a pooler invents one. That alone does no
    harm: one in session mode keeps the server for us.

    Raises:
        services.shared.errors.Unavailable: The database does not answer.
    """
    with reaching():
        ours = await _session(dsn)
        try:
            if await _backend(ours) == ours.get_server_pid():
                return False
            other = await _session(dsn)
            try:
                return await _is_given_away(ours, other)
            finally:
                other.terminate()
        finally:
            ours.terminate()


async def _is_given_away(ours: Connection, other: Connection) -> bool:
    """Whether another session gets our server, or we another while that one holds it."""
    before = await _backend(ours)
    for _ in range(TRIES):
        async with other.transaction():
            if await other.fetchval(BACKEND) == before or await _backend(ours) != before:
                return True
    return False


async def _session(dsn: str) -> Connection:
    return await asyncpg.connect(dsn, timeout=CONNECT_TIMEOUT_S, statement_cache_size=0)


async def _backend(connection: Connection) -> int:
    async with asyncio.timeout(CONNECT_TIMEOUT_S), connection.transaction():
        found: int = await connection.fetchval(BACKEND)
        return found
