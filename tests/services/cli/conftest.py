"""One running installation for all tests of a module, and commands as a person gives them."""

import asyncio
import logging
import os
import subprocess
import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog
from rich.console import Console
from structlog.testing import capture_logs
from typer.testing import CliRunner

from services.cli.main import app
from services.cli.output import out
from tests.support.running import ADMIN_ID, Running, running
from tests.support.waiting import until

WIDE = {"COLUMNS": "250", "TERM": "dumb"}


@dataclass(frozen=True, slots=True)
class Said:
    """What a command came to."""

    status: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line for what a person can mend, with nothing beside it."""
        assert self.out == "", self
        return self.error_after_steps

    @property
    def error_after_steps(self) -> str:
        """The same, where it was told before what had succeeded."""
        assert self.status == 1, self
        assert self.err.startswith("error: "), self
        return self.err.removeprefix("error: ").rstrip("\n")


@contextmanager
def wide(console: Console) -> Iterator[None]:
    """No cell of a table is broken into lines."""
    console.width, before = 250, console.width
    yield
    console.width = before


@contextmanager
def own_logging() -> Iterator[None]:
    """What a command sets up for its process ends with it: its standard error is closed then."""
    root, configured = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.configure(**configured)


def command(data: Path, *words: object, typed: str | None = None) -> Said:
    """Run a command in this process; a traceback is no answer."""
    with own_logging(), capture_logs(), wide(out()):
        result = CliRunner().invoke(
            app,
            [str(word) for word in words],
            input=typed,
            env={**WIDE, "FAIRLEAD_DATA": str(data)},
        )
    assert isinstance(result.exception, SystemExit | None), result.exception
    return Said(result.exit_code, result.stdout, result.stderr)


def process(data: Path, *words: object, within_s: float = 60) -> Said:
    """Run a command as a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "services.cli", *map(str, words)],
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=within_s,
        env={**os.environ, **WIDE, "FAIRLEAD_DATA": str(data)},
    )
    return Said(done.returncode, done.stdout, done.stderr)


@dataclass(frozen=True, slots=True)
class Here:
    """The running system, for tests that are no coroutines, because commands have loops."""

    runner: asyncio.Runner
    system: Running
    folder: Path

    @property
    def data(self) -> Path:
        return self.system.fairlead.data

    def say(self, *words: object, typed: str | None = None) -> Said:
        return command(self.data, *words, typed=typed)

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    def assigned_lead(self) -> int:
        """A new lead that was distributed."""

        async def distribute() -> int:
            (lead_id,) = await self.system.new_leads(1)
            await self.system.move([lead_id])

            async def is_set() -> bool:
                return (await self.system.owners())[lead_id] != ADMIN_ID

            await until(is_set)
            return lead_id

        lead_id: int = self.do(distribute())
        return lead_id

    def file(self, name: str, text: str | bytes) -> Path:
        path = self.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Here]:
    folder = tmp_path_factory.mktemp("cli")
    with asyncio.Runner() as runner:
        context = running(folder, knobs={"requests_per_second": 1_000})
        system = runner.run(context.__aenter__())
        try:
            yield Here(runner, system, folder)
        finally:
            runner.run(context.__aexit__(None, None, None))


@pytest.fixture(scope="session")
def kept() -> Iterator[Any]:
    """The demo's week, for commands that ask about the past."""
    from tests.services.cli.week import kept_week  # noqa: PLC0415 - it uses what is above

    with kept_week() as week:
        yield week
