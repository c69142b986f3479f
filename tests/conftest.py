"""Fixtures for every test: real servers, a fresh migrated database, a pool on it."""

import gc
import os
import random
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from dataclasses import asdict
from functools import cache
from pathlib import Path
from shutil import rmtree
from typing import Any

import httpx
import httpx._transports.default as transports
import pytest

# Makes `tests.support` importable: pytest's importlib mode leaves the path alone.
sys.path.insert(0, str(Path(__file__).parents[1]))

from services.shared.open_files import allow_open_files
from services.storage.database import open_pool
from tests.support.campaign import PROPERTY, Tally, is_fault, rounds
from tests.support.kafka import Victim, own_victim, shared_broker
from tests.support.lanes import kept_to, lane_of
from tests.support.memory_disk import write_to_memory
from tests.support.order import dealt
from tests.support.plain_logs import log_plainly
from tests.support.postgres import TestServer, shared_server
from tests.support.properties import budget_examples

# Images often say so; each process that a test starts would compile all of the product anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
write_to_memory()
budget_examples()
# A thousand webhooks at once are two thousand sockets where both ends are in one process.
allow_open_files()
# Reading who is trusted takes 30 ms for every client, and tests make thousands of them.
setattr(transports, "create_ssl_context", cache(httpx.create_ssl_context))  # noqa: B010 - not theirs to give
log_plainly()
# Tests of API and console say that they want them; all others are without a process beside them.
os.environ.setdefault("FAIRLEAD_WEB_ENABLED", "false")
# The brokers of tests live for seconds: compiling less saves two of five seconds of a core at each
# start. Benchmarks, which come another way, have the compiler that they measure.
os.environ.setdefault("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1")


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


@pytest.fixture(scope="session")
def victim() -> Iterator[Victim]:
    """A broker of this worker to be broken, started at first use."""
    folder = Path(tempfile.mkdtemp(prefix="fairlead-kafka-victim-"))
    with own_victim(folder) as victim:
        yield victim
    rmtree(folder, ignore_errors=True)


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """The same at every run of one test, another one in each round of the campaign."""
    return random.Random(request.node.nodeid)


@pytest.fixture
def judged(record_property: Callable[[str, object], None]) -> Callable[[Tally], None]:
    """Report what became of a round, and refuse it unless nothing is lost and nothing twice."""

    def judge(tally: Tally) -> None:
        record_property(PROPERTY, asdict(tally))
        assert (tally.lost, tally.twice) == (0, 0), tally

    return judge


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The long form of a fault test: so many rounds of it."""
    if rounds() > 1 and is_fault(metafunc.definition):
        metafunc.fixturenames.append("campaign_round")
        metafunc.parametrize("campaign_round", range(1, rounds() + 1))


@pytest.hookimpl(wrapper=True, tryfirst=True)  # -m selects in between
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None, object, object]:
    """Put every test in its lane, every attack among the faults, and what takes long first."""
    for item in items:
        if is_fault(item) and item.get_closest_marker("fault") is None:
            item.add_marker("fault")
        if item.get_closest_marker(lane := lane_of(item)) is None:
            item.add_marker(lane)
    result = yield
    if workers := int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "0")):
        items[:] = dealt(items, workers, lane_of)
    return result


def pytest_collection_finish() -> None:
    """Some thousand tests stay to the end; the collector need not look at them again and again."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    """Fixtures keep to the lane of their test."""
    with kept_to(lane_of(item)):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """So does the test."""
    with kept_to(lane_of(item)):
        return (yield)
