"""A database of its own for the benchmarks, with the settings of the embedded installation."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from services.storage.database import open_pool
from services.storage.embedded.database import EmbeddedDatabase
from services.storage.migrate import migrate


@asynccontextmanager
async def bench_pool(folder: Path) -> AsyncIterator[Any]:
    """A pool on a fresh, migrated, durable database."""
    async with EmbeddedDatabase(folder / "data") as database:
        pool = await open_pool(database.dsn, size_max=8)
        try:
            async with pool.acquire() as connection:
                await migrate(connection)
            yield pool
        finally:
            await pool.close()
