"""Waking readers up after commits: a hint that saves them waiting, never a promise.

One connection listens and notifies for the process. Whatever is missed (the connection was
away, nobody notified) is found by the readers' own polling.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import asyncpg
import structlog

from services.shared.lasting import lasting
from services.shared.waiting import set_within
from services.storage.database import CONNECT_TIMEOUT_S, TRANSIENT, Connection

log = structlog.get_logger()

INBOUND = "inbound"
ALLOCATIONS = "allocations"
# What the projector has listed for the gateway, and for the clock.
WORK = "work"
TIMERS = "timers"
CHANNELS = (INBOUND, ALLOCATIONS, WORK, TIMERS)

NOTIFY = "SELECT pg_notify($1, '')"
NOTIFY_TIMEOUT_S = 5.0
RECONNECT_DELAYS_S = (0.1, 0.5, 1.0, 2.0, 5.0)


@dataclass(slots=True)
class Bell:
    """Rings once for any number of notifications since the last wait."""

    _event: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    def ring(self) -> None:
        """Let the present or next wait return."""
        self._event.set()

    async def wait(self, timeout_s: float) -> bool:
        """Whether it rang before, or within `timeout_s` seconds. Look for work either way.

        What rings between this wait and the next is kept, so nothing is missed by looking for
        work in between.
        """
        rang = await set_within(self._event, timeout_s)
        self._event.clear()
        return rang


class Wakeup:
    """The process's bells, rung by its own `notify` at once and by other processes' through
    PostgreSQL. An async context manager; reconnects by itself, with growing pauses.
    """  # noqa: D205 - one thought

    def __init__(self, dsn: str, channels: Iterable[str] = CHANNELS) -> None:
        self._dsn = dsn
        self._channels = tuple(channels)
        self._bells: dict[str, list[Bell]] = defaultdict(list)
        self._due: set[str] = set()
        self._work = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.listening = asyncio.Event()

    def bell(self, channel: str) -> Bell:
        """A bell of one's own on the channel; every bell of a channel rings."""
        bell = Bell()
        self._bells[channel].append(bell)
        return bell

    def notify(self, channel: str) -> None:
        """Ring the channel's bells in this process now and in others soon; never blocks.

        Call it after the commit. Many calls before the connection gets to it are one NOTIFY.
        """
        self._ring(channel)
        self._due.add(channel)
        self._work.set()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(lasting("wakeup", self._run), name="wakeup")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        attempt = 0
        while True:
            try:
                connection = await asyncpg.connect(self._dsn, timeout=CONNECT_TIMEOUT_S)
                try:
                    attempt = 0
                    await self._serve(connection)
                finally:
                    self.listening.clear()
                    connection.terminate()
            except TRANSIENT as error:
                log.warning("wakeup_connection_lost", error=type(error).__name__)
            await asyncio.sleep(RECONNECT_DELAYS_S[min(attempt, len(RECONNECT_DELAYS_S) - 1)])
            attempt += 1

    async def _serve(self, connection: Connection) -> None:
        connection.add_termination_listener(self._on_termination)
        for channel in self._channels:
            await connection.add_listener(channel, self._on_notification)
        self.listening.set()
        for channel in self._channels:
            self._ring(channel)  # something may have happened while nobody listened
        while not connection.is_closed():
            await self._work.wait()
            self._work.clear()
            due, self._due = self._due, set()
            for channel in sorted(due):
                await connection.execute(NOTIFY, channel, timeout=NOTIFY_TIMEOUT_S)

    def _on_notification(
        self, connection: Connection, pid: int, channel: str, payload: object
    ) -> None:
        del payload
        if pid != connection.get_server_pid():  # our own rang the bells already
            self._ring(channel)

    def _on_termination(self, connection: object) -> None:
        del connection
        self._work.set()

    def _ring(self, channel: str) -> None:
        for bell in self._bells[channel]:
            bell.ring()
