"""Wires the gateway from its settings, and runs it."""

import asyncio
import random as chance
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

import asyncpg
import structlog

from projections import linked, lookups, notices, readings, touches
from services.gateway.connections import Connections
from services.gateway.directory import Directory
from services.gateway.leases import AllOurs
from services.gateway.meter import UNMEASURED, GatewayMeter
from services.gateway.ports import ConnectedAccounts, Leases, Now, SharedOut, Tokens, WorkWakeup
from services.gateway.postgres import (
    PostgresSweeps,
    PostgresWorkList,
    found_by_sweeps,
    names_of_rules,
    rules_in_force,
    work_list,
)
from services.gateway.publisher import ResultPublisher
from services.gateway.pusher import Pusher
from services.gateway.settings import GatewaySettings
from services.gateway.starts import SharedStarts
from services.gateway.stops import Stops
from services.gateway.sweep import Sweeper
from services.gateway.task_readings import PostgresTaskReadings
from services.gateway.tasks import TaskReader
from services.gateway.trail import PostgresTrail
from services.gateway.work_lists import AllRounds, WorkLists, rounds_of
from services.kommo.limiter import Limiter
from services.kommo.timing import SystemTiming, Timing
from services.log.port import LogWriter
from services.outgoing.post import Poster
from services.outgoing.sender import Outgoing, WebhookSender
from services.outgoing.work import WebhookWork
from services.shared.codec import encode_inbound
from services.shared.errors import Unavailable
from services.shared.lasting import Runs, Work, lasting
from services.shared.ownership import Join, alone, work_for
from services.shared.tracing import UNTRACED, Traces
from services.shared.wall_clock import utc_now
from services.storage.asked_sweeps import AskedSweeps
from services.storage.webhook_deliveries import WebhookDeliveries

log = structlog.get_logger(__name__)

GROUP = "gateway"
_WAKEUP_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True, eq=False)
class Gateway:
    """All parts of a gateway; `build` makes one, `serve` runs it."""

    limiter: Limiter
    connections: Connections
    pusher: Pusher
    rounds: AllRounds
    sweeper: Sweeper
    directory: Directory
    tasks: TaskReader
    stops: Stops
    timing: Timing
    reload_s: float
    reload: asyncio.Event = field(default_factory=asyncio.Event)
    sender: WebhookSender | None = None
    tokens: Tokens | None = None
    runs: Runs = lasting

    def nudge(self) -> None:
        """Look at the work lists now."""
        self.pusher.nudge()
        for rounds in self.rounds:
            rounds.nudge()
        if self.sender is not None:
            self.sender.nudge()

    async def let_go(self) -> None:
        """Return once no write is under way for accounts that are not ours any more (F20)."""
        await self.pusher.let_go()
        await self.rounds.let_go()

    def accounts_changed(self) -> None:
        """Read the registry of accounts now."""
        self.reload.set()

    async def serve(self, wakeup: WorkWakeup | None = None) -> None:
        """Run until cancelled, then close the connections."""
        try:
            async with asyncio.TaskGroup() as group:
                for name, work in self._works():
                    group.create_task(self.runs(name, work))
                if wakeup is not None:
                    group.create_task(self._pass_on(wakeup))
        finally:
            await self.connections.aclose()

    def _works(self) -> Iterator[tuple[str, Work]]:
        """What goes on beside each other: what goes wrong in one stops no other."""
        yield "connections", self._keep_connections
        yield "pusher", self.pusher.run
        for rounds in self.rounds:
            yield f"rounds_{rounds.name}", rounds.run
        yield "sweeper", self.sweeper.run
        yield "directory", self.directory.run
        yield "tasks", self.tasks.run
        yield "stops", self.stops.run
        if self.sender is not None:
            yield "webhooks", self.sender.run
        if self.tokens is not None:
            yield "tokens", self.tokens.run

    async def _keep_connections(self) -> None:
        while True:
            self.reload.clear()
            try:
                await self.connections.reload()
            except Unavailable:
                log.warning("accounts_unavailable")
            self.nudge()
            await self.timing.wait(self.reload, self.reload_s)

    async def _pass_on(self, wakeup: WorkWakeup) -> None:
        while True:
            await wakeup.wait(_WAKEUP_TIMEOUT_S)
            self.nudge()


