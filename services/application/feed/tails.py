"""The newest events of the accounts that somebody follows, read once for all who do.

The bell says that something was stored somewhere; which accounts moved is one question, asked at
least every half a second, as another machine rings no bell of ours. What a follower has not taken
when it leaves the memory is still in the store.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import Context

import structlog

from services.application.installation import Installation
from services.shared.errors import Unavailable
from services.shared.thin import ThinEvent, thin
from services.storage.database import borrow, mapping
from services.storage.tenancy import Reach, bounded, confine
from services.storage.wakeup import ALLOCATIONS, Bell

log = structlog.get_logger(__name__)

KEPT_MAX = 1_000
PAGE = 500
POLL_S = 0.5
SELECT_HEADS = "SELECT account_id, version FROM account_heads WHERE account_id = ANY($1::bigint[])"


class Tail:
    """The end of an account's log.

    Attributes:
        head: The last version that is known here.
        kept: The last events up to there, without gap.
        trouble: Why nobody can follow any more.
        watchers: Told of every move, at once.
    """

    def __init__(self, account_id: int, head: int) -> None:
        self.account_id = account_id
        self.head = head
        self.kept: deque[ThinEvent] = deque(maxlen=KEPT_MAX)
        self.trouble: Exception | None = None
        self.followers = 0
        self.watchers: set[Callable[[], None]] = set()
        self._moved = asyncio.Event()

    def after(self, version: int) -> list[ThinEvent] | None:
        """What is kept behind a version; None if the first of it is not any more."""
        missing = self.head - version
        if missing > len(self.kept):
            return None
        return [self.kept[place] for place in range(len(self.kept) - missing, len(self.kept))]

    def add(self, events: list[ThinEvent]) -> None:
        """Events that follow the last one."""
        self.kept.extend(events)
        self.head = events[-1].version
        self._tell()

    def fail(self, trouble: Exception) -> None:
        """Let everybody know that it goes on no more."""
        self.trouble = trouble
        self._tell()

    async def moves(self) -> None:
        """Return when something was added, or nothing ever will be."""
        await self._moved.wait()

    def _tell(self) -> None:
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()
        for watch in self.watchers:
            watch()


class Tails:
    """Of all accounts that are followed; looks for events only while somebody does."""

    def __init__(self, installation: Installation, *, poll_s: float = POLL_S) -> None:
        self._installation = installation
        self._poll_s = poll_s
        self._tails: dict[int, Tail] = {}
        self._looking: asyncio.Task[None] | None = None
        self._bell: Bell | None = None

    @asynccontextmanager
    async def follow(self, account_id: int) -> AsyncIterator[Tail]:
        """The end of an account's log, for as long as the context lasts.

        Raises:
            services.shared.errors.Unavailable: The database does not answer.
        """
        head = await self._installation.events.head(account_id)
        tail = self._tails.setdefault(account_id, Tail(account_id, head))
        tail.followers += 1
        try:
            self._look()
            yield tail
        finally:
            tail.followers -= 1
            await self._forget(tail)

    def _look(self) -> None:
        if self._looking is None:
            # In a context of its own: it works for all accounts, whoever came first.
            self._looking = asyncio.create_task(self._run(), name="tails", context=Context())

    async def _forget(self, tail: Tail) -> None:
        if tail.followers == 0 and self._tails.get(tail.account_id) is tail:
            del self._tails[tail.account_id]
        if not self._tails and self._looking is not None:
            looking, self._looking = self._looking, None
            looking.cancel()
            await asyncio.wait({looking})

    async def _run(self) -> None:
        confine(Reach(account_id=None))
        if self._bell is None:
            self._bell = self._installation.wakeup.bell(ALLOCATIONS)
        try:
            while True:
                try:
                    while await self._step():
                        pass
                except Unavailable as error:
                    log.warning("tails_wait", reason=str(error))
                    await asyncio.sleep(self._poll_s)
                await self._bell.wait(self._poll_s)
        except Exception as error:
            log.error("tails_failed", error=type(error).__name__, exc_info=error)  # noqa: TRY400
            failed, self._tails, self._looking = self._tails, {}, None
            for tail in failed.values():
                tail.fail(error)

    async def _step(self) -> bool:
        """Read on in every account that moved; whether there may be more."""
        pool = self._installation.pool
        async with borrow(pool) as connection:
            heads = mapping(await connection.fetch(SELECT_HEADS, list(self._tails)))
        moved = [tail for tail in self._tails.values() if heads.get(tail.account_id, 0) > tail.head]
        for tail in moved:
            with bounded(Reach(account_id=tail.account_id)):
                found = await self._installation.events.stream(tail.account_id, tail.head, PAGE)
            if found:
                tail.add([thin(recorded) for recorded in found])
        return bool(moved)
