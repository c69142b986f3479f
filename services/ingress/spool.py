"""The local spool: where ingress keeps what the log does not take, until it does (I1, F15).

One file, one thread of its own, so that no sync of the disk holds up the loop. It holds queues,
each in order of arrival; each queue knows in memory of which accounts it has something.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

import structlog

from services.ingress.spool_file import Item, SpooledItem, SpoolFile
from services.shared.errors import Unavailable
from services.shared.wall_clock import utc_now

log = structlog.get_logger()

# Of its bounds; a person is told at each (F75).
FILLING_PERCENT = (50, 90, 95)
FAILURE_COUNTS_S = 5.0
TOOK_COUNTS_S = 1.0

T = TypeVar("T")


class Spool:
    """The open file and its bounds, which all queues share."""

    def __init__(
        self, file: SpoolFile, thread: ThreadPoolExecutor, *, rows_max: int, bytes_max: int
    ) -> None:
        self._file = file
        self._thread = thread
        self._rows_max = rows_max
        self._bytes_max = bytes_max
        self._rows = 0
        self._size = 0
        self._told = 0
        self._failed_at: float | None = None
        self._took_at = float("-inf")
        self._queues: dict[str, SpoolQueue] = {}

    @property
    def can_take(self) -> bool:
        """Whether the next item is likely to be kept."""
        if self._failed_at is not None:
            since = asyncio.get_running_loop().time() - self._failed_at
            if since < FAILURE_COUNTS_S:
                return False
        return self._rows < self._rows_max and self._size < self._bytes_max

    async def takes(self) -> bool:
        """Whether it takes something now; tried out unless it just did (F75)."""
        if not self.can_take:
            return False
        loop = asyncio.get_running_loop()
        if loop.time() - self._took_at >= TOOK_COUNTS_S:
            try:
                await self.run(self._file.try_out)
            except Unavailable:
                self._failed_at = loop.time()
                return False
            self._took_at = loop.time()
        return True

    @property
    def rows(self) -> int:
        """How many items wait in all queues, those being written included."""
        return self._rows

    @property
    def size(self) -> int:
        """Their bytes, some overhead for each included."""
        return self._size

    @property
    def percent(self) -> int:
        """How full it is, by the nearer of its bounds."""
        return max(self._rows * 100 // self._rows_max, self._size * 100 // self._bytes_max)

    def queue(self, name: str) -> "SpoolQueue":
        """The queue of a name, always the same one."""
        return self._queues.setdefault(name, SpoolQueue(self, name))

    async def load(self) -> None:
        """Count what is there from before.

        Raises:
            services.shared.errors.Unavailable: The file cannot be read.
        """
        for tally in await self.run(self._file.tallies):
            self._rows += tally.rows
            self._size += tally.size
            self.queue(tally.queue).found(tally.account_id, tally.rows)
        if self._rows:
            log.warning("spool_found", rows=self._rows, bytes=self._size)

    def reserve(self, rows: int, size: int) -> None:
        """Take room.

        Raises:
            services.shared.errors.Unavailable: There is not enough; nothing was taken.
        """
        if self._rows + rows > self._rows_max or self._size + size > self._bytes_max:
            raise Unavailable("the spool is full")
        self._rows += rows
        self._size += size
        self._tell()

    def release(self, rows: int, size: int) -> None:
        """Give room back."""
        self._rows -= rows
        self._size -= size
        assert self._rows >= 0, "no more is given back than was taken"  # noqa: S101  # invariant
        self._tell()

    def store(self, queue: str, items: Sequence[Item]) -> asyncio.Future[None]:
        """Begin to write; goes on to its end whoever stops waiting."""
        loop = asyncio.get_running_loop()
        writing = loop.run_in_executor(self._thread, self._file.append, queue, items)
        writing.add_done_callback(self._written)
        return writing

    async def read(
        self, queue: str, *, after: int, rows_max: int, bytes_max: int
    ) -> list[SpooledItem]:
        """As `SpoolFile.head`."""
        return await self.run(
            partial(self._file.head, queue, after=after, rows_max=rows_max, bytes_max=bytes_max)
        )

    async def forget(self, queue: str, *, up_to: int) -> None:
        """As `SpoolFile.delete`; an empty file gives its room back to the disk."""
        await self.run(partial(self._file.delete, queue, up_to=up_to))
        if not self._rows:
            await self.run(self._file.shrink)

    async def run(self, work: Callable[[], T]) -> T:
        """Do something in the spool's thread, after all that was asked before."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _written(self, writing: asyncio.Future[None]) -> None:
        failed = writing.cancelled() or writing.exception() is not None
        now = asyncio.get_running_loop().time()
        self._failed_at = now if failed else None
        if not failed:
            self._took_at = now

    def _tell(self) -> None:
        level = sum(self.percent >= mark for mark in FILLING_PERCENT)
        if level > self._told:
            log.error("spool_filling", percent=self.percent, rows=self._rows, bytes=self._size)
        self._told = level


