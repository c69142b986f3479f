"""The spool's file: in order, bounded, on the disk, and never in the way."""

import asyncio
import os
import signal
import sqlite3
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from services.ingress import spool_file
from services.ingress.spool import Spool, open_spool
from services.ingress.spool_file import (
    ROW_OVERHEAD_BYTES,
    SPOOL_FILE,
    Item,
    SpoolFile,
    SpoolRefused,
    look,
    roll_back,
)
from services.shared.errors import Unavailable

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
ALL = {"rows_max": 1_000_000, "bytes_max": 2**30}


@asynccontextmanager
async def spool(
    folder: Path, *, rows_max: int = 1_000, bytes_max: int = 2**20
) -> AsyncIterator[Spool]:
    async with open_spool(
        folder / SPOOL_FILE, rows_max=rows_max, bytes_max=bytes_max, now=lambda: NOON
    ) as opened:
        yield opened


def items(*values: str, account_id: int = 1) -> list[Item]:
    return [Item(account_id, value.encode()) for value in values]


async def held(opened: Spool, name: str = "inbound") -> list[str]:
    head = await opened.queue(name).head(**ALL)
    return [kept.item.value.decode() for kept in head]


async def test_I1_what_was_appended_is_there_in_order_after_a_new_start(tmp_path: Path) -> None:
    async with spool(tmp_path) as opened:
        await opened.queue("inbound").append(items("a", "b"))
        await opened.queue("letters").append(items("x", account_id=2))
        await opened.queue("inbound").append(items("c", account_id=2))

    async with spool(tmp_path) as opened:
        inbound = opened.queue("inbound")
        assert await held(opened) == ["a", "b", "c"]
        assert await held(opened, "letters") == ["x"]
        assert (inbound.rows, inbound.holds(1), inbound.holds(3)) == (3, True, False)


async def test_F3_only_what_was_removed_is_gone(tmp_path: Path) -> None:
    async with spool(tmp_path) as opened:
        queue = opened.queue("inbound")
        await queue.append(items("a", "b", "c"))
        await queue.remove(await queue.head(rows_max=2, bytes_max=2**20))
        assert await held(opened) == ["c"]

    async with spool(tmp_path) as opened:
        queue = opened.queue("inbound")
        assert await held(opened) == ["c"]
        await queue.remove(await queue.head(**ALL))
        assert (queue.holds(1), await held(opened)) == (False, [])


async def test_I13_a_head_is_bounded_by_bytes_and_never_empty(tmp_path: Path) -> None:
    async with spool(tmp_path) as opened:
        queue = opened.queue("inbound")
        await queue.append(items("x" * 300, "y" * 300, "z" * 300))

        sizes = [
            len(await queue.head(rows_max=10, bytes_max=n)) for n in (1, 800, 3 * 300 + 3 * 64)
        ]

    assert sizes == [1, 2, 3]


async def test_F75_a_full_spool_refuses_whole_batches_tells_early_and_recovers(
    tmp_path: Path,
) -> None:
    with capture_logs() as lines:
        async with spool(tmp_path, rows_max=20) as opened:
            queue = opened.queue("inbound")
            await queue.append(items(*"abcdefghijklmnopqr"))
            with pytest.raises(Unavailable, match="full"):
                await queue.append(items("s", "t", "u"))
            await queue.append(items("s", "t"))
            assert not opened.can_take
            await queue.remove(await queue.head(rows_max=19, bytes_max=2**20))
            assert opened.can_take
            await queue.append(items("u"))
            assert await held(opened) == ["t", "u"]

    told = [line["percent"] for line in lines if line["event"] == "spool_filling"]
    assert told == [90, 100]


async def test_I13_the_spool_is_bounded_by_bytes_also_after_a_new_start(tmp_path: Path) -> None:
    room = 3 * (100 + ROW_OVERHEAD_BYTES)
    async with spool(tmp_path, bytes_max=room) as opened:
        await opened.queue("inbound").append(items("x" * 100, "y" * 100))
    async with spool(tmp_path, bytes_max=room) as opened:
        with pytest.raises(Unavailable):
            await opened.queue("inbound").append(items("z" * 101))
        await opened.queue("inbound").append(items("z" * 100))


async def test_F75_a_full_disk_fails_the_append_whole_and_names_itself(tmp_path: Path) -> None:
    async with spool(tmp_path) as opened:
        queue = opened.queue("inbound")
        await queue.append(items("a"))
        await opened.run(lambda: _allow_pages(opened, 16))
        with pytest.raises(Unavailable, match="SQLITE_FULL"):
            await queue.append(items("b", "x" * 200_000))

        assert (queue.rows, opened.can_take) == (1, False)
        await opened.run(lambda: _allow_pages(opened, 100_000))
        await queue.append(items("c"))
        assert opened.can_take
        assert await held(opened) == ["a", "c"]


