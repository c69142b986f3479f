"""The table of roles: what each needs and how it is made, in either kind of installation.

The allocator's events move accounts, which wakes the projector; what the projector lists for
gateway and clock wakes those. How they hear of it, and whose accounts they work for, is their
peers' business (`services.runtime.peers`).
"""

import asyncio
import sys
from collections.abc import Callable, Collection, Coroutine, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

from projections import timers
from services.access.tidying import AccessTidying
from services.access.wiring import Access
from services.allocator.app import create_allocator
from services.allocator.linking import link_old_events
from services.application.awaited_hooks import keep_reading
from services.application.kommo import renewal_of
from services.clock import app as clock
from services.gateway import app as gateway
from services.gateway.postgres import RegisteredAccounts
from services.ingress.app import serve
from services.ingress.spool_file import SPOOL_FILE
from services.ops.metrics import Metrics
from services.ops.roles import AllocatorMetrics, GatewayMetrics, IngressMetrics
from services.outgoing.sender import Outgoing
from services.projector.asked import rebuild_asked
from services.projector.registry import WORK_LISTS
from services.projector.run import Projector
from services.projector.watch import watch
from services.runtime.lifetime import end
from services.runtime.listening import Address, OnListening, not_listening
from services.runtime.peers import Peers
from services.runtime.settings import EverySetting
from services.shared.health import Register
from services.shared.lasting import lasting
from services.shared.ownership import work_for
from services.shared.tracing import Traces
from services.storage.access_log import AccessLog
from services.storage.hooks_heard import HooksHeard
from services.storage.wakeup import ALLOCATIONS, TIMERS, WORK
from services.storage.webhook_targets import WebhookTargets
from services.storage.widget_rules import WidgetRules


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A process of an installation, as the roles in it see it.

    Attributes:
        stop: Set when it is told to end.
        address: Where ingress receives.
        on_listening: Told role and address of each other one that listens.
        register: Gets the checks of what cannot be asked from outside.
    """

    settings: EverySetting
    peers: Peers
    address: Address
    on_listening: OnListening
    stop: asyncio.Event
    register: Register
    metrics: Metrics
    traces: Traces


@dataclass(frozen=True, slots=True)
class RoleEntry:
    """A role of the table.

    Attributes:
        work: Runs it in a process until cancelled.
        is_server: Whether others call it: it begins before the logs are there (F15), and when
            told to stop it ends by itself, after its last answers.
        is_apart: Whether it has a process of its own beside `fairlead up`, so that nothing it does
            holds a webhook.
        loaded: Modules of its own, loaded at the start of the processes that run it.
    """

    work: Callable[[Process], Coroutine[Any, Any, None]]
    is_server: bool = False
    is_apart: bool = False
    loaded: tuple[str, ...] = ()


async def _ingress(process: Process) -> None:
    """Receive webhooks."""
    installation, address = process.peers.installation, process.address
    async with process.peers.writer() as writer:
        try:
            await serve(
                log_writer=writer,
                dead_letters=installation.dead_letters,
                accounts=installation.accounts,
                settings=process.settings.ingress,
                host=address.host,
                port=address.port,
                stop=process.stop,
                on_bound=address.on_bound,
                probe=process.peers.probe,
                spool_file=installation.data / SPOOL_FILE,
                register=process.register,
                meter=IngressMetrics(process.metrics.registry),
                traces=process.traces,
                find=WidgetRules(installation.pool, installation.accounts.vault).get,
                raw_bodies=installation.raw_bodies,
                raw_settings=installation.raw_body_settings,
                hooks_heard=HooksHeard(installation.pool),
            )
        except OSError as error:
            raise not_listening(
                error,
                address.host,
                address.port,
                what="webhooks cannot be received",
                choose="--port or --host",
            ) from error


async def _allocator(process: Process) -> None:
    """Decide, and pass on what was decided."""
    meter = AllocatorMetrics(process.metrics.registry)
    async with process.peers.inbound(process.metrics) as inbound:
        meter.watch_reader(inbound.stopped)
        allocator = create_allocator(
            process.peers.installation.pool,
            inbound.reader,
            process.settings.allocator,
            on_stored=inbound.on_stored,
            seal=process.peers.installation.dead_letters.sealed,
            meter=meter,
            traces=process.traces,
        )
        async with asyncio.TaskGroup() as works:
            linking = partial(link_old_events, process.peers.installation.pool)
            works.create_task(lasting("linking", linking))
            await lasting("allocator", allocator.run)


async def _projector(process: Process) -> None:
    """Keep the tables, and wake whoever works on what is listed there."""
    installation, wakeup = process.peers.installation, process.peers.installation.wakeup
    appended = wakeup.bell(ALLOCATIONS)
    share = process.peers.join("projector", on_moved=appended.ring)

    def on_progress(name: str) -> None:
        if name == timers.NAME:
            wakeup.notify(TIMERS)
        elif name in WORK_LISTS:
            wakeup.notify(WORK)

    pool, direct = installation.pool, installation.direct
    projector = Projector(
        pool,
        installation.events,
        wait=appended.wait,
        on_progress=on_progress,
        owns=share.owns,
        direct=direct,
    )
    await work_for(
        share,
        lasting("projector", projector.run),
        lasting("watch", partial(watch, pool)),
        lasting("rebuilds", partial(rebuild_asked, pool, installation.events, direct=direct)),
        lasting("dead_letters", installation.dead_letters.keep_tidy),
        lasting("raw_bodies", installation.raw_bodies.keep_tidy),
        lasting("access_log", AccessLog(pool).keep_tidy),
        lasting("access", AccessTidying(pool).keep_tidy),
        lasting("awaited_hooks", partial(keep_reading, installation)),
    )


async def _gateway(process: Process) -> None:
    """Bring Kommo to the decided state, and read what it holds."""
    installation = process.peers.installation
    await gateway.run(
        process.settings.gateway,
        pool=installation.pool,
        accounts=RegisteredAccounts(installation.accounts),
        writer=installation.log,
        wakeup=installation.wakeup.bell(WORK),
        leases=process.peers.leases(),
        join=process.peers.join,
        meter=GatewayMetrics(process.metrics.registry),
        traces=process.traces,
        outgoing=Outgoing(
            installation.pool,
            installation.events,
            WebhookTargets(installation.pool, installation.accounts.vault),
            allows_local=not installation.is_production,
        ),
        tokens=renewal_of(installation, process.settings.gateway.tokens),
    )


async def _clock(process: Process) -> None:
    """Tell which timers came due."""
    installation = process.peers.installation
    bell = installation.wakeup.bell(TIMERS)
    share = process.peers.join("clock", on_moved=bell.ring)
    ticking = clock.run(
        process.settings.clock,
        pool=installation.pool,
        writer=installation.log,
        wakeup=bell,
        owns=share.owns,
    )
    await work_for(share, ticking)


async def _web(process: Process) -> None:
    """Serve the API and the console, and have jobs done in a process beside."""
    # API and console are more than all other roles: 1.6 s and 46 MB of a process that has none.
    from services.runtime.job_worker import keep_jobs  # noqa: PLC0415
    from services.runtime.web import serve_web  # noqa: PLC0415

    installation = process.peers.installation
    # As this process logs, so does that one.
    logs = [each for each in sys.argv if each == "--json-logs"]
    keeping = partial(keep_jobs, installation, arguments=logs)
    jobs = asyncio.create_task(lasting("jobs", keeping), name="jobs")
    try:
        await serve_web(
            installation,
            process.settings.web,
            Access(installation.pool, installation.accounts.vault, process.settings.access),
            stop=process.stop,
            on_listening=process.on_listening,
        )
    finally:
        await end([jobs])


ROLES: Mapping[str, RoleEntry] = {
    "ingress": RoleEntry(_ingress, is_server=True),
    "allocator": RoleEntry(_allocator),
    "projector": RoleEntry(_projector),
    "gateway": RoleEntry(_gateway),
    "clock": RoleEntry(_clock),
    "web": RoleEntry(
        _web,
        is_server=True,
        is_apart=True,
        loaded=("services.runtime.job_worker", "services.runtime.web"),
    ),
}
# What one process of `fairlead up` runs, and what it has beside it.
TOGETHER = tuple(role for role, entry in ROLES.items() if not entry.is_apart)
APART = tuple(role for role, entry in ROLES.items() if entry.is_apart)


def load(roles: Collection[str]) -> None:
    """Load what these roles need and others do not, before anything has to be answered."""
    for role in roles:
        for name in ROLES[role].loaded:
            import_module(name)