class SpoolQueue:
    """Items in order of arrival; removed in that order, after somebody took them."""

    def __init__(self, spool: Spool, name: str) -> None:
        self.name = name
        self._spool = spool
        self._rows_of: Counter[int] = Counter()
        self._taken_to = 0
        self._filled = asyncio.Event()

    @property
    def rows(self) -> int:
        """How many items wait, those being written included."""
        return self._rows_of.total()

    def holds(self, account_id: int) -> bool:
        """Whether something of the account waits: newer things must wait behind it (I10)."""
        return account_id in self._rows_of

    def found(self, account_id: int, rows: int) -> None:
        """Count what lies in the file from before."""
        self._rows_of[account_id] += rows
        self._filled.set()

    async def append(self, items: Sequence[Item]) -> None:
        """Keep all items; they are on the disk when this returns.

        Raises:
            services.shared.errors.Unavailable: The spool is full, or the disk is; none is kept.
        """
        size = sum(item.size for item in items)
        self._spool.reserve(len(items), size)
        # Before the write: what comes meanwhile has to go behind these.
        self._rows_of.update(item.account_id for item in items)

        def written(writing: asyncio.Future[None]) -> None:
            if writing.cancelled() or writing.exception() is not None:
                self._discount(items)
            else:
                self._filled.set()

        writing = self._spool.store(self.name, items)
        writing.add_done_callback(written)
        await asyncio.shield(writing)

    async def filled(self) -> None:
        """Wait until there is something to take."""
        await self._filled.wait()

    async def head(self, *, rows_max: int, bytes_max: int) -> list[SpooledItem]:
        """The oldest that nobody took yet; at least one unless there is none.

        Raises:
            services.shared.errors.Unavailable: The file cannot be read.
        """
        self._filled.clear()
        try:
            found = await self._spool.read(
                self.name, after=self._taken_to, rows_max=rows_max, bytes_max=bytes_max
            )
        except BaseException:
            self._filled.set()
            raise
        if found:
            self._filled.set()
        return found

    async def remove(self, head: Sequence[SpooledItem]) -> None:
        """Forget what `head` returned, now that it is durable elsewhere.

        Raises:
            services.shared.errors.Unavailable: It is in the file still, but not handed out again by
                this process; the next removal deletes it, too.
        """
        self._taken_to = head[-1].place
        self._discount([kept.item for kept in head])
        if not self.rows:
            self._filled.clear()
        await self._spool.forget(self.name, up_to=self._taken_to)

    def _discount(self, items: Sequence[Item]) -> None:
        for item in items:
            self._rows_of[item.account_id] -= 1
            if not self._rows_of[item.account_id]:
                del self._rows_of[item.account_id]
        self._spool.release(len(items), sum(item.size for item in items))


@asynccontextmanager
async def open_spool(
    path: Path, *, rows_max: int, bytes_max: int, now: Callable[[], datetime] = utc_now
) -> AsyncIterator[Spool]:
    """The spool of a file, made if missing; a damaged one is set aside.

    Args:
        path: One process has it at a time.
        rows_max: Items it takes.
        bytes_max: Bytes it takes, some overhead for each item included.
        now: Dates the items, for people.

    Raises:
        services.ingress.spool_file.SpoolRefused: The file cannot be used.
        services.shared.errors.Unavailable: It cannot be read.
    """
    thread = ThreadPoolExecutor(1, thread_name_prefix="spool")
    try:
        file = await asyncio.get_running_loop().run_in_executor(
            thread, partial(SpoolFile, path, now=now)
        )
        spool = Spool(file, thread, rows_max=rows_max, bytes_max=bytes_max)
        try:
            await spool.load()
            yield spool
        finally:
            await asyncio.shield(spool.run(file.close))
    finally:
        thread.shutdown(wait=False)
