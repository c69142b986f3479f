"""The ports of the roles, in memory: the durable state behind a network that has bad days."""

import asyncio
import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

from eventsourcing.persistence import StoredEvent

from contracts.events import Recorded
from projections.assignments import Assignment
from projections.timers import Timer
from services.gateway.ports import ConnectedAccount
from services.gateway.rounds import Pending
from services.gateway.starts import LOST
from services.gateway.stops import Stops
from services.gateway.sweep import Progress
from services.gateway.work_lists import WorkLists
from services.kommo.starts import ASKS_S, WINDOW_S, YIELDS_S, Asker, Lease, LeaseLost
from services.log.port import Batch, Entry
from services.storage.accounts import WebhookOwner
from services.storage.dead_letters import DeadLetter
from services.storage.events import Moved
from services.storage.snapshots import Snapshot
from services.storage.wakeup import Bell
from tests.simulation.durable import DurableLog, DurableStore
from tests.simulation.faults import Faults
from tests.simulation.group import LeaseRows
from tests.simulation.peers import Peer
from tests.simulation.views import AllViews


@dataclass
class SlowBell:
    """A bell for those who would look more often than a long history can afford."""

    bell: Bell
    poll_s: float

    async def wait(self, timeout_s: float) -> bool:
        """Whether it rang; waits longer than asked if nobody rings."""
        return await self.bell.wait(max(timeout_s, self.poll_s))


class Bells:
    """Wake-ups of one installation: hints, some of which get lost."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._bells: dict[str, list[Bell]] = defaultdict(list)
        self.lost = 0.0

    def bell(self, channel: str) -> Bell:
        """A bell of one's own; every bell of a channel rings."""
        bell = Bell()
        self._bells[channel].append(bell)
        return bell

    def notify(self, channel: str) -> None:
        """Ring the channel's bells, unless that gets lost."""
        if not self.lost or self._random.random() >= self.lost:
            for bell in self._bells[channel]:
                bell.ring()


@dataclass
class LogWriterTwin:
    """`services.log.port.LogWriter`."""

    peer: Peer
    log: DurableLog
    bells: Bells

    async def publish(self, entries: Sequence[Entry]) -> None:
        if entries:
            await self.peer.call(lambda: self.log.publish(entries))
            self.bells.notify(self.log.name)


@dataclass
class LogReaderTwin:
    """`services.log.port.LogReader`: positions come from the store, as in production."""

    peer: Peer
    log: DurableLog
    database: Peer
    store: DurableStore
    consumer: str
    bell: Bell
    poll_s: float
    random: Random
    faults: Faults
    repeats: Any  # a callable: how likely it is now that records come again
    _handed_out: dict[str, int] = field(default_factory=dict)

    async def read(self, *, limit: int, wait_s: float) -> list[Batch]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + max(wait_s, self.poll_s)
        if self._handed_out and self.random.random() < self.repeats():
            self._handed_out.clear()  # as after a rebalance
        while True:
            await self._look_up()
            batches = await self.peer.call(lambda: self._next(limit))
            for batch in batches:
                self._handed_out[batch.source] = batch.position
            left_s = deadline - loop.time()
            if batches or left_s <= 0:
                return batches
            await self.bell.wait(min(left_s, self.poll_s))

    def rewind(self, source: str) -> None:
        self._handed_out.pop(source, None)
        self.bell.ring()

    async def _look_up(self) -> None:
        unknown = [source for source in self.log.sources if source not in self._handed_out]
        if not unknown:
            return
        found = await self.database.call(
            lambda: {s: self.store.consumed.get((self.consumer, s), 0) for s in unknown}
        )
        for source, position in found.items():
            if position and self.random.random() < self.repeats():
                self.faults.note("log.repeats")
                position -= 1 + int(min(position, 5) * self.random.random())  # noqa: PLW2901
            self._handed_out.setdefault(source, max(0, position))

    def _next(self, limit: int) -> list[Batch]:
        batches = []
        for source, position in self._handed_out.items():
            records = self.log.after(source, position, limit)
            if records:
                batches.append(Batch(source, records))
        return batches


