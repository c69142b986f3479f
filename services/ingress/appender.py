"""Group commit: many webhooks share one durable write, and none waits for a timer.

While one write is under way, arrivals collect; the next write takes them all. Under light load
a body is written at once and alone, under heavy load the cost of a commit is shared.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from services.errors import Unavailable
from services.log.port import Entry, LogWriter
from services.storage.dead_letters import DeadLetter

log = structlog.get_logger()

RETRY_PAUSES_S = (0.05, 0.1, 0.2, 0.4, 0.8)  # by failures in a row
ENTRY_OVERHEAD_BYTES = 64


class DeadLetters(Protocol):
    """Where what cannot be understood is kept."""

    async def keep(self, letters: Sequence[DeadLetter]) -> None:
        """Make all letters durable; the same letter may come again.

        Raises:
            services.errors.Unavailable: The outcome is unknown; keeping again is safe.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class _Submission:
    """All that one body came to: durable together, or not at all (F32)."""

    entries: tuple[Entry, ...]
    letters: tuple[DeadLetter, ...]
    size: int
    deadline: float
    done: asyncio.Future[None]


class Appender:
    """The only writer of ingress: one batch at a time, in order of arrival."""

    def __init__(
        self,
        log_writer: LogWriter,
        dead_letters: DeadLetters,
        *,
        queue_bodies_max: int,
        queue_bytes_max: int,
        batch_messages_max: int,
        batch_bytes_max: int,
    ) -> None:
        self._log = log_writer
        self._dead_letters = dead_letters
        self._queue_bodies_max = queue_bodies_max
        self._queue_bytes_max = queue_bytes_max
        self._batch_messages_max = batch_messages_max
        self._batch_bytes_max = batch_bytes_max
        self._queue: deque[_Submission] = deque()
        self._queue_bytes = 0
        self._arrived = asyncio.Event()
        self._closed = False
        self._failures = 0

    @property
    def is_failing(self) -> bool:
        """Whether the last write failed."""
        return self._failures > 0

    @property
    def is_closed(self) -> bool:
        """Whether nothing is taken any more."""
        return self._closed

    async def append(
        self, entries: Sequence[Entry], letters: Sequence[DeadLetter], *, deadline: float
    ) -> None:
        """Return once all of it is durable.

        Args:
            entries: The messages of one body, in its order.
            letters: What of it could not be used.
            deadline: In the loop's time.

        Raises:
            services.errors.Unavailable: Not durable in time, or too much is waiting already.
                Some of it may become durable all the same; sending it again is safe.
        """
        if not entries and not letters:
            return
        size = sum(len(entry.value) + ENTRY_OVERHEAD_BYTES for entry in entries)
        size += sum(len(letter.body) + ENTRY_OVERHEAD_BYTES for letter in letters)
        if self._closed:
            raise Unavailable("ingress is stopping")
        if (
            len(self._queue) >= self._queue_bodies_max
            or self._queue_bytes + size > self._queue_bytes_max
        ):
            raise Unavailable("too many webhooks are waiting for the log")
        done = asyncio.get_running_loop().create_future()
        submission = _Submission(tuple(entries), tuple(letters), size, deadline, done)
        self._queue.append(submission)
        self._queue_bytes += size
        self._arrived.set()
        try:
            async with asyncio.timeout_at(deadline):
                await done  # a timeout cancels the future, so the batch leaves it out from then on
        except TimeoutError:
            raise Unavailable("the log did not answer in time") from None

    def close(self) -> None:
        """Take no more; `run` returns when what was taken is written or given up."""
        self._closed = True
        self._arrived.set()

    async def run(self) -> None:
        """Write batch after batch until closed."""
        try:
            while True:
                batch = self._take()
                if batch:
                    await self._write(batch)
                elif self._closed:
                    return
                else:
                    self._arrived.clear()
                    await self._arrived.wait()
        finally:
            self._closed = True
            _fail(self._queue, "ingress is stopping")
            self._queue.clear()

    def _take(self) -> list[_Submission]:
        """The next batch, at least one body however large; who gave up waiting is left out."""
        batch: list[_Submission] = []
        messages, size = 0, 0
        while self._queue:
            head = self._queue[0]
            if not head.done.done():
                messages += len(head.entries)
                size += head.size
                too_much = messages > self._batch_messages_max or size > self._batch_bytes_max
                if batch and too_much:
                    break
                batch.append(head)
            self._queue.popleft()
            self._queue_bytes -= head.size
        return batch

    async def _write(self, batch: list[_Submission]) -> None:
        started = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout_at(max(submission.deadline for submission in batch)):
                messages, letters = await self._make_durable(batch)
        except (Unavailable, TimeoutError) as error:
            self._failures += 1
            if self._failures == 1:
                reason = type(error).__name__
                log.error("log_unavailable", reason=reason, bodies=len(batch))  # noqa: TRY400  # no bug
            self._put_back(batch)
            await asyncio.sleep(RETRY_PAUSES_S[min(self._failures, len(RETRY_PAUSES_S)) - 1])
        except asyncio.CancelledError:
            self._put_back(batch)  # `run` gives it up with the rest
            raise
        except Exception:
            # A bug of the writer. Senders get a 503 and repeat; ingress must go on for the rest.
            self._failures += 1
            log.exception("webhooks_append_failed", bodies=len(batch))
            _fail(batch, "the log refused the batch")
        else:
            self._failures = 0
            _succeed(batch)
            log.info(
                "webhooks_appended",
                bodies=len(batch),
                messages=messages,
                dead_letters=letters,
                waiting=len(self._queue),
                took_ms=round((asyncio.get_running_loop().time() - started) * 1_000),
            )

    async def _make_durable(self, batch: list[_Submission]) -> tuple[int, int]:
        entries = [entry for submission in batch for entry in submission.entries]
        letters = [letter for submission in batch for letter in submission.letters]
        # Letters first: should the log then fail, the body comes again and so does its letter.
        # The other way round, a message could be durable without its letter.
        if letters:
            await self._dead_letters.keep(letters)
        if entries:
            await self._log.publish(entries)
        return len(entries), len(letters)

    def _put_back(self, batch: list[_Submission]) -> None:
        for submission in reversed(batch):
            self._queue.appendleft(submission)
            self._queue_bytes += submission.size


def _fail(submissions: Iterable[_Submission], reason: str) -> None:
    for submission in submissions:
        if not submission.done.done():
            submission.done.set_exception(Unavailable(reason))


def _succeed(submissions: Iterable[_Submission]) -> None:
    for submission in submissions:
        if not submission.done.done():
            submission.done.set_result(None)
