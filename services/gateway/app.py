"""Wires the gateway from its settings, and runs it."""

import asyncio
import random as chance
from collections.abc import Callable
from dataclasses import dataclass, field
from os import getpid
from socket import gethostname
from typing import Any
from uuid import uuid4

import structlog

from services.codec import encode_inbound
from services.errors import Unavailable
from services.gateway.connections import Connections
from services.gateway.directory import Directory
from services.gateway.facts import FactsReader
from services.gateway.leases import SharedLeases
from services.gateway.linked import LinkedWorker
from services.gateway.lookups import LookupReader
from services.gateway.meter import UNMEASURED, Meter
from services.gateway.ports import Accounts, Leases, Now, Wakeup
from services.gateway.postgres import (
    PostgresLinkedLists,
    PostgresLookupList,
    PostgresQuestionList,
    PostgresReadingList,
    PostgresSweeps,
    PostgresWorkList,
    ensure_schema,
)
from services.gateway.publisher import LogPublisher
from services.gateway.pusher import Pusher
from services.gateway.settings import Settings
from services.gateway.starts import SharedStarts
from services.gateway.sweep import Sweeper
from services.gateway.touches import TouchesReader
from services.gateway.trail import PostgresTrail
from services.kommo.limiter import Limiter
from services.kommo.timing import SystemTiming, Timing, wait_for
from services.log.kafka import KafkaSettings
from services.log.kafka_follower import AllocationsFollower, DeadLetters
from services.log.port import LogWriter
from services.storage.asked_sweeps import AskedSweeps
from services.storage.database import borrow
from services.tracing import UNTRACED, Traces
from services.wall_clock import utc_now

log = structlog.get_logger(__name__)

