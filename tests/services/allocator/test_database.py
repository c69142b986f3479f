"""The database of allocators over Apache Kafka dies in the middle of their commits."""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from services.storage.database import open_pool
from services.storage.embedded.database import EmbeddedDatabase
from services.storage.migrate import migrate
from tests.support.campaign import Tally
from tests.support.engine import Engine, an_engine
from tests.support.kafka import settings_of

pytestmark = pytest.mark.fault

DEATHS = 3
BETWEEN = 200


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[EmbeddedDatabase]:
    async with EmbeddedDatabase(tmp_path / "data") as database:
        yield database


@pytest.fixture
async def engine(
    kafka_servers: str, database: EmbeddedDatabase, tmp_path: Path, chance: random.Random
) -> AsyncIterator[Engine]:
    pool = await open_pool(database.dsn, size_max=4)
    async with pool.acquire() as connection:
        await migrate(connection)
    settings = settings_of(kafka_servers)
    async with an_engine(settings, database.dsn, pool, tmp_path, chance) as engine:
        yield engine
    await pool.close()


async def test_F37_F38_a_database_that_dies_in_the_middle_of_commits_repeats_nothing(
    engine: Engine, database: EmbeddedDatabase, judged: Callable[[Tally], None]
) -> None:
    members = [await engine.start(), await engine.start()]
    telling = asyncio.create_task(engine.tell((DEATHS + 2) * BETWEEN, pause_s=0.05))
    for number in range(1, DEATHS + 1):
        await engine.decided(number * BETWEEN)
        pid = database.pid()
        assert pid is not None
        os.kill(pid, signal.SIGQUIT)  # immediate: no commit is waited for
        await asyncio.to_thread(_gone, database)
        await asyncio.to_thread(database.revive)
    await telling
    await engine.everything_decided()

    judged(await engine.tally())
    assert [member.last_words() for member in members] == [None] * len(members)
    assert sum(member.count("allocator_waits") for member in members) > 0


def _gone(database: EmbeddedDatabase) -> None:
    assert database._process is not None
    database._process.wait(60)
