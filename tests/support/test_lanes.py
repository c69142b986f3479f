"""Every test is in one lane and keeps to it."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import asyncpg
import httpx
import pytest

from tests.support.lanes import LANES, OutOfLane, kept_to, lane_of


async def connect() -> None:
    await asyncpg.connect("postgresql://somebody@127.0.0.1:1/none")


async def listen() -> None:
    await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)


async def start() -> None:
    await asyncio.create_subprocess_exec(sys.executable, "-c", "")


def collected(path: str, marks: tuple[str, ...] = (), fixtures: tuple[str, ...] = ()) -> Any:
    """As much of a test as its lane depends on."""
    return SimpleNamespace(
        nodeid="test_it",
        path=Path(__file__).parents[1] / path,
        fixturenames=fixtures,
        iter_markers=lambda: [getattr(pytest.mark, name).mark for name in marks],
    )


def test_every_test_is_in_exactly_one_lane(request: pytest.FixtureRequest) -> None:
    items = request.session.items
    lanes = [{mark.name for mark in item.iter_markers()} & set(LANES) for item in items]

    assert [item.nodeid for item, told in zip(items, lanes, strict=True) if len(told) != 1] == []


@pytest.mark.parametrize(
    ("item", "lane"),
    [
        (collected("domain/test_it.py"), "unit"),
        (collected("domain/test_it.py", fixtures=("tmp_path", "postgres_server")), "server"),
        (collected("domain/test_it.py", fixtures=("postgres_server", "victim")), "broker"),
        (collected("domain/test_it.py", marks=("server",)), "server"),
        (collected("domain/test_it.py", marks=("broker",), fixtures=("sandbox",)), "broker"),
        (collected("system/test_it.py", fixtures=("kafka_servers",)), "system"),
    ],
)
def test_a_lane_is_told_by_a_marker_or_by_what_a_test_uses(item: Any, lane: str) -> None:
    assert lane_of(item) == lane


@pytest.mark.parametrize(
    "item",
    [
        collected("domain/test_it.py", marks=("server", "broker")),
        collected("domain/test_it.py", marks=("unit",), fixtures=("postgres_server",)),
        collected("system/test_it.py", marks=("server",)),
    ],
)
def test_a_marker_that_promises_less_than_is_used_is_refused(item: Any) -> None:
    with pytest.raises(pytest.UsageError, match="test_it: marked "):
        lane_of(item)


@pytest.mark.parametrize(
    "leave",
    [
        lambda: subprocess.run([sys.executable, "-c", ""], check=True),
        lambda: os.system("true"),  # noqa: S605
        os.fork,
        lambda: httpx.get("http://localhost:1"),
        lambda: asyncio.run(connect()),
        lambda: asyncio.run(listen()),
        lambda: asyncio.run(start()),
    ],
)
def test_a_unit_test_that_starts_or_calls_something_fails_even_if_it_looks_away(
    leave: Callable[[], object],
) -> None:
    with pytest.raises(OutOfLane, match="no unit test: "), kept_to("unit"), suppress(Exception):
        leave()


def test_a_test_beside_a_server_has_no_broker() -> None:
    with pytest.raises(OutOfLane), kept_to("server"), suppress(OutOfLane):
        subprocess.run(["java", "-version"], check=False)
