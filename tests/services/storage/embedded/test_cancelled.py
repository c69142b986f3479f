"""The embedded PostgreSQL when whoever starts it is cancelled, as by Ctrl-C (F13, F78)."""

import asyncio
import contextlib
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from services.storage.embedded.database import EmbeddedDatabase, attach, holder
from tests.support.waiting import until

pytestmark = pytest.mark.server


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A folder with a cluster that nobody runs."""
    with EmbeddedDatabase(tmp_path):
        pass
    return tmp_path


async def cancelled_when(database: EmbeddedDatabase, has_come: Callable[[], object]) -> None:
    """Open it, and be cancelled at a moment of the opening or after it."""

    async def use() -> None:
        async with database:
            await asyncio.Event().wait()

    async def is_there() -> bool:
        return bool(has_come())

    using = asyncio.create_task(use())
    await until(is_there, every_s=0.001)
    using.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(using, 60)


async def opens(folder: Path) -> bool:
    async with EmbeddedDatabase(folder) as database:
        return database.pid() is not None


MOMENTS: dict[str, Callable[[EmbeddedDatabase], object]] = {
    "asked": lambda _: True,
    "locked": lambda database: holder(database.data_folder),
    "launched": lambda database: database._process,
    "announced": lambda database: (database.cluster / "postmaster.pid").exists(),
    "open": lambda database: database._users,
}


async def test_F78_a_cancelled_start_leaves_neither_lock_nor_server(made: Path) -> None:
    left: dict[str, object] = {}
    for moment, has_come in MOMENTS.items():
        database = EmbeddedDatabase(made)
        await cancelled_when(database, partial(has_come, database))
        left[moment] = (holder(made), database.pid())

    assert left == dict.fromkeys(MOMENTS, (None, None))
    assert await opens(made)


async def test_F78_a_start_that_waits_for_another_ones_start_is_cancelled_at_once(
    made: Path,
) -> None:
    database = EmbeddedDatabase(made)
    with (made / "start.lock").open() as another:
        fcntl.flock(another, fcntl.LOCK_EX)  # it may be recovering for minutes

        await cancelled_when(database, lambda: holder(made))

        assert holder(made) is None
    assert await opens(made)


async def test_F78_a_cancelled_start_leaves_the_server_to_those_who_use_it(made: Path) -> None:
    with attach(made) as other:
        server = other.pid()
        database = EmbeddedDatabase(made)
        await cancelled_when(database, lambda: holder(made))

        assert holder(made) is None
        assert other.pid() == server is not None
    assert other.pid() is None


async def test_F78_a_start_is_cancelled_in_order_however_often_it_is_told(made: Path) -> None:
    database = EmbeddedDatabase(made)
    opening = asyncio.create_task(database.__aenter__())
    while not opening.done():
        opening.cancel()
        await asyncio.sleep(0)

    assert opening.cancelled()
    assert (holder(made), database.pid()) == (None, None)
    assert await opens(made)


async def test_F13_a_command_that_is_interrupted_while_it_opens_leaves_no_server(
    made: Path,
) -> None:
    command = await asyncio.create_subprocess_exec(
        # Whatever the tests were started by: in the background a shell lets ignore it.
        *("env", "--default-signal=INT"),
        *(sys.executable, "-m", "services.cli", "doctor", f"--data={made}"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )

    async def is_opening() -> bool:
        assert command.returncode is None
        return (made / "postgres" / "postmaster.pid").exists()

    await until(is_opening, every_s=0.001)
    with contextlib.suppress(ProcessLookupError):
        os.kill(command.pid, signal.SIGINT)
    _, said = await asyncio.wait_for(command.communicate(), 60)

    assert command.returncode == 130
    assert b"Traceback" not in said
    assert attach(made).pid() is None