@dataclass
class EventStoreTwin:
    """`services.storage.events.EventStore`."""

    peer: Peer
    store: DurableStore
    on_append: Any = None

    async def append(
        self,
        events: Sequence[Recorded],
        *,
        consumer: str,
        source: str,
        position: int,
        dead: Sequence[DeadLetter] = (),
    ) -> None:
        def act() -> None:
            self.store.append(
                events, consumer=consumer, source=source, position=position, dead=dead
            )
            if self.on_append is not None:
                self.on_append(events)

        await self.peer.call(act)

    async def stream(self, account_id: int, after: int = 0, limit: int = 1_000) -> list[Recorded]:
        found: list[Recorded] = await self.peer.call(
            lambda: self.store.stream(account_id, after, limit)
        )
        return found

    async def head(self, account_id: int) -> int:
        head: int = await self.peer.call(lambda: self.store.head(account_id))
        return head

    async def reached(self, account_id: int, consumer: str, source: str) -> tuple[int, int]:
        def act() -> tuple[int, int]:
            return self.store.head(account_id), self.store.consumed.get((consumer, source), 0)

        both: tuple[int, int] = await self.peer.call(act)
        return both

    async def heads(self) -> dict[int, int]:
        heads: dict[int, int] = await self.peer.call(self.store.heads)
        return heads

    async def moved(self, consumer: str, limit: int = 100, *, after: int = 0) -> list[Moved]:
        found: list[Moved] = await self.peer.call(lambda: self.store.moved(consumer, limit, after))
        return found

    async def stored(self, after: Mapping[int, int], *, limit: int) -> list[StoredEvent]:
        found: list[StoredEvent] = await self.peer.call(lambda: self.store.stored(after, limit))
        return found

    async def advance(self, consumer: str, positions: Mapping[int, int]) -> None:
        await self.peer.call(lambda: self.store.advance(consumer, positions))

    async def position(self, consumer: str, source: str) -> int | None:
        position: int | None = await self.peer.call(
            lambda: self.store.consumed.get((consumer, source))
        )
        return position

    async def positions(self, consumer: str, sources: Sequence[str]) -> dict[str, int]:
        def act() -> dict[str, int]:
            held = self.store.consumed
            return {s: held[consumer, s] for s in sources if (consumer, s) in held}

        found: dict[str, int] = await self.peer.call(act)
        return found


@dataclass
class SnapshotStoreTwin:
    """`services.storage.snapshots.SnapshotStore`."""

    peer: Peer
    store: DurableStore

    async def save(self, snapshot: Snapshot) -> None:
        await self.peer.call(lambda: self.store.save(snapshot))

    async def newest(
        self, account_id: int, revisions: Sequence[int], *, at_most_version: int | None = None
    ) -> Snapshot | None:
        found: Snapshot | None = await self.peer.call(
            lambda: self.store.newest(account_id, revisions, at_most_version)
        )
        return found

    async def prune(self, account_id: int, *, keep: int = 3, every: int = 10_000) -> None:
        await self.peer.call(lambda: self.store.prune(account_id, keep, every))


@dataclass
class DeadLettersTwin:
    """`services.ingress.appender.DeadLetters`."""

    peer: Peer
    store: DurableStore

    def sealed(self, letter: DeadLetter) -> DeadLetter:
        return letter

    async def keep(self, letters: Sequence[DeadLetter]) -> None:
        await self.peer.call(lambda: self.store.keep(letters))


@dataclass
class WorkListTwin:
    """`services.gateway.ports.WorkList`."""

    peer: Peer
    views: AllViews

    async def heads(self) -> Mapping[int, int]:
        found: dict[int, int] = await self.peer.call(self.views.heads)
        return found

    async def pending(self, account_id: int, *, limit: int, after: int) -> Sequence[Assignment]:
        found: list[Assignment] = await self.peer.call(
            lambda: self.views.of(account_id).pending(limit, after)
        )
        return found

    async def of_leads(self, account_id: int, lead_ids: Sequence[int]) -> Sequence[Assignment]:
        found: list[Assignment] = await self.peer.call(
            lambda: self.views.of_leads(account_id, lead_ids)
        )
        return found