GROUP = "gateway"
_PAUSE_MAX_S = 30.0
_WAKEUP_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True, eq=False)
class Gateway:
    """All parts of a gateway; `build` makes one, `serve` runs it."""

    limiter: Limiter
    connections: Connections
    pusher: Pusher
    lookups: LookupReader
    facts: FactsReader
    linked: LinkedWorker
    touches: TouchesReader
    sweeper: Sweeper
    directory: Directory
    timing: Timing
    reload_s: float
    reload: asyncio.Event = field(default_factory=asyncio.Event)

    def nudge(self) -> None:
        """Look at the work lists now."""
        self.pusher.nudge()
        self.lookups.nudge()
        self.facts.nudge()
        self.linked.nudge()
        self.touches.nudge()

    async def let_go(self) -> None:
        """Return once no write is under way for accounts that are not ours any more (F20)."""
        await self.pusher.let_go()
        await self.linked.setting.let_go()

    def accounts_changed(self) -> None:
        """Read the registry of accounts now."""
        self.reload.set()

    async def serve(self, wakeup: Wakeup | None = None) -> None:
        """Run until cancelled, then close the connections."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep_connections())
                group.create_task(self.pusher.run())
                group.create_task(self.lookups.run())
                group.create_task(self.facts.run())
                group.create_task(self.linked.finding.run())
                group.create_task(self.linked.setting.run())
                group.create_task(self.touches.run())
                group.create_task(self.sweeper.run())
                group.create_task(self.directory.run())
                if wakeup is not None:
                    group.create_task(self._pass_on(wakeup))
        finally:
            await self.connections.aclose()

    async def _keep_connections(self) -> None:
        while True:
            self.reload.clear()
            try:
                await self.connections.reload()
            except Unavailable:
                log.warning("accounts_unavailable")
            self.nudge()
            await wait_for(self.reload, self.reload_s, self.timing)

    async def _pass_on(self, wakeup: Wakeup) -> None:
        while True:
            await wakeup.wait(_WAKEUP_TIMEOUT_S)
            self.nudge()


def build(  # noqa: PLR0913  # the ports of a role
    settings: Settings,
    *,
    pool: Any,  # noqa: ANN401 - asyncpg ships no types
    accounts: Accounts,
    writer: LogWriter,
    leases: Leases | None = None,
    now: Now = utc_now,
    random: Callable[[], float] = chance.random,
    timing: Timing | None = None,
    meter: Meter = UNMEASURED,
    traces: Traces = UNTRACED,
) -> Gateway:
    """Put the parts together; nothing runs yet."""
    timing = timing or SystemTiming()
    limiter = Limiter(settings.pace(), timing, SharedStarts(pool))
    connections = Connections(
        accounts, limiter, settings.deadlines(), meter.kommo_called, leases=leases
    )
    publisher = LogPublisher(writer, encode_inbound, timing)
    directory = Directory(
        accounts=accounts,
        connections=connections,
        publisher=publisher,
        now=now,
        rules=settings.directory_rules(),
        timing=timing,
    )
    pusher = Pusher(
        work=PostgresWorkList(pool),
        connections=connections,
        publisher=publisher,
        now=now,
        random=random,
        rules=settings.push_rules(),
        timing=timing,
        trail=PostgresTrail(pool, traces),
    )
    meter.gateway_built(limiter, pusher)
    return Gateway(
        limiter=limiter,
        connections=connections,
        pusher=pusher,
        lookups=LookupReader(
            requested=PostgresLookupList(pool),
            connections=connections,
            publisher=publisher,
            now=now,
            rules=settings.lookup_rules(),
            timing=timing,
        ),
        facts=FactsReader(
            requested=PostgresReadingList(pool),
            connections=connections,
            publisher=publisher,
            now=now,
            rules=settings.lookup_rules(),
            timing=timing,
        ),
        touches=TouchesReader(
            asked=PostgresQuestionList(pool),
            connections=connections,
            publisher=publisher,
            now=now,
            rules=settings.lookup_rules(),
            timing=timing,
        ),
        linked=LinkedWorker(
            lists=PostgresLinkedLists(pool),
            connections=connections,
            publisher=publisher,
            now=now,
            batch_size=settings.push_batch_size,
            rules=settings.lookup_rules(),
            timing=timing,
        ),
        sweeper=Sweeper(
            connections=connections,
            store=PostgresSweeps(pool),
            asked=AskedSweeps(pool),
            introduce=directory.introduce,
            publisher=publisher,
            now=now,
            rules=settings.sweep_rules(),
            timing=timing,
        ),
        directory=directory,
        timing=timing,
        reload_s=settings.accounts_reload_s,
    )


async def run(
    settings: Settings,
    *,
    pool: Any,  # noqa: ANN401 - asyncpg ships no types
    accounts: Accounts,
    writer: LogWriter,
    wakeup: Wakeup | None = None,
    timing: Timing | None = None,
    meter: Meter = UNMEASURED,
    traces: Traces = UNTRACED,
) -> None:
    """Run the only gateway of an installation until cancelled.

    One gateway per source address and set of accounts: two would not share the memory of what is
    under way.
    """
    gateway = build(
        settings,
        pool=pool,
        accounts=accounts,
        writer=writer,
        timing=timing,
        meter=meter,
        traces=traces,
    )
    await _prepared(gateway, pool)
    log.info("gateway_started", **settings.model_dump())
    await gateway.serve(wakeup)


async def run_shared(  # noqa: PLR0913  # the ports of a role
    settings: Settings,
    *,
    kafka: KafkaSettings,
    pool: Any,  # noqa: ANN401 - asyncpg ships no types
    accounts: Accounts,
    writer: LogWriter,
    dead_letters: DeadLetters,
    wakeup: Wakeup,
    meter: Meter = UNMEASURED,
    traces: Traces = UNTRACED,
) -> None:
    """Run one of several gateways until cancelled: the group shares out the accounts.

    When told to end it lets what is under way end first, and leaves the group then (F13).
    """
    leases = SharedLeases(pool, f"{gethostname()}/{getpid()}/{uuid4().hex}", kafka.partitions)
    gateway = build(
        settings,
        pool=pool,
        accounts=accounts,
        writer=writer,
        leases=leases,
        meter=meter,
        traces=traces,
    )
    leases.on_taken = gateway.accounts_changed

    async def let_go() -> None:
        leases.want(())
        await gateway.let_go()

    follower = AllocationsFollower(
        kafka,
        GROUP,
        dead_letters,
        on_moved=gateway.nudge,
        on_assigned=lambda: leases.want(follower.partitions),
        let_go=let_go,
        # By then every call has ended, one way or the other.
        release_within_s=settings.total_timeout_s,
    )
    await _prepared(gateway, pool)
    log.info("gateway_started", **settings.model_dump())
    async with asyncio.TaskGroup() as group:
        beside = [group.create_task(gateway.serve(wakeup)), group.create_task(leases.run())]
        try:
            await follower.run()
        finally:
            for task in beside:
                task.cancel()


async def _prepared(gateway: Gateway, pool: Any) -> None:  # noqa: ANN401 - asyncpg ships no types
    """Return once the gateway's tables are there."""
    pause_s = 1.0
    while True:
        try:
            async with borrow(pool) as connection:
                await ensure_schema(connection)
        except Unavailable:
            log.warning("database_unavailable", pause_s=pause_s)
            await gateway.timing.sleep(pause_s)
            pause_s = min(pause_s * 2, _PAUSE_MAX_S)
        else:
            return
