"""The projector: keeps every projection of every account at the end of its log.

What it is told by wake-ups only makes it faster; where to go on says the position stored with
the rows, and how far the newest version of each account (F45). Nothing is ever skipped: an
event that a projection cannot take stops that projection in that account, and there only.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import asyncpg
import structlog

from contracts.events import Recorded
from services.projector import schema
from services.projector.advance import (
    SWAPPED,
    EventReader,
    ForeignRevision,
    GapInLog,
    advance,
    advance_together,
    is_trouble,
)
from services.projector.rebuild import AlreadyRunning, rebuild
from services.projector.registry import PROJECTIONS, WORK_LISTS, Projection
from services.shared.ownership import Owns, everything
from services.storage.database import ACQUIRE_TIMEOUT_S, borrow

log = structlog.get_logger(__name__)

Wait = Callable[[float], Awaitable[object]]
OnProgress = Callable[[str], None]

# The events of one message go into one transaction, so that no reader sees half of an answer;
# a single message may bring this many times the batch.
MESSAGE_BATCHES_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The projector's bounds.

    Attributes:
        batch_size_max: Events per transaction.
        connections_max: Transactions at the same time; the pool should have some more.
        poll_s: The longest time between two looks at the heads.
        views_spacing_s: The least time between two passes over what only people look at: in a
            burst, many small transactions become few, and the work lists get their time.
        retry_s_max: The longest pause while the database is away (F37), and before a
            projection that failed is tried again.
    """

    batch_size_max: int = 500
    connections_max: int = 4
    poll_s: float = 1.0
    views_spacing_s: float = 0.25
    retry_s_max: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Halt:
    """A projection stands still in one account until an instant of the loop's clock."""

    failures: int
    until: float


def nobody(_moved: str, /) -> None:
    """Wake nobody."""