def lists_twin(peer: Peer, views: AllViews) -> WorkLists:
    """Everything the gateway has to read and write besides responsible users."""

    def asked(find: Callable[[int, Any, Sequence[int]], Sequence[Any]]) -> Pending[Any]:
        async def pending(limit: int, after: Any, but_for: Sequence[int]) -> Sequence[Any]:
            found: Sequence[Any] = await peer.call(lambda: find(limit, after, but_for))
            return found

        return pending

    async def rules_of(account_id: int) -> tuple[int, dict[str, Any]] | None:
        rules: tuple[int, dict[str, Any]] | None = await peer.call(
            lambda: views.of(account_id).rules
        )
        return rules

    async def nobody(account_id: int) -> Mapping[str, Any]:
        del account_id
        return {}

    return WorkLists(
        lookups=asked(views.asked),
        unknown=asked(views.unknown),
        readings=asked(views.to_read),
        rules_of=rules_of,
        questions=asked(views.questions),
        searches=asked(views.to_find),
        transfers=asked(views.to_set),
        notices=asked(views.to_write),
        names_of=nobody,
        rule_names_of=nobody,
    )


@dataclass
class TimersTwin:
    """`services.clock.clock.Timers`."""

    peer: Peer
    views: AllViews

    async def due(self, now: datetime, *, limit: int) -> Sequence[Timer]:
        def act() -> list[Timer]:
            return [timer for timer in self.views.unsent() if timer.due_at <= now][:limit]

        found: list[Timer] = await self.peer.call(act)
        return found

    async def next_due_at(self) -> datetime | None:
        def act() -> datetime | None:
            return next((timer.due_at for timer in self.views.unsent()), None)

        found: datetime | None = await self.peer.call(act)
        return found

    async def mark_emitted(self, sent: Sequence[Timer]) -> None:
        def act() -> None:
            for timer in sent:
                self.views.of(timer.account_id).mark_emitted(timer)

        await self.peer.call(act)


@dataclass
class SweepsTwin:
    """`services.gateway.sweep.SweepStore`."""

    peer: Peer
    progress: dict[int, Progress] = field(default_factory=dict)
    baseline_at: dict[int, float] = field(default_factory=dict)

    async def load(self, account_id: int) -> Progress:
        found: Progress = await self.peer.call(
            lambda: self.progress.get(account_id, Progress(account_id=account_id))
        )
        return found

    async def save(self, progress: Progress) -> None:
        def act() -> None:
            self.progress[progress.account_id] = progress
            if progress.watermark is not None:
                now = asyncio.get_running_loop().time()
                self.baseline_at.setdefault(progress.account_id, now)

        await self.peer.call(act)


@dataclass
class AskedSweepsTwin:
    """`services.gateway.sweep.Asked`."""

    peer: Peer
    asked: dict[int, datetime] = field(default_factory=dict)

    async def open(self) -> Mapping[int, datetime]:
        found: dict[int, datetime] = await self.peer.call(lambda: dict(self.asked))
        return found

    async def settle(self, account_id: int, asked_at: datetime) -> None:
        def act() -> None:
            if self.asked.get(account_id) == asked_at:
                del self.asked[account_id]

        await self.peer.call(act)


class TaskReadingsTwin:
    """Whose tasks cannot be read; nobody asks in a simulated week."""

    async def note(self, account_id: int, status: int | None) -> None:
        """Nothing is kept."""


class StopsTwin(Stops):
    """What stops accounts, in memory alone."""

    __slots__ = ()

    async def _write(self) -> None:
        self._unwritten.clear()


@dataclass
class CallerRow:
    """A row of `gateway.callers`."""

    is_urgent: bool = True
    served_at: float = -math.inf
    asks_until: float = -math.inf


