"""Fixtures for every test: real servers, a fresh migrated database, a pool on it."""

import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from shutil import rmtree
from typing import Any

import pytest

# Makes `tests.support` importable: pytest's importlib mode leaves the path alone.
sys.path.insert(0, str(Path(__file__).parents[1]))

from services.open_files import allow_open_files
from services.storage.database import open_pool
from tests.support.kafka import shared_broker
from tests.support.postgres import TestServer, shared_server

# A thousand webhooks at once are two thousand sockets where both ends are in one process.
allow_open_files()


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder of the test's own, under no parent that another run closes to the server's account.

    As root the database runs as somebody else, and every start of pytest takes all rights of
    others from the folder that all its runs share.
    """
    folder = Path(tempfile.mkdtemp(prefix="fairlead-test-"))
    yield folder
    rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[TestServer]:
    """The server of this run, started at first use."""
    with shared_server() as server:
        yield server


@pytest.fixture
async def database_url(postgres_server: TestServer) -> AsyncIterator[str]:
    """A fresh database with our schema; dropped after the test."""
    async with postgres_server.database() as url:
        yield url


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Any]:
    """An asyncpg pool on a fresh database."""
    pool = await open_pool(database_url, size_max=10)
    yield pool
    await pool.close()


@pytest.fixture(scope="session")
def kafka_servers() -> Iterator[str]:
    """The address of the broker of this run, started at first use."""
    with shared_broker() as address:
        yield address
