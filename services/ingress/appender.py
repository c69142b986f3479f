"""Group commit: many webhooks share one durable write, and none waits for a timer.

While one write is under way, arrivals collect; the next write takes a turn of each account. Under
light load a body is written at once and alone, under heavy load the cost of a commit is shared. A
large body is cut into pieces, so that nobody waits for the whole of it (F70).
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from services.ingress.fair_queue import FairQueue
from services.log.port import Entry, LogWriter
from services.shared.errors import Unavailable
from services.storage.dead_letters import DeadLetter

log = structlog.get_logger()

RETRY_PAUSES_S = (0.05, 0.1, 0.2, 0.4, 0.8)  # by failures in a row
FAILURE_COUNTS_S = 30.0
TOO_LATE = "the log did not answer in time"
# What a message or a letter costs the log besides its bytes; a message itself has some 400.
ENTRY_OVERHEAD_BYTES = 400


class SealedLetterBox(Protocol):
    """Where what cannot be understood is kept."""

    def sealed(self, letter: DeadLetter) -> DeadLetter:
        """The letter as it may lie on a disk."""
        ...

    async def keep(self, letters: Sequence[DeadLetter]) -> None:
        """Make all letters durable; the same letter may come again.

        Raises:
            services.shared.errors.Unavailable: The outcome is unknown; keeping again is safe.
        """
        ...


@dataclass(slots=True, eq=False)
class Submission:
    """What one body came to: answered 200 when all of its pieces are durable (F32)."""

    account_id: int
    deadline: float
    done: asyncio.Future[None]
    pieces: int = 0

    async def durable(self) -> None:
        """Return once all of it is durable.

        Raises:
            services.shared.errors.Unavailable: Not durable in time. Some of it may be, or become
                so; sending it again is safe.
        """
        if self.done.done():
            return self.done.result()
        # Cheaper than a time-out around it, which every webhook would pay for.
        giving_up = self.done.get_loop().call_at(self.deadline, self.end, TOO_LATE)
        try:
            return await self.done
        finally:
            giving_up.cancel()

    def end(self, reason: str | None = None) -> None:
        """Tell whoever waits; with a reason, that it is not durable."""
        if self.done.done():
            return
        if reason is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(Unavailable(reason))


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """A part of a body that is durable together, or not at all."""

    submission: Submission
    entries: tuple[Entry, ...]
    letters: tuple[DeadLetter, ...]
    size: int


class Appender:
    """The only writer of ingress: one batch at a time, accounts in turn."""

    def __init__(
        self,
        log_writer: LogWriter,
        dead_letters: SealedLetterBox,
        *,
        queue_bodies_max: int,
        queue_bytes_max: int,
        batch_bytes_max: int,
        turn_bytes_max: int,
    ) -> None:
        self._log = log_writer
        self._dead_letters = dead_letters
        self._queue_bodies_max = queue_bodies_max
        self._queue_bytes_max = queue_bytes_max
        self._batch_bytes_max = batch_bytes_max
        self._turn_bytes_max = turn_bytes_max
        self._queue: FairQueue[_Piece] = FairQueue(turn_bytes_max)
        self._bodies: set[Submission] = set()
        self._arrived = asyncio.Event()
        self._closed = False
        self._failures = 0
        self._failed_at = 0.0

    @property
    def is_failing(self) -> bool:
        """Whether the last write failed, and not long ago: by then it may be another story."""
        since = asyncio.get_running_loop().time() - self._failed_at
        return self._failures > 0 and since < FAILURE_COUNTS_S

    @property
    def is_closed(self) -> bool:
        """Whether nothing is taken any more."""
        return self._closed

    def submit(
        self,
        account_id: int,
        entries: Sequence[Entry],
        letters: Sequence[DeadLetter],
        *,
        deadline: float,
    ) -> Submission:
        """Take it in, in order; then wait until it is `durable`.

        Args:
            account_id: Whose it is.
            entries: The messages of one body, in its order.
            letters: What of it could not be used.
            deadline: In the loop's time.

        Raises:
            services.shared.errors.Unavailable: Too much is waiting already.
        """
        done = asyncio.get_running_loop().create_future()
        submission = Submission(account_id, deadline, done)
        if not entries and not letters:
            done.set_result(None)
            return submission
        if self._closed:
            raise Unavailable("ingress is stopping")
        pieces = list(self._pieces(submission, entries, letters))
        self._make_room(account_id, sum(piece.size for piece in pieces))
        submission.pieces = len(pieces)
        for piece in pieces:
            self._queue.append(account_id, piece, piece.size)
        self._bodies.add(submission)
        done.add_done_callback(lambda _: self._bodies.discard(submission))
        self._arrived.set()
        return submission

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
            for piece in self._queue:
                piece.submission.end("ingress is stopping")

    def _pieces(
        self, submission: Submission, entries: Sequence[Entry], letters: Sequence[DeadLetter]
    ) -> Iterator[_Piece]:
        """Pieces of a turn each, in order; a letter is never cut."""
        part: list[Entry] = []
        size = sum(len(letter.body) + ENTRY_OVERHEAD_BYTES for letter in letters)
        for entry in entries:
            entry_size = len(entry.value) + ENTRY_OVERHEAD_BYTES
            if size + entry_size > self._turn_bytes_max and size:
                yield _Piece(submission, tuple(part), tuple(letters), size)
                part, letters, size = [], (), 0
            part.append(entry)
            size += entry_size
        yield _Piece(submission, tuple(part), tuple(letters), size)

    def _make_room(self, account_id: int, size: int) -> None:
        """The account with most waiting gives up its newest, or is refused itself.

        Raises:
            services.shared.errors.Unavailable: It is the one that asks.
        """
        while (
            len(self._bodies) >= self._queue_bodies_max
            or self._queue.cost + size > self._queue_bytes_max
        ):
            costliest = self._queue.costliest if self._queue else account_id
            if self._queue.cost_of(costliest) <= self._queue.cost_of(account_id) + size:
                raise Unavailable("too many webhooks are waiting for the log")
            given_up = self._queue.pop_last(costliest).submission
            given_up.end("too many webhooks of the account are waiting for the log")
            self._bodies.discard(given_up)

    def _take(self) -> list[_Piece]:
        """The next batch; who gave up waiting is left out."""
        batch: list[_Piece] = []
        while self._queue and not batch:
            turns = self._queue.take_round(self._batch_bytes_max)
            batch = [piece for piece in turns if not piece.submission.done.done()]
        return batch

    async def _write(self, batch: list[_Piece]) -> None:
        started = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout_at(max(piece.submission.deadline for piece in batch)):
                messages, letters = await self._make_durable(batch)
        except (Unavailable, TimeoutError) as error:
            self._failures += 1
            self._failed_at = asyncio.get_running_loop().time()
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
            self._failed_at = asyncio.get_running_loop().time()
            log.exception("webhooks_append_failed", bodies=len(batch))
            for piece in batch:
                piece.submission.end("the log refused the batch")
        else:
            self._failures = 0
            for piece in batch:
                piece.submission.pieces -= 1
                if not piece.submission.pieces:
                    piece.submission.end()
            log.info(
                "webhooks_appended",
                bodies=len(batch),
                messages=messages,
                dead_letters=letters,
                waiting=len(self._bodies),
                took_ms=round((asyncio.get_running_loop().time() - started) * 1_000),
            )

    async def _make_durable(self, batch: list[_Piece]) -> tuple[int, int]:
        entries = [entry for piece in batch for entry in piece.entries]
        letters = [letter for piece in batch for letter in piece.letters]
        # Letters first: should the log then fail, the body comes again and so does its letter.
        # The other way round, a message could be durable without its letter.
        if letters:
            await self._dead_letters.keep(letters)
        if entries:
            await self._log.publish(entries)
        return len(entries), len(letters)

    def _put_back(self, batch: list[_Piece]) -> None:
        for piece in reversed(batch):
            self._queue.put_back(piece.submission.account_id, piece, piece.size)


@dataclass(frozen=True, slots=True)
class Appenders:
    """One for messages, one for bodies of which nothing was understood.

    A letter is as large as a body: no message has to wait for one that has no part in its order.
    """

    messages: Appender
    letters: Appender

    @property
    def is_failing(self) -> bool:
        """Whether the last write of messages failed a moment ago."""
        return self.messages.is_failing

    @property
    def is_closed(self) -> bool:
        """Whether nothing is taken any more."""
        return self.messages.is_closed

    def submit(
        self,
        account_id: int,
        entries: Sequence[Entry],
        letters: Sequence[DeadLetter],
        *,
        deadline: float,
    ) -> Submission:
        """As `Appender.submit`."""
        appender = self.messages if entries else self.letters
        return appender.submit(account_id, entries, letters, deadline=deadline)

    def close(self) -> None:
        """Take no more; `run` returns when what was taken is written or given up."""
        self.messages.close()
        self.letters.close()

    async def run(self) -> None:
        """Write until closed."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.messages.run())
            tasks.create_task(self.letters.run())
