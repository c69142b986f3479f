"""A distributed installation as processes of this machine: for the demo, `make cluster`, the tests.

Each process is `fairlead run ROLE` with a folder of its own: its spool, its log. Nothing but the
settings in the environment ties them together, as on machines of their own.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import orjson
from pydantic import SecretStr

from services.application.installation import RUNTIME_FILE
from services.demo.kommo_process import end, written
from services.log.kafka import KafkaSettings
from services.runtime.database import prepare_at
from services.runtime.roles import ROLES
from services.storage.embedded.database import EmbeddedDatabase
from services.storage.roles import PREFIX, USERS

DATABASE_URL = "FAIRLEAD_DATABASE_URL"
UP_WITHIN_S = 120.0
LOG_FILE = "fairlead.log"
ALLOCATORS = 2


@dataclass(slots=True)
class LocalProcess:
    """One process; `start` again after a `kill` to see what it makes of it.

    Attributes:
        folder: Of this process alone.
        roles: What it runs.
        environment: What differs from ours.
        options: Of `fairlead run`.
    """

    name: str
    folder: Path
    roles: tuple[str, ...]
    environment: Mapping[str, str]
    options: tuple[str, ...] = ()
    process: asyncio.subprocess.Process | None = field(default=None, repr=False)

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self.process is not None and self.process.returncode is None

    async def start(self) -> None:
        """Launch it; it works a moment later."""
        await asyncio.to_thread(self.folder.mkdir, parents=True, exist_ok=True)
        (self.folder / RUNTIME_FILE).unlink(missing_ok=True)
        with (self.folder / LOG_FILE).open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "services.cli",
                "run",
                *self.roles,
                f"--data={self.folder}",
                *self.options,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment},
                # Ctrl-C in our terminal is ours to pass on.
                start_new_session=True,
            )

    async def address(self) -> str:
        """Where its ingress receives webhooks, as soon as it does.

        Raises:
            OSError: It ended instead, or does not in time.
        """
        assert self.process is not None, "it was started"  # noqa: S101
        runtime = orjson.loads(await written(self.folder / RUNTIME_FILE, self.process, UP_WITHIN_S))
        found: str = runtime["address"]
        return found

    async def wait(self) -> int:
        """Wait until it has ended; its exit status."""
        assert self.process is not None, "it was started"  # noqa: S101
        return await self.process.wait()

    async def kill(self) -> None:
        """End it as a power cut would."""
        if self.process is not None and self.is_running:
            self.process.kill()
            await self.process.wait()

    async def stop(self) -> int | None:
        """Let it end in order; its exit status."""
        if self.process is None:
            return None
        await end(self.process)
        return self.process.returncode

    def freeze(self) -> None:
        """Let it stand still, its connections open."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def log(self) -> str:
        """What it has said."""
        file = self.folder / LOG_FILE
        return file.read_text(errors="replace") if file.exists() else ""

    def _signal(self, number: signal.Signals) -> None:
        assert self.process is not None, "it was started"  # noqa: S101
        self.process.send_signal(number)


@dataclass(slots=True)
class LocalCluster:
    """The processes of one installation."""

    processes: dict[str, LocalProcess]

    def of(self, role: str) -> list[LocalProcess]:
        """The processes that run a role."""
        return [process for process in self.processes.values() if role in process.roles]

    async def start(self) -> None:
        """Start all at once."""
        await asyncio.gather(*(process.start() for process in self.processes.values()))

    async def stop(self) -> dict[str, int | None]:
        """Let all end in order; their exit statuses."""
        for process in self.processes.values():
            if process.is_running:
                process.thaw()
        ended = await asyncio.gather(*(process.stop() for process in self.processes.values()))
        return dict(zip(self.processes, ended, strict=True))


def make_cluster(
    folder: Path,
    environment: Mapping[str, str],
    addresses: Mapping[str, str],
    *,
    counts: Mapping[str, int] | None = None,
    port: int = 0,
) -> LocalCluster:
    """A process per role, with a folder each below `folder`; nothing is started.

    Args:
        folder: Of the cluster.
        environment: Names Kafka and the master key, and whatever else is set.
        addresses: Role to the address of the database, for its own user; see `prepared`.
        counts: How many processes of a role, where it is not one.
        port: Where ingress receives webhooks; 0 for any free one.
    """
    wanted = dict.fromkeys(ROLES, 1) | {"allocator": ALLOCATORS, "web": 0} | dict(counts or {})
    options: dict[str, Sequence[str]] = {"ingress": (f"--port={port}",)}
    found = [
        LocalProcess(
            name=f"{role}-{number}",
            folder=folder / f"{role}-{number}",
            roles=(role,),
            environment={DATABASE_URL: addresses[role], **environment},
            options=tuple(options.get(role, ())),
        )
        for role in ROLES
        for number in range(1, wanted[role] + 1)
    ]
    return LocalCluster({process.name: process for process in found})


async def prepared(database: EmbeddedDatabase) -> dict[str, str]:
    """Prepare a database for processes; whose user finds it where: `ingress`, ..., `commands`."""
    await prepare_at(SecretStr(database.dsn))
    return {user.removeprefix(PREFIX): database.dsn_as(user) for user in USERS}


@asynccontextmanager
async def running_cluster(cluster: LocalCluster) -> AsyncIterator[LocalCluster]:
    """Start all, and end all afterwards."""
    try:
        await cluster.start()
        yield cluster
    finally:
        await cluster.stop()


def as_environment(kafka: KafkaSettings) -> dict[str, str]:
    """The settings as processes find them."""
    given = kafka.model_dump(exclude_none=True)
    return {f"FAIRLEAD_KAFKA_{name.upper()}": str(value) for name, value in given.items()}
