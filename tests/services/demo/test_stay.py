"""What stays up is told to end, by whomever; what was started for it ends with it."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from services.demo.stay import told_to_stop
from tests.support.processes import descendants, running
from tests.support.waiting import until

STARTER = """
import asyncio, sys
from pathlib import Path
from services.demo.kommo_process import local_kommo

async def main():
    async with local_kommo(Path(sys.argv[1]), leads=0, knobs={}):
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_F13_ctrl_c_a_kill_and_a_closed_terminal_tell_it_to_end(
    number: signal.Signals,
) -> None:
    async with told_to_stop() as stop:
        os.kill(os.getpid(), number)
        await until(stop.is_set)


@pytest.mark.server
async def test_F13_a_local_kommo_ends_with_whoever_started_it(tmp_path: Path) -> None:
    starter = await asyncio.create_subprocess_exec(sys.executable, "-c", STARTER, str(tmp_path))
    try:
        await until((tmp_path / "kommo.url").exists)
        begun = descendants(starter.pid)
    finally:
        starter.kill()
        await starter.wait()

    assert len(begun) == 1
    await until(lambda: not running(begun))
