"""Our side of a simulation: the roles as they are, on what is durable, in processes that die.

Wired here as their `app.py` wires them, with the twins in the place of PostgreSQL and sockets.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any, TypeVar

import httpx
import orjson

from contracts.events import LeadAssigned, LinkedDecided, Recorded, RulesApplied
from services.allocator.accounts import Stores
from services.allocator.run import Allocator
from services.allocator.settings import AllocatorSettings
from services.clock.app import LogPublisher as ClockPublisher
from services.clock.clock import Clock
from services.clock.settings import ClockSettings
from services.gateway.app import Gateway
from services.gateway.connections import Connections
from services.gateway.directory import Directory
from services.gateway.leases import AllOurs, SharedLeases
from services.gateway.ports import SharedOut
from services.gateway.publisher import ResultPublisher
from services.gateway.pusher import Pusher
from services.gateway.settings import (
    DirectorySettings,
    LookupSettings,
    PushSettings,
    SweepSettings,
    TaskSettings,
)
from services.gateway.sweep import Sweeper
from services.gateway.tasks import TaskReader
from services.gateway.work_lists import rounds_of
from services.ingress.app import create_app, create_appenders, create_directory
from services.ingress.detour import spooled_letters, spooled_log
from services.ingress.settings import IngressSettings
from services.ingress.spool import Spool
from services.kommo.limiter import Limiter
from services.kommo.starts import Lease
from services.kommo.timing import SystemTiming
from services.relay.relay import Relay
from services.relay.settings import RelaySettings
from services.shared.codec import encode_inbound
from services.shared.errors import Unavailable
from services.shared.lasting import once
from services.shared.ownership import everything
from services.shared.settings import Settings
from services.storage.wakeup import ALLOCATIONS, INBOUND
from tests.simulation.durable import DurableLog, DurableStore
from tests.simulation.faults import Faults
from tests.simulation.group import Group, LeaseRows, LeasesTwin, Member
from tests.simulation.loop import Process, SimulatedLoop
from tests.simulation.network import Door
from tests.simulation.peers import Peer
from tests.simulation.spool import DurableSpool
from tests.simulation.trace import Trace
from tests.simulation.twins import (
    AddressRow,
    AskedSweepsTwin,
    Bells,
    DeadLettersTwin,
    EventStoreTwin,
    LogReaderTwin,
    LogWriterTwin,
    RegistryTwin,
    SlowBell,
    SnapshotStoreTwin,
    StartsTwin,
    StopsTwin,
    SweepsTwin,
    TaskReadingsTwin,
    TimersTwin,
    WorkListTwin,
    lists_twin,
)
from tests.simulation.views import PROJECTIONS, AllViews, Views

STORED = "stored"  # from an allocator to its relay
CARDS = {"lead": "leads", "contact": "contacts", "company": "companies", "task": "tasks"}
ROLES = ("ingress", "allocator", "projector", "gateway", "clock")


@dataclass(frozen=True, kw_only=True)
class Habits:
    """How the roles are configured, drawn once for a seed.

    Attributes:
        poll_s: How often the roles look without being woken; a week needs rarer looks.
        sweep_s: From one sweep to the next.
        describe_s: From one look at the users to the next.
        gateways: So many share out the accounts where processes are many.
    """

    is_embedded: bool
    partitions: int
    poll_s: float
    sweep_s: float
    full_sweep_s: float
    describe_s: float
    batch_messages: int
    batch_events: int
    snapshot_every: int
    push_batch: int
    push_flights: int
    fresh_s: float
    gateways: int


class VirtualTiming(SystemTiming):
    """The loop's clock as the gateway's."""

    def __init__(self, loop: SimulatedLoop) -> None:
        self._loop = loop

    def monotonic(self) -> float:
        """Virtual seconds."""
        return self._loop.time()


@dataclass
class Node:
    """A place for a process: it is started again after it died."""

    name: str
    roles: tuple[str, ...]
    skew_s: float = 0.0
    process: Process | None = None
    starts: int = 0

    @property
    def is_up(self) -> bool:
        """Whether a process of it lives."""
        return self.process is not None and self.process.is_alive


@dataclass
class Installation:
    """One Fairlead.

    Attributes:
        findings: What must never happen, seen while it ran.
        database_skew_s: How far the clock of the database's machine is from the true one.
    """

    loop: SimulatedLoop
    habits: Habits
    base: datetime
    random: Random
    faults: Faults
    trace: Trace
    transport: httpx.AsyncBaseTransport
    findings: list[str] = field(default_factory=list)
    door: Door | None = None
    repeats: float = 0.0
    skew_max_s: float = 0.0
    database_skew_s: float = 0.0
    late_max_s: float = 0.0
    frozen_s: float = 0.0
    rules_at: dict[int, float] = field(default_factory=dict)
    decided: dict[tuple[int, str, int, int], None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        habits, loop = self.habits, self.loop
        servers = loop.process("servers")
        self.database = Peer("database", servers, self.random, self.faults)
        self.log_peer = Peer("log", servers, self.random, self.faults)
        self.bells = Bells(self.random)
        self.log = DurableLog(habits.partitions)
        self.allocations = DurableLog(habits.partitions, ALLOCATIONS)
        self.store = DurableStore()
        self.views = AllViews()
        self.registry = RegistryTwin(self.database)
        self.sweeps = SweepsTwin(self.database)
        self.asked_sweeps = AskedSweepsTwin(self.database)
        self.address = AddressRow(lambda: loop.time() + self.database_skew_s)
        self.spool = DurableSpool()
        names: list[tuple[str, tuple[str, ...]]] = [("fairlead", ROLES)]
        self.group: Group | None = None
        self.leases = LeaseRows()
        if not habits.is_embedded:
            names = [(role, (role,)) for role in ROLES]
            chance = Random(self.random.random())
            self.group = Group(servers, max(1, habits.partitions), chance, self.faults)
            names += [(f"gateway-{n}", ("gateway",)) for n in range(2, habits.gateways + 1)]
        self.nodes = {name: Node(name, roles) for name, roles in names}
        self.zombies: list[Process] = []

    def writer(self) -> LogWriterTwin:
        """A writer of the inbound log."""
        return LogWriterTwin(self.log_peer, self.log, self.bells)

    def node_of(self, role: str) -> Node:
        """Where a role runs."""
        return next(node for node in self.nodes.values() if role in node.roles)

    def start(self, node: Node) -> Process:
        """Start a process of a node, beside an older one if that lives still."""
        node.starts += 1
        process = self.loop.process(f"{node.name}.{node.starts}")
        process.skew_s = node.skew_s
        node.process = process
        self.trace.note("start", process.name)
        for role in node.roles:
            self._spawn(process, role)
        return process

    def start_zombie(self) -> Process:
        """Start one more allocator, beside the one that runs."""
        process = self.loop.process(f"zombie.{len(self.zombies) + 1}")
        self.zombies.append(process)
        self._spawn(process, "allocator")
        return process

    def kill(self, process: Process, roles: tuple[str, ...]) -> None:
        """End a process at this very instant."""
        if process.is_alive:
            self.trace.note("kill", process.name)
            for role in roles:
                self.faults.note(f"crash.{role}")
            process.kill()

    def _spawn(self, process: Process, role: str) -> None:
        work = getattr(self, f"_{role}")
        process.spawn(self._watched(process, role, work(process)))

    async def _watched(self, process: Process, role: str, work: Coroutine[Any, Any, None]) -> None:
        """A role never ends by itself: an error that reaches its top is a bug."""
        try:
            await work
        except Exception as error:  # noqa: BLE001 - whatever it is, it is found
            self.findings.append(f"{process.name}: {role} ended by {describe(error)}")
        else:
            self.findings.append(f"{process.name}: {role} came to its end")

    def now(self, process: Process) -> Callable[[], datetime]:
        """The wall clock of a process."""
        base, loop = self.base, self.loop
        return lambda: base + timedelta(seconds=loop.time() + process.skew_s)

    async def _ingress(self, process: Process) -> None:
        settings = IngressSettings(directory_age_max_s=3_600)
        spool = Spool(
            self.spool.opened(),  # type: ignore[arg-type] # a twin
            process,  # type: ignore[arg-type] # the loop runs what is for threads
            rows_max=settings.spool_rows_max,
            bytes_max=settings.spool_bytes_max,
        )
        await spool.load()
        log_writer = spooled_log(self.writer(), spool, settings)
        letters = spooled_letters(DeadLettersTwin(self.database, self.store), spool, settings)
        appenders = create_appenders(log_writer, letters, settings)
        directory = create_directory(self.registry, settings)
        app = create_app(
            appenders=appenders,
            directory=directory,
            settings=settings,
            now=self.now(process),
            spool=spool,
        )
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(appenders.run())
            tasks.create_task(directory.keep_fresh())
            tasks.create_task(log_writer.detour.drain())
            tasks.create_task(letters.detour.drain())
            self.door = Door(app, process)

    async def _allocator(self, _: Process) -> None:
        habits = self.habits
        reader = LogReaderTwin(
            peer=self.log_peer,
            log=self.log,
            database=self.database,
            store=self.store,
            consumer="allocator",
            bell=self.bells.bell(INBOUND),
            poll_s=habits.poll_s,
            random=self.random,
            faults=self.faults,
            repeats=lambda: self.repeats,
        )
        allocator = Allocator(
            reader,
            Stores(
                EventStoreTwin(self.database, self.store, self._stored),  # type: ignore[arg-type]
                SnapshotStoreTwin(self.database, self.store),  # type: ignore[arg-type]
            ),
            AllocatorSettings(
                batch_size_max=habits.batch_messages,
                batch_wait_ms=60_000,
                snapshot_every=habits.snapshot_every,
            ),
            on_stored=lambda: self.bells.notify(ALLOCATIONS if habits.is_embedded else STORED),
            seal=lambda letter: letter,  # by chance, which comes from the seed alone here
            monotonic=self.loop.time,
        )
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(allocator.run())
            if not habits.is_embedded:  # there the projector reads the store
                tasks.create_task(self._relay().run())

    def _relay(self) -> Relay:
        """Beside each allocator, so that a second one of either is met (F20)."""
        return Relay(
            EventStoreTwin(self.database, self.store),  # type: ignore[arg-type]
            LogWriterTwin(self.log_peer, self.allocations, self.bells),
            owns=everything,
            wait=SlowBell(self.bells.bell(STORED), self.habits.poll_s).wait,
            settings=RelaySettings(accounts_max=1, events_max=self.habits.batch_events),
        )

    def _stored(self, events: Any) -> None:
        for recorded in events:
            self.trace.note("event", recorded.account_id, recorded.version, recorded.event)
            event = recorded.event
            if isinstance(event, LeadAssigned):
                self.decided[recorded.account_id, "leads", event.lead_id, event.manager_id] = None
            elif isinstance(event, LinkedDecided):
                for each in event.handovers:
                    thing = (CARDS[each.kind], each.entity_id)
                    self.decided[recorded.account_id, *thing, each.manager_id] = None
            elif isinstance(event, RulesApplied):
                self.rules_at.setdefault(recorded.account_id, self.loop.time())

    def on_patch(self, account_id: int, kind: str, body: bytes) -> None:
        """I4, at the moment of the act: what Kommo is asked for was committed before."""
        for item in orjson.loads(body):
            if kind == "tasks" and "is_completed" in item:
                continue  # a decision before is over; whose task that was is looked at in the end
            entity_id, manager_id = item["id"], item["responsible_user_id"]
            if (account_id, kind, entity_id, manager_id) not in self.decided:
                self.findings.append(f"I4: {kind} {entity_id} to {manager_id} was not decided")

    async def _projector(self, _: Process) -> None:
        """The projector's twin: its real handlers are SQL, what they apply is not."""
        bell = self.bells.bell(ALLOCATIONS)
        events = EventStoreTwin(self.database, self.store)
        pause_s = 0.1
        while True:
            try:
                while await self._project(events):
                    pass
            except Unavailable:
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, 30.0)
                continue
            pause_s = 0.1
            await bell.wait(self.habits.poll_s)

    async def _project(self, events: EventStoreTwin) -> bool:
        moved = False
        for account_id, head in (await events.heads()).items():
            views = self.views.of(account_id)
            position = await self.database.call(views.position)
            if position < head:
                batch = await events.stream(account_id, position, self.habits.batch_events)
                for name in PROJECTIONS:
                    await self.database.call(partial(self._apply, views, name, batch))
                self.bells.notify("views")
                moved = True
        return moved

    def _apply(self, views: Views, name: str, events: Sequence[Recorded]) -> None:
        """Project, and note how late the work list learns of what it asks the gateway for."""
        views.project(name, events)
        if name == "assignments":
            now = self.now(self.loop.harness)()
            late_s = [(now - recorded.event.at).total_seconds() for recorded in events]
            self.late_max_s = max([self.late_max_s, *late_s])

    async def _clock(self, process: Process) -> None:
        bell = self.bells.bell("views")
        clock = Clock(
            timers=TimersTwin(self.database, self.views),
            publisher=ClockPublisher(self.writer()),
            now=self.now(process),
            wakeup=bell,
            settings=seldom(ClockSettings, wait_max_ms=self.habits.poll_s * 1_000),
            monotonic=self.loop.time,
        )
        await clock.run()

    async def _gateway(self, process: Process) -> None:
        habits, timing, now = self.habits, VirtualTiming(self.loop), self.now(process)
        leases = self._leases(process)

        def lost(lease: Lease) -> None:
            self.faults.note("gateway.lease_lost")
            leases.lost(lease)

        starts = StartsTwin(self.database, self.address, self.leases, lost)
        limiter = Limiter(timing=timing, starts=starts)
        nowhere: Any = None
        stops = StopsTwin(nowhere, timing)
        connections = Connections(
            self.registry,
            limiter,
            transport=self.transport,
            leases=leases,
            on_answered=stops.tell,
            is_strict=True,
        )
        publisher = ResultPublisher(self.writer(), encode_inbound, timing)
        parts: dict[str, Any] = {
            "connections": connections,
            "publisher": publisher,
            "now": now,
            "timing": timing,
            "is_strict": True,
        }
        poll_ms = habits.poll_s * 1_000
        directory = Directory(
            accounts=self.registry,
            settings=seldom(DirectorySettings, interval_s=habits.describe_s, poll_ms=poll_ms),
            **parts,
        )
        sweeper = Sweeper(
            store=self.sweeps,
            asked=self.asked_sweeps,
            introduce=directory.introduce,
            settings=seldom(
                SweepSettings,
                interval_s=habits.sweep_s,
                full_interval_s=habits.full_sweep_s,
                poll_ms=poll_ms,
            ),
            **parts,
        )
        lists = lists_twin(self.database, self.views)
        gateway = Gateway(
            limiter=limiter,
            connections=connections,
            stops=stops,
            pusher=Pusher(
                work=WorkListTwin(self.database, self.views),
                random=self.random.random,
                settings=seldom(
                    PushSettings,
                    batch_size=habits.push_batch,
                    flights_max=habits.push_flights,
                    poll_ms=poll_ms,
                    fresh_s=habits.fresh_s,
                ),
                on_idle=stops.idle,
                **parts,
            ),
            rounds=rounds_of(
                lists,
                settings=seldom(LookupSettings, poll_ms=poll_ms),
                batch_size=habits.push_batch,
                sweep_soon=sweeper.hasten,
                **parts,
            ),
            sweeper=sweeper,
            directory=directory,
            tasks=TaskReader(
                rules_of=lists.rules_of,
                readings=TaskReadingsTwin(),
                settings=seldom(TaskSettings, interval_s=habits.sweep_s, poll_ms=poll_ms),
                **parts,
            ),
            timing=timing,
            reload_s=10 * habits.poll_s,
            runs=once,
        )
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(gateway.serve(SlowBell(self.bells.bell("views"), habits.poll_s)))
            tasks.create_task(leases.run(gateway.accounts_changed))
            if self.group is not None:
                self.group.join(Member(process, leases, gateway.let_go))

    def _leases(self, process: Process) -> SharedOut:
        if self.group is None:
            return AllOurs()
        table = LeasesTwin(self.database, self.leases)
        return SharedLeases(table, process.name, self.group.partitions)


S = TypeVar("S", bound=Settings)


def seldom(kind: type[S], **looks: float) -> S:
    """Settings beyond their bounds: in months of virtual time, roles look for work less often."""
    return kind.model_construct(**looks)


def describe(error: BaseException) -> str:
    """An error in a line, groups opened."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else "?"
    return f"{type(error).__name__}: {error} at {place}"
