"""All roles in one process, on the embedded database, until told to stop (F13)."""

import asyncio
import json
import os
import signal
from collections.abc import Callable, Collection, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from projections import timers
from services.allocator.app import create_allocator
from services.allocator.run import CONSUMER
from services.allocator.settings import AllocatorSettings
from services.cli.installation import RUNTIME_FILE, Installation, Wrong, open_installation
from services.cli.ops import ops
from services.cli.traces import traces
from services.clock import app as clock
from services.embedded import EmbeddedDatabase, EmbeddedDatabaseError
from services.errors import Unavailable
from services.gateway import app as gateway
from services.gateway.postgres import RegisteredAccounts
from services.gateway.settings import Settings as GatewaySettings
from services.ingress.app import serve
from services.ingress.settings import IngressSettings
from services.ingress.spool_file import SPOOL_FILE
from services.log.postgres import prune
from services.open_files import allow_open_files
from services.ops.disk import show_disk
from services.ops.health import Health
from services.ops.metrics import Metrics
from services.ops.roles import AllocatorMetrics, GatewayMetrics, IngressMetrics
from services.ops.tables import show_tables
from services.projector.registry import WORK_LISTS
from services.projector.run import Projector
from services.projector.watch import watch
from services.storage.database import borrow
from services.storage.wakeup import ALLOCATIONS, Bell
from services.tracing import Traces

log = structlog.get_logger(__name__)

CONNECTIONS = 24
CANCEL_AGAIN_S = 2.0
PRUNE_EVERY_S = 600.0
LOOK_AFTER_DATABASE_EVERY_S = 0.5
# The dead server's children may hold its memory for a moment more, and no server starts beside it.
REVIVALS_MAX = 20


async def up(
    data: Path, *, host: str, port: int, on_listening: Callable[[str], None] | None = None
) -> None:
    """Run until SIGTERM or SIGINT; a second signal ends at once, which loses nothing either.

    Args:
        data: The data folder.
        host: Where webhooks are received.
        port: 0 for any free one.
        on_listening: Told the address once webhooks are received.

    Raises:
        services.embedded.EmbeddedDatabaseError: The folder cannot be used.
        Wrong: An address cannot be listened at.
    """
    allow_open_files()
    stop = _stop_on_signals()
    health, metrics = Health(), Metrics()
    health.register("process", partial(_stopping, stop))
    async with (
        open_installation(data, exclusive=True, connections=CONNECTIONS) as installation,
        ops(health, metrics) as ops_address,
        traces() as told,
    ):
        health.register("database", partial(_probe, installation.pool))
        show_tables(metrics, installation.pool, has_inbound_log=True)
        show_disk(metrics, installation.data)
        runtime = installation.data / RUNTIME_FILE

        def listening(bound: int) -> None:
            address = f"http://{host}:{bound}"
            state = {"pid": os.getpid(), "address": address, "ops": ops_address}
            _write_whole(runtime, json.dumps(state))
            log.info("fairlead_up", address=address, data=str(installation.data))
            if on_listening is not None:
                on_listening(address)

        try:
            async with asyncio.TaskGroup() as roles:
                background = [
                    roles.create_task(work, name=name)
                    for name, work in _background(installation, metrics, told).items()
                ]
                try:
                    await serve(
                        log_writer=installation.log,
                        dead_letters=installation.dead_letters,
                        accounts=installation.accounts,
                        settings=IngressSettings(),
                        host=host,
                        port=port,
                        stop=stop,
                        on_bound=listening,
                        probe=partial(_probe, installation.pool),
                        spool_file=installation.data / SPOOL_FILE,
                        register=health.register,
                        meter=IngressMetrics(metrics.registry),
                        traces=told,
                    )
                except OSError as error:
                    raise _not_listening(error, host, port) from error
                finally:
                    await _end(background)
        finally:
            runtime.unlink(missing_ok=True)
    log.info("fairlead_down")


async def _end(tasks: Collection[asyncio.Task[None]]) -> None:
    """Cancel them until all have ended; their errors are for whoever awaits them.

    Once is not enough: before Python 3.12, `asyncio.wait_for` drops a cancellation that comes
    together with what it waits for, and the role goes on as if nobody had told it (F13).
    """
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=CANCEL_AGAIN_S)


def _background(
    installation: Installation, metrics: Metrics, told: Traces
) -> dict[str, Coroutine[None, None, None]]:
    wakeup, pool = installation.wakeup, installation.pool
    gateway_bell, clock_bell = Bell(), Bell()
    appended = wakeup.bell(ALLOCATIONS)

    def on_progress(moved: str) -> None:
        if moved == timers.NAME:
            clock_bell.ring()
        elif moved in WORK_LISTS:
            gateway_bell.ring()

    projector = Projector(pool, installation.events, wait=appended.wait, on_progress=on_progress)
    return {
        "allocator": create_allocator(
            pool, wakeup, AllocatorSettings(), AllocatorMetrics(metrics.registry), told
        ).run(),
        "projector": projector.run(),
        "watch": watch(pool),
        "gateway": gateway.run(
            GatewaySettings(),
            pool=pool,
            accounts=RegisteredAccounts(installation.accounts),
            writer=installation.log,
            wakeup=gateway_bell,
            meter=GatewayMetrics(metrics.registry),
            traces=told,
        ),
        "clock": clock.run(clock.Settings(), pool=pool, writer=installation.log, wakeup=clock_bell),
        "housekeeping": _keep_house(installation),
        "database": _keep_database(installation.database),
    }


async def _stopping(stop: asyncio.Event) -> str | None:
    """Why a process that was told to end is not ready."""
    return "stopping" if stop.is_set() else None


async def _probe(pool: Any) -> None:  # noqa: ANN401 - asyncpg ships no types
    """Return when the database answers: the inbound log is in it.

    Raises:
        services.errors.Unavailable: It does not.
    """
    async with borrow(pool) as connection:
        await connection.execute("SELECT 1")


async def _keep_database(database: EmbeddedDatabase) -> None:
    """Start PostgreSQL again whenever it died under us; the other roles wait for it (F37).

    Raises:
        services.embedded.EmbeddedDatabaseError: It does not start any more.
    """
    failures = 0
    while True:
        await asyncio.sleep(LOOK_AFTER_DATABASE_EVERY_S)
        if await asyncio.to_thread(database.pid) is not None:
            failures = 0
            continue
        log.error("database_died", folder=str(database.data_folder))
        try:
            await asyncio.to_thread(database.revive)
        except EmbeddedDatabaseError as error:
            failures += 1
            if failures == REVIVALS_MAX:
                raise
            log.warning("database_not_revived", reason=str(error))


async def _keep_house(installation: Installation) -> None:
    """Forget messages of the inbound log two weeks after they took effect."""
    while True:
        try:
            while await prune(installation.pool, CONSUMER):
                pass
        except Unavailable as error:
            log.warning("housekeeping_waits", reason=str(error))
        await asyncio.sleep(PRUNE_EVERY_S)


def _not_listening(error: OSError, host: str, port: int) -> Wrong:
    reason = (error.strerror or str(error)).partition(" (")[0]
    text = (
        f"webhooks cannot be received at {host}:{port}: {reason}; choose another --port or --host"
    )
    return Wrong(text)


def _stop_on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def told() -> None:
        if stop.is_set():
            os._exit(130)  # nothing is kept only in memory
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told)
    return stop


def _write_whole(path: Path, text: str) -> None:
    """A reader finds the old text or the new one, never half of it."""
    aside = path.with_suffix(".tmp")
    aside.write_text(text)
    aside.replace(path)