def test_F75_a_rollback_that_fails_does_not_hide_the_cause(tmp_path: Path) -> None:
    class Broken:
        in_transaction = True

        def execute(self, statement: str) -> None:
            raise sqlite3.OperationalError(f"cannot {statement}: no transaction is active")

        def close(self) -> None: ...

    broken: Any = Broken()
    roll_back(broken)
    with closing(SpoolFile(tmp_path / SPOOL_FILE, now=lambda: NOON)) as file:
        file._connection.close()
        file._connection = broken
        with pytest.raises(Unavailable) as caught:
            file.append("inbound", items("a"))

    assert "cannot BEGIN" in str(caught.value.__cause__)


async def test_F75_what_cannot_be_deleted_is_not_handed_out_again(tmp_path: Path) -> None:
    async with spool(tmp_path) as opened:
        queue = opened.queue("inbound")
        await queue.append(items("a", "b"))
        await opened.run(lambda: opened._file._connection.execute("PRAGMA query_only = ON"))
        with pytest.raises(Unavailable):
            await queue.remove(await queue.head(rows_max=1, bytes_max=2**20))

        assert await held(opened) == ["b"]
        await opened.run(lambda: opened._file._connection.execute("PRAGMA query_only = OFF"))
        await queue.remove(await queue.head(**ALL))
    async with spool(tmp_path) as opened:
        assert await held(opened) == []


@pytest.mark.parametrize("damage", ["nonsense", "overwritten page", "half"])
async def test_F77_a_damaged_file_is_set_aside_and_a_new_one_is_used(
    tmp_path: Path, damage: str
) -> None:
    path = tmp_path / SPOOL_FILE
    async with spool(tmp_path, bytes_max=2**30) as opened:
        await opened.queue("inbound").append(items(*("x" * 500 for _ in range(500))))
    whole = path.read_bytes()
    damaged = {
        "nonsense": b"nonsense" * 1_000,
        "overwritten page": whole[:4_096] + b"\xff" * 8_192 + whole[12_288:],
        "half": whole[: len(whole) // 2],
    }[damage]
    path.write_bytes(damaged)

    for _ in range(2):  # the new one is good: no loop
        with capture_logs() as lines:
            async with spool(tmp_path) as opened:
                await opened.queue("inbound").append(items("a"))
    path.write_bytes(damaged)
    async with spool(tmp_path) as opened:
        assert await held(opened) == []

    assert [line["event"] for line in lines if line["log_level"] == "error"] == []
    first, second = (tmp_path / f"{SPOOL_FILE}.damaged-{number}" for number in (1, 2))
    assert first.read_bytes() == second.read_bytes() == damaged
    state = look(tmp_path)
    assert state is not None
    assert state.set_aside == (first.name, second.name)


async def test_F77_a_spool_of_another_format_is_refused_untouched(tmp_path: Path) -> None:
    async with spool(tmp_path) as opened:
        await opened.run(lambda: opened._file._connection.execute("PRAGMA user_version = 99"))

    with pytest.raises(SpoolRefused, match="format 99"):
        async with spool(tmp_path):
            pass


async def test_F76_the_file_is_synced_at_every_commit(tmp_path: Path) -> None:
    async with spool(tmp_path) as opened:
        names = ("journal_mode", "synchronous")
        found = [await opened.run(lambda n=name: _pragma(opened, n)) for name in names]

    assert found == ["wal", 2]


async def test_F76_a_file_that_would_not_be_synced_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_file, "FULL", 3)
    with pytest.raises(SpoolRefused, match="would not be synced"):
        async with spool(tmp_path):
            pass


async def test_I13_an_empty_spool_gives_its_room_back(tmp_path: Path) -> None:
    async with spool(tmp_path, bytes_max=2**30) as opened:
        queue = opened.queue("inbound")
        await queue.append(items("x" * 2_000_000))
        await queue.remove(await queue.head(**ALL))

        assert (tmp_path / SPOOL_FILE).stat().st_size < 200_000
        assert (tmp_path / f"{SPOOL_FILE}-wal").stat().st_size == 0


async def test_no_call_of_sqlite_is_made_in_the_loops_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: set[str] = set()
    for name in ("append", "head", "delete", "tallies", "shrink", "close", "__init__"):
        monkeypatch.setattr(SpoolFile, name, _noting(getattr(SpoolFile, name), threads))
    async with spool(tmp_path) as opened:
        queue = opened.queue("inbound")
        await queue.append(items("a"))
        await queue.remove(await queue.head(**ALL))

    assert threads == {"spool_0"}


