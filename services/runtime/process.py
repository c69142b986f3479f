"""A process of roles, from its start until it is told to stop (F13)."""

import asyncio
import gc
from collections.abc import Callable, Collection
from contextlib import AbstractAsyncContextManager, nullcontext
from functools import partial
from pathlib import Path

import structlog

from services.ops.disk import show_disk
from services.ops.health import Health
from services.ops.metrics import Metrics
from services.runtime.lifetime import end, stop_on_signals, stopping
from services.runtime.listening import Address, OnListening, announced
from services.runtime.ops import ops
from services.runtime.peers import Peers
from services.runtime.roles import ROLES, Process, load
from services.runtime.settings import EverySetting
from services.runtime.traces import traces
from services.shared.open_files import allow_open_files
from services.shared.with_stdin import stopping_with_stdin
from services.storage.database import probe

log = structlog.get_logger(__name__)

# Opens an installation of either kind; None when told to stop before it could be.
Opener = Callable[[Path, EverySetting, asyncio.Event], AbstractAsyncContextManager[Peers | None]]


async def live(
    opener: Opener,
    roles: Collection[str],
    settings: EverySetting,
    *,
    data: Path,
    host: str | None,
    port: int | None,
    on_listening: OnListening | None,
    with_stdin: bool = False,
) -> None:
    """Run the roles until SIGTERM or SIGINT; a second one ends at once, which loses nothing either.

    Args:
        opener: Opens the installation.
        roles: What the process runs.
        settings: As they were read at its start.
        data: The folder of the installation, or of the process.
        host: Where ingress receives webhooks; default as its settings say.
        port: The same; 0 for any free one.
        on_listening: Told role and address of each that listens.
        with_stdin: End as soon as standard input is closed: with whoever started the process.
    """
    allow_open_files()
    stop = stop_on_signals()
    load(roles)
    health, metrics = Health(), Metrics()
    health.register("process", partial(stopping, stop))
    async with (
        ops(settings.ops, health, metrics) as ops_address,
        traces() as told,
        opener(data, settings, stop) as peers,
        stopping_with_stdin(stop) if with_stdin else nullcontext(),
    ):
        if peers is not None and not stop.is_set():
            installation = peers.installation
            health.register("database", partial(probe, installation.pool))
            peers.show(roles, health, metrics)
            show_disk(metrics, installation.data)
            where = host or settings.ingress.host
            at_port = settings.ingress.port if port is None else port
            tell = on_listening or _nobody
            ingress = partial(tell, "ingress")
            with announced(installation.data, where, ops_address, ingress) as listening:
                process = Process(
                    settings=settings,
                    peers=peers,
                    address=Address(where, at_port, listening),
                    on_listening=tell,
                    stop=stop,
                    register=health.register,
                    metrics=metrics,
                    traces=told,
                )
                # What was made to get here lives as long as the process: Python's collector need
                # not look through it ever again, which cost as much as reading events does.
                gc.collect()
                gc.freeze()
                log.info("roles_up", roles=list(roles), ops=ops_address)
                await _work(roles, process)
    log.info("roles_down", roles=list(roles))


def _nobody(_role: str, _address: str) -> None:
    """Nobody is told."""


async def _work(roles: Collection[str], process: Process) -> None:
    """Run the roles until told to stop; one that fails ends them all."""
    async with asyncio.TaskGroup() as group:
        tasks = {role: group.create_task(_begun(role, process), name=role) for role in roles}
        chores = [
            group.create_task(work(), name=name) for name, work in process.peers.chores().items()
        ]
        try:
            await process.stop.wait()
            servers = [task for role, task in tasks.items() if ROLES[role].is_server]
            if servers:  # they end by themselves
                await asyncio.wait(servers)
        finally:
            await end([*tasks.values(), *chores])


async def _begun(role: str, process: Process) -> None:
    if not ROLES[role].is_server:
        await process.peers.ready.wait()
    await ROLES[role].work(process)