def build(  # noqa: PLR0913  # the ports of a role
    settings: GatewaySettings,
    *,
    pool: asyncpg.Pool,
    accounts: ConnectedAccounts,
    writer: LogWriter,
    leases: Leases | None = None,
    now: Now = utc_now,
    random: Callable[[], float] = chance.random,
    timing: Timing | None = None,
    meter: GatewayMeter = UNMEASURED,
    traces: Traces = UNTRACED,
    outgoing: Outgoing | None = None,
    tokens: Tokens | None = None,
) -> Gateway:
    """Put the parts together; nothing runs yet."""
    timing, leases = timing or SystemTiming(), leases or AllOurs()
    limiter = Limiter(settings.limiter, timing, SharedStarts(pool, leases.lost))
    stops = Stops(pool, timing)
    connections = Connections(
        accounts,
        limiter,
        settings.call,
        meter.kommo_called,
        leases=leases,
        on_answered=stops.tell,
        tokens=tokens,
    )
    publisher = ResultPublisher(writer, encode_inbound, timing)
    directory = Directory(
        accounts=accounts,
        connections=connections,
        publisher=publisher,
        now=now,
        settings=settings.directory,
        timing=timing,
        untold=found_by_sweeps(pool),
    )
    pusher = Pusher(
        work=PostgresWorkList(pool),
        connections=connections,
        publisher=publisher,
        now=now,
        random=random,
        settings=settings.push,
        timing=timing,
        trail=PostgresTrail(pool, traces),
        on_idle=stops.idle,
    )
    lists = WorkLists(
        lookups=work_list(pool, lookups.pending),
        unknown=work_list(pool, lookups.unknown),
        readings=work_list(pool, readings.pending),
        rules_of=rules_in_force(pool),
        questions=work_list(pool, touches.pending),
        searches=work_list(pool, linked.to_find),
        transfers=work_list(pool, linked.to_set),
        notices=work_list(pool, notices.pending),
        names_of=accounts.described,
        rule_names_of=names_of_rules(pool),
    )
    sweeper = Sweeper(
        connections=connections,
        store=PostgresSweeps(pool),
        asked=AskedSweeps(pool),
        introduce=directory.introduce,
        publisher=publisher,
        now=now,
        settings=settings.sweep,
        timing=timing,
        on_requested=meter.sweep_called,
    )
    meter.gateway_built(limiter, pusher)
    return Gateway(
        limiter=limiter,
        connections=connections,
        stops=stops,
        pusher=pusher,
        rounds=rounds_of(
            lists,
            connections=connections,
            publisher=publisher,
            now=now,
            timing=timing,
            settings=settings.lookup,
            batch_size=settings.push.batch_size,
            sweep_soon=sweeper.hasten,
        ),
        sweeper=sweeper,
        directory=directory,
        tasks=TaskReader(
            connections=connections,
            rules_of=lists.rules_of,
            publisher=publisher,
            readings=PostgresTaskReadings(pool),
            now=now,
            settings=settings.tasks,
            timing=timing,
        ),
        sender=None
        if outgoing is None
        else _sender(settings, outgoing, publisher, leases, now, random, timing, meter),
        timing=timing,
        reload_s=settings.accounts.reload_s,
        tokens=tokens,
    )


def _sender(
    settings: GatewaySettings,
    outgoing: Outgoing,
    publisher: ResultPublisher,
    leases: Leases,
    now: Now,
    random: Callable[[], float],
    timing: Timing,
    meter: GatewayMeter,
) -> WebhookSender:
    """The part that tells others what happened; Kommo's limits are none of its business."""
    return WebhookSender(
        work=WebhookWork(outgoing.pool),
        events=outgoing.events,
        targets=outgoing.targets,
        deliveries=WebhookDeliveries(outgoing.pool),
        publisher=publisher,
        poster=Poster(allows_local=outgoing.allows_local, timeout_s=settings.webhooks.timeout_s),
        owns=leases.owns,
        now=now,
        random=random,
        pause=timing.wait,
        settings=settings.webhooks,
        on_sent=meter.webhook_sent,
    )


async def run(  # noqa: PLR0913  # the ports of a role
    settings: GatewaySettings,
    *,
    pool: asyncpg.Pool,
    accounts: ConnectedAccounts,
    writer: LogWriter,
    wakeup: WorkWakeup | None = None,
    leases: SharedOut | None = None,
    join: Join = alone,
    timing: Timing | None = None,
    meter: GatewayMeter = UNMEASURED,
    traces: Traces = UNTRACED,
    outgoing: Outgoing | None = None,
    tokens: Tokens | None = None,
) -> None:
    """Run a gateway until cancelled: the only one, or one of several that share out the accounts.

    Two for one account would not share the memory of what is under way, so each of several acts
    under leases. When told to end it lets what is under way end first, and leaves the group then
    (F13).
    """
    leases = leases or AllOurs()
    gateway = build(
        settings,
        pool=pool,
        accounts=accounts,
        writer=writer,
        leases=leases,
        timing=timing,
        meter=meter,
        traces=traces,
        outgoing=outgoing,
        tokens=tokens,
    )

    async def let_go() -> None:
        leases.want(())
        await gateway.let_go()

    share = join(
        GROUP,
        on_moved=gateway.nudge,
        on_assigned=lambda: leases.want(share.partitions),
        let_go=let_go,
        # By then every call has ended, one way or the other.
        release_within_s=settings.call.total_timeout_s,
    )
    log.info("gateway_started", **settings.model_dump())
    await work_for(
        share,
        gateway.serve(wakeup),
        lasting("leases", partial(leases.run, gateway.accounts_changed)),
    )