async def test_the_loop_goes_on_while_the_disk_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hang = threading.Event()
    append = SpoolFile.append

    def slow(self: SpoolFile, queue: str, kept: list[Item]) -> None:
        assert hang.wait(20)
        append(self, queue, kept)

    monkeypatch.setattr(SpoolFile, "append", slow)
    async with spool(tmp_path) as opened:
        queue = opened.queue("inbound")
        writing = asyncio.create_task(queue.append(items("a")))
        await asyncio.sleep(0)

        assert queue.holds(1)  # what comes now goes behind it
        assert not writing.done()
        hang.set()
        await writing
        assert await held(opened) == ["a"]


async def test_a_cancelled_append_is_counted_as_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hang = threading.Event()
    append = SpoolFile.append

    def slow(self: SpoolFile, queue: str, kept: list[Item]) -> None:
        assert hang.wait(20)
        append(self, queue, kept)

    monkeypatch.setattr(SpoolFile, "append", slow)
    async with spool(tmp_path) as opened:
        queue = opened.queue("inbound")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(queue.append(items("a")), 0.01)
        hang.set()
        async with asyncio.timeout(60):
            await queue.filled()
        assert (queue.rows, await held(opened)) == (1, ["a"])


@pytest.mark.server
async def test_I1_a_killed_process_loses_nothing_it_was_told_is_kept(tmp_path: Path) -> None:
    script = """
import asyncio, sys
from pathlib import Path
from services.ingress.spool import open_spool
from services.ingress.spool_file import Item

async def main():
    async with open_spool(Path(sys.argv[1]), rows_max=10**6, bytes_max=2**30) as spool:
        for number in range(10**6):
            await spool.queue("inbound").append([Item(1, b"%d" % number)] * 3)
            print(number, flush=True)

asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, str(tmp_path / SPOOL_FILE), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    told = -1
    async with asyncio.timeout(60):
        while told < 50:
            told = int(await process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
        rest = await process.stdout.read()
        await process.wait()
    told = int(rest.split()[-1]) if rest.endswith(b"\n") else told

    async with spool(tmp_path, rows_max=10**6, bytes_max=2**30) as opened:
        found = [int(value) for value in await held(opened)]
    assert len(found) >= 3 * (told + 1)
    assert found == [number for number in range(len(found) // 3) for _ in range(3)]


EMPTY = spool_file.SpoolStanding(0, 0, None, ())


async def test_I12_the_file_and_its_journals_are_nobody_elses(tmp_path: Path) -> None:
    async with spool(tmp_path) as opened:
        await opened.queue("inbound").append(items("a"))
        modes = await asyncio.to_thread(_modes_in, tmp_path)

    assert modes == dict.fromkeys((SPOOL_FILE, f"{SPOOL_FILE}-wal", f"{SPOOL_FILE}-shm"), 0o600)


async def test_F75_whether_it_takes_something_is_tried_out(tmp_path: Path) -> None:
    async with spool(tmp_path) as opened:
        await opened.run(lambda: _allow_pages(opened, 1))
        assert not await opened.takes()
        await opened.run(lambda: _allow_pages(opened, 10_000))
        opened._failed_at = None
        assert await opened.takes()
        # Nothing of it stays, nor is it taken for something that waits.
        assert (opened.rows, await asyncio.to_thread(look, tmp_path)) == (0, EMPTY)


async def test_another_process_may_look(tmp_path: Path) -> None:
    assert look(tmp_path) is None
    async with spool(tmp_path) as opened:
        await opened.queue("inbound").append(items("ab", "c"))
        state = await asyncio.to_thread(look, tmp_path)
    assert state == spool_file.SpoolStanding(2, 3, NOON, ())
    assert await asyncio.to_thread(look, tmp_path) == state  # nobody has it open
    (tmp_path / SPOOL_FILE).write_bytes(b"nonsense" * 1_000)
    with pytest.raises(Unavailable):
        look(tmp_path)


def _noting(method: Any, threads: set[str]) -> Any:
    def noted(*given: Any, **named: Any) -> Any:
        threads.add(threading.current_thread().name)
        return method(*given, **named)

    return noted


def _modes_in(folder: Path) -> dict[str, int]:
    return {file.name: file.stat().st_mode & 0o777 for file in folder.iterdir()}


def _allow_pages(opened: Spool, number: int) -> None:
    with closing(opened._file._connection.execute(f"PRAGMA max_page_count = {number}")) as cursor:
        cursor.fetchall()


def _pragma(opened: Spool, name: str) -> Any:
    return opened._file._connection.execute(f"PRAGMA {name}").fetchone()[0]
