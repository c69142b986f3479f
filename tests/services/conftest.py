"""A database with its users, for the tests of a module that leave each other alone."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from argon2 import PasswordHasher
from pydantic import SecretStr

from services.access.settings import AccessSettings
from services.access.wiring import Access
from services.runtime.database import prepare_at
from services.storage.database import open_pool
from services.storage.roles import WEB
from tests.support.postgres import TestServer
from tests.support.users import as_user
from tests.support.vault import VAULT

# So that tests may sign in often; how it is really done, the tests of hashing tell.
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture(scope="module")
def shared_database(postgres_server: TestServer) -> Iterator[str]:
    """The address of its owner; shared by a module, so that it is prepared once."""
    with asyncio.Runner() as runner:
        made = postgres_server.database()
        url = runner.run(made.__aenter__())
        runner.run(prepare_at(SecretStr(url)))
        yield url
        runner.run(made.__aexit__(None, None, None))


@pytest.fixture
async def owner(shared_database: str) -> AsyncIterator[Any]:
    """For what no test does as a person would: let time pass, look at everything."""
    pool = await open_pool(shared_database, size_max=2)
    yield pool
    await pool.close()


@pytest.fixture
async def access(shared_database: str) -> AsyncIterator[Access]:
    """As whoever serves people has it: behind both walls of the database (S5, S27)."""
    pool = await open_pool(as_user(WEB, shared_database), size_max=8)
    made = Access(pool, VAULT, AccessSettings(), QUICK)
    yield made
    made.hashing.close()
    await pool.close()