@dataclass
class AddressRow:
    """A row of `gateway.addresses`: what is noted of an address, by the database's clock.

    Attributes:
        clock: That clock, which may be set forward or back.
    """

    clock: Callable[[], float]
    starts: list[float] = field(default_factory=list)
    closed_until: float = -math.inf
    closed_s: float = 0.0
    callers: dict[str, CallerRow] = field(default_factory=dict)

    def take(self, most: int, asker: Asker | None = None) -> float:
        """As `services.gateway.starts.TAKE`."""
        now = self.clock()
        if asker is None:
            return self._note(most, now)
        own = self.callers.setdefault(asker.caller, CallerRow())
        are_next = any(
            (not other.is_urgent, other.served_at) < (not asker.is_urgent, own.served_at)
            for other in self.callers.values()
            if other is not own and now <= other.asks_until <= now + 3
        )
        wait_s = YIELDS_S if are_next else self._note(most, now)
        own.is_urgent = asker.is_urgent or (own.is_urgent and own.asks_until > now)
        own.asks_until = now + min(wait_s, 2.0) + ASKS_S if wait_s > 0 else -math.inf
        own.served_at = own.served_at if wait_s > 0 else now
        return wait_s

    def _note(self, most: int, now: float) -> float:
        # If it was set back, what lies ahead is of just now, and a pause as long as it was to be.
        self.starts = [min(noted, now) for noted in self.starts]
        self.closed_until = min(self.closed_until, now + self.closed_s)
        crowded_until = self.starts[-most] + WINDOW_S if len(self.starts) >= most else now
        wait_s = max(self.closed_until, crowded_until) - now
        if wait_s > 0:
            return max(0.001, wait_s)
        self.starts = [*self.starts, now][-most:]
        return 0.0

    def pause(self, seconds: float) -> None:
        """As `services.gateway.starts.PAUSE`."""
        if self.closed_until < self.clock() + seconds:
            self.closed_until, self.closed_s = self.clock() + seconds, seconds


@dataclass
class StartsTwin:
    """`services.kommo.starts.Starts`, shared by all processes of an address."""

    peer: Peer
    row: AddressRow
    leases: LeaseRows
    on_lost: Callable[[Lease], None]

    async def take(
        self, most: int, lease: Lease | None = None, asker: Asker | None = None
    ) -> float:
        def act() -> float:
            is_ours = lease is None or self.leases.is_in_force(lease)
            return self.row.take(most, asker) if is_ours else LOST

        wait_s: float = await self.peer.call(act)
        if lease is not None and wait_s == LOST:
            self.on_lost(lease)
            raise LeaseLost(f"another gateway has partition {lease.partition} now")
        return wait_s

    async def pause(self, seconds: float) -> None:
        await self.peer.call(lambda: self.row.pause(seconds))


@dataclass
class RegistryTwin:
    """The registry of accounts, for ingress and for the gateway."""

    peer: Peer
    accounts: dict[int, ConnectedAccount] = field(default_factory=dict)
    known: dict[int, dict[str, Any]] = field(default_factory=dict)

    async def webhook_owners(self) -> Mapping[bytes, WebhookOwner]:
        def act() -> dict[bytes, WebhookOwner]:
            return {
                account.webhook_digest: WebhookOwner(account_id, "")
                for account_id, account in self.accounts.items()
                if account.webhook_digest is not None
            }

        found: dict[bytes, WebhookOwner] = await self.peer.call(act)
        return found

    async def connected(self) -> Sequence[ConnectedAccount]:
        found: list[ConnectedAccount] = await self.peer.call(lambda: list(self.accounts.values()))
        return found

    async def described(self, account_id: int) -> Mapping[str, Any]:
        found: dict[str, Any] = await self.peer.call(lambda: self.known.get(account_id, {}))
        return found

    async def describe(self, account_id: int, directory: Mapping[str, Any]) -> None:
        await self.peer.call(lambda: self.known.__setitem__(account_id, dict(directory)))
