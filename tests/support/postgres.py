"""A real PostgreSQL for the tests: one server for all workers of a run, a database per test."""

import fcntl
import os
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from shutil import rmtree

import asyncpg

from services.storage.embedded.database import EmbeddedDatabase, EmbeddedDatabaseError, attach
from services.storage.migrate import migrate

SETTINGS = {"max_connections": "200", "max_wal_size": "1GB"}


@dataclass(slots=True)
class TestServer:
    """Makes fresh databases, with our schema, by copying a template."""

    __test__ = False  # no test class, in spite of its name

    embedded: EmbeddedDatabase
    worker: str
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _has_template: bool = False

    @asynccontextmanager
    async def database(self) -> AsyncIterator[str]:
        """The address of a migrated database of its own, dropped afterwards."""
        template = f"template_{self.worker}"
        name = f"test_{self.worker}_{next(self._numbers)}"
        connection = await asyncpg.connect(self.embedded.dsn)
        try:
            if not self._has_template:
                await self._make_template(connection, template)
            # By files it takes half as long as through the write-ahead log.
            await connection.execute(
                f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY"
            )
            try:
                yield self.embedded.dsn_of(name)
            finally:
                await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        finally:
            await connection.close()

    async def _make_template(self, connection: asyncpg.Connection, template: str) -> None:
        await connection.execute(f"CREATE DATABASE {template}")
        own = await asyncpg.connect(self.embedded.dsn_of(template))
        try:
            await migrate(own)
        finally:
            await own.close()
        self._has_template = True


@contextmanager
def shared_server() -> Iterator[TestServer]:
    """One server shared by the workers of this run; the last one to leave stops it.

    Not below pytest's own folder: pytest closes that to other accounts, and a server started
    as root runs as another one.
    """
    _sweep()
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", f"alone{os.getpid()}")
    folder = Path(tempfile.gettempdir()) / f"fairlead-tests-{os.geteuid()}-{run[:16]}"
    embedded = EmbeddedDatabase(folder, exclusive=False, settings=SETTINGS)
    with embedded:
        yield TestServer(embedded, os.environ.get("PYTEST_XDIST_WORKER", "main"))
    _remove(folder)


def _sweep() -> None:
    """Stop and remove what runs that were killed have left behind."""
    old = time.time() - 600
    for folder in Path(tempfile.gettempdir()).glob(f"fairlead-tests-{os.geteuid()}-*"):
        with suppress(OSError, EmbeddedDatabaseError):  # another worker may sweep as well
            if folder.stat().st_mtime < old and not _is_used(folder):
                with attach(folder):
                    pass  # the last one to leave stops the server
                _remove(folder)


def _is_used(folder: Path) -> bool:
    with (folder / "users.lock").open("r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _remove(folder: Path) -> None:
    if attach(folder).pid() is None:
        rmtree(folder, ignore_errors=True)