class Projector:
    """Follows the event store; `run` for ever, `catch_up` for one pass."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        store: EventReader,
        *,
        wait: Wait,
        on_progress: OnProgress = nobody,
        owns: Owns = everything,
        direct: asyncpg.Pool | None = None,
        projections: Sequence[Projection] = PROJECTIONS,
        options: Options = Options(),
    ) -> None:
        """Nothing is touched until `run` or `catch_up`.

        Args:
            pool: For the projections' transactions.
            store: Where the events are.
            wait: Returns when something was appended, at the latest after so many seconds.
            on_progress: Told the name of a projection whenever it moved.
            owns: Whose events to take; rebuilding is for all accounts, whoever is first.
            direct: As of `rebuild`.
            projections: Which ones to keep.
            options: The bounds.
        """
        self._pool, self._direct, self._store = pool, direct, store
        self._wait, self._on_progress, self._owns = wait, on_progress, owns
        self._projections, self._options = tuple(projections), options
        self._connections = asyncio.Semaphore(options.connections_max)
        # What is remembered of the stored positions saves reading them; the lock of each
        # transaction tells the truth.
        self._positions: dict[str, dict[int, int]] = {p.NAME: {} for p in projections}
        self._unsure = {projection.NAME for projection in projections}
        self._halts: dict[tuple[str, int | None], _Halt] = {}
        self._troubles: list[Exception] = []
        self._in_pass = self._projections
        self._views_at = 0.0
        # Halts are judged by the pass's begin, so that nothing is tried twice in one pass.
        self._pass_began = 0.0

    async def run(self) -> None:
        """Follow the log until cancelled; rebuild what an older revision has left."""
        failures, prepared = 0, False
        async with asyncio.TaskGroup() as rebuilds:
            while True:
                try:
                    if not prepared:
                        for outdated in await schema.prepare(self._pool, self._projections):
                            rebuilds.create_task(self._rebuild(outdated))
                        prepared = True
                    wait_s = await self._follow()
                except Exception as error:
                    if not is_trouble(error):
                        raise
                    failures += 1
                    pause_s = self._pause_s(failures)
                    log.warning("projector_waiting", error=repr(error), retry_s=pause_s)
                    await asyncio.sleep(pause_s)
                    continue
                failures = 0
                await self._wait(wait_s)

    async def _follow(self) -> float:
        """Catch up with the work lists, and with the views if their time has come.

        Returns:
            For how many seconds the next wait may last.
        """
        loop, options = asyncio.get_running_loop(), self._options
        is_time_for_views = loop.time() >= self._views_at
        while await self.catch_up(work_lists_only=not is_time_for_views):
            pass
        if is_time_for_views:
            self._views_at = loop.time() + options.views_spacing_s
            return options.poll_s
        return min(options.poll_s, max(0.0, self._views_at - loop.time()))

    async def catch_up(self, *, work_lists_only: bool = False) -> frozenset[str]:
        """Bring every projection, or only those that others act on, to the heads as they are now.

        Returns:
            The names of the projections that moved; empty when there was nothing to do.

        Raises:
            Exception: The database is away (`is_trouble`); what is stored is whole.
        """
        moved: set[str] = set()
        self._troubles.clear()
        self._in_pass = tuple(
            projection
            for projection in self._projections
            if not work_lists_only or projection.NAME in WORK_LISTS
        )
        self._pass_began = asyncio.get_running_loop().time()
        heads = await self._store.heads()
        await self._load_positions()
        accounts = iter([a for a in sorted(heads) if self._owns(a) and self._behind(a, heads[a])])
        async with asyncio.TaskGroup() as workers:
            for _ in range(self._options.connections_max):
                workers.create_task(self._work(accounts, heads, moved))
        if self._troubles:
            # A commit without an answer may have gone through (F38): read where the rows are.
            self._unsure.update(self._positions)
            raise self._troubles[0]
        return frozenset(moved)

    async def _work(
        self, accounts: Iterator[int], heads: Mapping[int, int], moved: set[str]
    ) -> None:
        for account_id in accounts:
            while not self._troubles and (behind := self._behind(account_id, heads[account_id])):
                await self._step(account_id, behind, moved)

    async def _step(self, account_id: int, behind: Sequence[Projection], moved: set[str]) -> None:
        """One batch of one account, read once for all projections that are behind."""
        after = min(self._position(projection, account_id) for projection in behind)
        try:
            events = await self._read(account_id, after)
        except Exception as error:  # noqa: BLE001 - handled by what it is, below
            for projection in behind:
                self._failed(projection, account_id, error)
            return
        to_move = [p for p in behind if self._position(p, account_id) < events[-1].version]
        # Somebody waits for the work lists; what people look at comes after them.
        for is_work in (True, False):
            group = [each for each in to_move if (each.NAME in WORK_LISTS) == is_work]
            if len(group) > 1 and await self._advanced_together(group, account_id, events, moved):
                continue
            async with asyncio.TaskGroup() as tasks:
                for projection in group:
                    tasks.create_task(self._advance(projection, account_id, events, moved))

    async def _read(self, account_id: int, after: int) -> list[Recorded]:
        """The next events, never ending inside the answer to one message."""
        events: list[Recorded] = []
        for batches in range(1, MESSAGE_BATCHES_MAX + 1):
            limit = self._options.batch_size_max * batches
            events = await self._store.stream(account_id, after=after, limit=limit)
            if not events:
                raise GapInLog(f"account {account_id} has no event after {after}")
            if len(events) < limit:
                break
            cut = len(events) - 1
            while cut and events[cut - 1].cause == events[-1].cause:
                cut -= 1
            if cut:
                return events[:cut]
        return events

    async def _advanced_together(
        self,
        group: Sequence[Projection],
        account_id: int,
        events: Sequence[Recorded],
        moved: set[str],
    ) -> bool:
        """Move a group in one transaction; False if each has to go by itself."""
        try:
            async with (
                self._connections,
                self._pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection,
            ):
                positions = await advance_together(
                    connection, group, account_id=account_id, events=events
                )
        except Exception as error:  # noqa: BLE001 - handled by what it is
            if is_trouble(error):
                self._troubles.append(error)
            # Else one of them is at fault: going by themselves shows which, and the others go on.
            return is_trouble(error)
        if positions is None:
            return False
        for projection in group:
            self._moved_to(projection, account_id, positions[projection.NAME], moved)
        return True

    async def _advance(
        self,
        projection: Projection,
        account_id: int,
        events: Sequence[Recorded],
        moved: set[str],
    ) -> None:
        try:
            position = await self._transaction(projection, account_id, events)
        except Exception as error:  # noqa: BLE001 - handled by what it is, below
            self._failed(projection, account_id, error)
            return
        self._moved_to(projection, account_id, position, moved)

    def _moved_to(
        self, projection: Projection, account_id: int, position: int, moved: set[str]
    ) -> None:
        before = self._position(projection, account_id)
        self._halts.pop((projection.NAME, account_id), None)
        self._halts.pop((projection.NAME, None), None)
        self._positions[projection.NAME][account_id] = position
        if position > before:
            moved.add(projection.NAME)
            # At once, not after the pass: somebody pushes what the first projections list.
            self._on_progress(projection.NAME)

    async def _transaction(
        self, projection: Projection, account_id: int, events: Sequence[Recorded]
    ) -> int:
        async with self._connections, self._pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection:
            for is_last in (False, True):
                try:
                    return await advance(
                        connection,
                        projection,
                        schema=projection.NAME,
                        account_id=account_id,
                        events=events,
                    )
                except SWAPPED:
                    if is_last:
                        raise
                    log.info("projection_swapped", projection=projection.NAME)
        raise AssertionError("the last try returns or raises")

    def _failed(self, projection: Projection, account_id: int, error: Exception) -> None:
        if is_trouble(error):
            self._troubles.append(error)
            return
        is_foreign = isinstance(error, ForeignRevision)
        key = (projection.NAME, None if is_foreign else account_id)
        failures = self._halts[key].failures + 1 if key in self._halts else 1
        pause_s = self._pause_s(failures)
        until = asyncio.get_running_loop().time() + pause_s
        self._halts[key] = _Halt(failures=failures, until=until)
        self._unsure.add(projection.NAME)
        log.log(
            logging.INFO if is_foreign else logging.ERROR,
            "projection_awaits_rebuild" if is_foreign else "projection_stopped",
            projection=projection.NAME,
            account_id=account_id,
            after=self._position(projection, account_id),
            retry_s=pause_s,
            exc_info=None if is_foreign else error,
        )

    def _behind(self, account_id: int, head: int) -> list[Projection]:
        return [
            projection
            for projection in self._in_pass
            if self._position(projection, account_id) < head
            and not self._is_halted((projection.NAME, account_id))
            and not self._is_halted((projection.NAME, None))
        ]

    def _is_halted(self, key: tuple[str, int | None]) -> bool:
        halt = self._halts.get(key)
        return halt is not None and self._pass_began < halt.until

    def _position(self, projection: Projection, account_id: int) -> int:
        return self._positions[projection.NAME].get(account_id, 0)

    async def _load_positions(self) -> None:
        if not self._unsure:
            return
        async with self._pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection:
            for name in sorted(self._unsure):
                self._positions[name] = await schema.positions(connection, name)
        self._unsure.clear()

    def _pause_s(self, failures: int) -> float:
        return float(min(0.1 * 2 ** min(failures, 20), self._options.retry_s_max))

    async def _rebuild(self, projection: Projection) -> None:
        """Rebuild until done, by us or by another process."""
        failures = 0
        while True:
            try:
                async with self._pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection:
                    stored = await schema.stored_revision(connection, projection.NAME)
                if stored >= projection.REVISION:
                    break
                log.info("rebuild_started", projection=projection.NAME, stored_revision=stored)
                await rebuild(self._pool, self._store, projection, direct=self._direct)
                log.info("rebuild_finished", projection=projection.NAME)
            except AlreadyRunning:
                await asyncio.sleep(self._options.retry_s_max)
            except Exception:
                # The other projections go on meanwhile.
                failures += 1
                pause_s = self._pause_s(failures)
                log.exception("rebuild_failed", projection=projection.NAME, retry_s=pause_s)
                await asyncio.sleep(pause_s)
        self._halts.pop((projection.NAME, None), None)
        self._unsure.add(projection.NAME)


async def lag(
    pool: asyncpg.Pool, store: EventReader, projections: Sequence[Projection] = PROJECTIONS
) -> dict[str, int]:
    """Projection to the number of events it has yet to take, all accounts together."""
    heads = await store.heads()
    behind = {}
    async with borrow(pool) as connection:
        for projection in projections:
            done = await schema.positions(connection, projection.NAME)
            behind[projection.NAME] = sum(
                max(0, head - done.get(account_id, 0)) for account_id, head in heads.items()
            )
    return behind
