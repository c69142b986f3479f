r"""The way round a peer that is away: into the spool, and out of it in order when it is back.

    put --> peer answers in time -------------------------> done
        \-> it does not, or was away, or the account --> spool --> drain --> peer --> removed
            has something in the spool already

After a failure requests do not try the peer again; the drain does, with growing pauses, and when
one of its calls is answered quickly, they do. So a peer that is away costs one request its
patience, and not each (F18).
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Generic, TypeVar

import orjson
import structlog

from services.ingress.appender import SealedLetterBox
from services.ingress.patience import Patience
from services.ingress.settings import IngressSettings
from services.ingress.spool import Spool, SpoolQueue
from services.ingress.spool_file import Item, SpooledItem
from services.log.port import Entry, LogWriter
from services.shared.errors import Unavailable
from services.shared.failpoints import failpoint
from services.storage.dead_letters import DeadLetter

log = structlog.get_logger()

INBOUND = "inbound"
LETTERS = "letters"
# A letter of nobody's account.
NOBODY = 0

T = TypeVar("T")


@dataclass(slots=True)
class Detour(Generic[T]):
    """One peer, and the queue of the spool that stands in for it.

    Keeps the order of an account as long as `put` is called by one task, as the appender does.

    Attributes:
        send: Makes things durable at the peer; repeating it is safe.
        pack: How one lies in the spool.
        unpack: The reverse.
    """

    send: Callable[[Sequence[T]], Coroutine[Any, Any, None]]
    queue: SpoolQueue
    pack: Callable[[T], Item]
    unpack: Callable[[Item], T]
    settings: IngressSettings
    _patience: Patience = field(default_factory=Patience)
    _is_away: bool = False
    _failures: int = 0
    _drained: int = 0

    async def put(self, things: Sequence[T]) -> None:
        """Make all durable, at the peer or in the spool.

        Raises:
            services.shared.errors.Unavailable: Neither takes them; some may be durable all the
            same.
        """
        packed = [(thing, self.pack(thing)) for thing in things]
        if self._is_away:
            await self._keep_or_send(packed)
            return
        behind = [item for _, item in packed if self.queue.holds(item.account_id)]
        ahead = [thing for thing, item in packed if not self.queue.holds(item.account_id)]
        if ahead:
            try:
                await self._try(ahead)
            except Exception as error:  # noqa: BLE001  # even a bug of the peer's costs no webhook
                self._open(error)
                behind = [item for _, item in packed]
        if behind:
            await self.queue.append(behind)
            failpoint("spool.after_append")

    async def drain(self) -> None:
        """Send what is in the queue, in order, for ever."""
        try:
            await self._drain()
        finally:
            self._patience.close()

    async def _drain(self) -> None:
        while True:
            await self.queue.filled()
            if self._is_away or self._failures:
                await asyncio.sleep(self._pause_s())
            try:
                await self._drain_batch()
            except Exception as error:  # noqa: BLE001  # what is in the spool is never given up
                self._failures += 1
                self._report("spool_not_drained", error)
            else:
                self._failures = 0

    async def _keep_or_send(self, packed: Sequence[tuple[T, Item]]) -> None:
        """Into the spool; if that is impossible, the peer is tried all the same (F75)."""
        try:
            await self.queue.append([item for _, item in packed])
            failpoint("spool.after_append")
        except Unavailable:
            if any(self.queue.holds(item.account_id) for _, item in packed):
                raise  # they would overtake
            await self._try([thing for thing, _ in packed])
            self._is_away = False

    async def _try(self, things: Sequence[T]) -> None:
        await self._patience.call(self.send(things), within_s=self.settings.log_within_ms / 1_000)

    async def _drain_batch(self) -> None:
        head = await self.queue.head(
            rows_max=self.settings.drain_rows_max, bytes_max=self.settings.drain_bytes_max
        )
        if not head:
            return
        await self._deliver(head)
        failpoint("spool.after_send")
        # From here to the removal a death costs a second copy, never a loss (F3).
        self._drained += len(head)
        await self.queue.remove(head)
        log.info("spool_batch_sent", queue=self.queue.name, rows=len(head), left=self.queue.rows)
        if not self.queue.rows:
            log.info("spool_drained", queue=self.queue.name, rows=self._drained)
            self._drained = 0

    async def _deliver(self, head: Sequence[SpooledItem]) -> None:
        """Send with much patience; a slow peer is still one that takes things."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        things = [self.unpack(kept.item) for kept in head]
        await self._patience.call(self.send(things), within_s=self.settings.drain_within_s)
        if (loop.time() - started) * 1_000 < self.settings.log_within_ms:
            self._is_away = False

    def _open(self, error: Exception) -> None:
        self._is_away = True
        self._report("spool_opened", error)

    def _report(self, event: str, error: Exception) -> None:
        reason = str(error) if isinstance(error, Unavailable) else type(error).__name__
        is_bug = not isinstance(error, Unavailable | TimeoutError)
        log.error(
            event,
            queue=self.queue.name,
            reason=reason,
            rows=self.queue.rows,
            failures=self._failures,
            exc_info=error if is_bug and self._failures <= 1 else None,
        )

    def _pause_s(self) -> float:
        least, most = self.settings.drain_pause_min_ms, self.settings.drain_pause_max_ms
        return min(least << min(self._failures, 16), most) / 1_000


@dataclass(frozen=True, slots=True)
class SpooledLog:
    """A log that takes messages also while it is away."""

    detour: Detour[Entry]

    async def publish(self, entries: Sequence[Entry]) -> None:
        """Make all entries durable, in this order per account; for one task (see `Detour`).

        Raises:
            services.shared.errors.Unavailable: Neither the log nor the spool takes them.
        """
        await self.detour.put(entries)


@dataclass(frozen=True, slots=True)
class SpooledLetters:
    """Dead letters are kept also while their table is away."""

    detour: Detour[DeadLetter]
    seal: Callable[[DeadLetter], DeadLetter]

    def sealed(self, letter: DeadLetter) -> DeadLetter:
        """The letter as it may lie on a disk."""
        return self.seal(letter)

    async def keep(self, letters: Sequence[DeadLetter]) -> None:
        """Make all letters durable.

        Raises:
            services.shared.errors.Unavailable: Neither the table nor the spool takes them.
        """
        # Before the spool, which lies on a disk as well.
        await self.detour.put([self.seal(letter) for letter in letters])


def spooled_log(writer: LogWriter, spool: Spool, settings: IngressSettings) -> SpooledLog:
    """The log with its way round; the detour's `drain` must be running."""
    return SpooledLog(
        Detour(
            send=writer.publish,
            queue=spool.queue(INBOUND),
            pack=lambda entry: Item(entry.account_id, entry.value),
            unpack=lambda item: Entry(item.account_id, item.value),
            settings=settings,
        )
    )


def spooled_letters(
    letters: SealedLetterBox, spool: Spool, settings: IngressSettings
) -> SpooledLetters:
    """The dead letters with their way round; the detour's `drain` must be running."""
    return SpooledLetters(
        Detour(
            send=letters.keep,
            queue=spool.queue(LETTERS),
            pack=_pack,
            unpack=_unpack,
            settings=settings,
        ),
        letters.sealed,
    )


def _pack(letter: DeadLetter) -> Item:
    """A line of JSON and the body as it is."""
    head = asdict(letter)
    body: bytes = head.pop("body")
    return Item(letter.account_id or NOBODY, orjson.dumps(head) + b"\n" + body)


def _unpack(item: Item) -> DeadLetter:
    head, _, body = item.value.partition(b"\n")
    return DeadLetter(**orjson.loads(head), body=body)
