"""All roles in one process, on the embedded database, until told to stop (F13)."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path

import structlog

from projections import timers
from services.allocator.app import create_allocator
from services.allocator.run import CONSUMER
from services.allocator.settings import AllocatorSettings
from services.cli.installation import (
    Installation,
    Wrong,
    is_distributed,
    open_installation,
)
from services.cli.lifetime import end, stop_on_signals, stopping
from services.cli.listening import announced, not_listening
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
from services.log.postgres import PostgresLogReader, prune
from services.open_files import allow_open_files
from services.ops.disk import show_disk
from services.ops.health import Health
from services.ops.metrics import Metrics
from services.ops.roles import AllocatorMetrics, GatewayMetrics, IngressMetrics
from services.ops.tables import show_tables
from services.projector.registry import WORK_LISTS
from services.projector.run import Projector
from services.projector.watch import watch
from services.storage.copies import is_copy, mark
from services.storage.database import probe
from services.storage.restorations import Restorations
from services.storage.wakeup import ALLOCATIONS, Bell
from services.tracing import Traces

log = structlog.get_logger(__name__)

CONNECTIONS = 24
PRUNE_EVERY_S = 600.0
LOOK_AFTER_DATABASE_EVERY_S = 0.5
# The dead server's children may hold its memory for a moment more, and no server starts beside it;
# what has failed so often needs a person.
QUICK_REVIVALS_MAX = 20
SLOW_REVIVALS_EVERY_S = 10.0


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
        Wrong: An address cannot be listened at, or the environment names another installation.
    """
    if is_distributed():
        raise Wrong(
            "FAIRLEAD_DATABASE_URL names a distributed installation: run its roles with"
            " fairlead run, or unset it to run the one in the folder"
        )
    allow_open_files()
    stop = stop_on_signals()
    health, metrics = Health(), Metrics()
    health.register("process", partial(stopping, stop))
    async with (
        open_installation(data, exclusive=True, connections=CONNECTIONS) as installation,
        ops(health, metrics) as ops_address,
        traces() as told,
    ):
        await _notice_a_restored_backup(installation)
        health.register("database", partial(probe, installation.pool))
        show_tables(metrics, installation.pool, has_inbound_log=True)
        show_disk(metrics, installation.data)
        with announced(installation.data, host, ops_address, on_listening) as listening:
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
                        probe=partial(probe, installation.pool),
                        spool_file=installation.data / SPOOL_FILE,
                        register=health.register,
                        meter=IngressMetrics(metrics.registry),
                        traces=told,
                    )
                except OSError as error:
                    raise not_listening(error, host, port) from error
                finally:
                    await end(background)
    log.info("fairlead_down")


def _background(
    installation: Installation, metrics: Metrics, told: Traces
) -> dict[str, Coroutine[None, None, None]]:
    wakeup, pool, database = installation.wakeup, installation.pool, installation.database
    assert database is not None, "an installation in a folder has one"  # noqa: S101
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
            pool,
            PostgresLogReader(pool, CONSUMER, wakeup),
            AllocatorSettings(),
            on_stored=lambda: wakeup.notify(ALLOCATIONS),
            meter=AllocatorMetrics(metrics.registry),
            traces=told,
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
        "database": _keep_database(database),
    }


async def _notice_a_restored_backup(installation: Installation) -> None:
    """Recorded before any role acts, and the folder marked after it (F79)."""
    if await asyncio.to_thread(is_copy, installation.data):
        log.warning("backup_restored", folder=str(installation.data))
        await Restorations(installation.pool).record("a start in a copied folder")
    await asyncio.to_thread(mark, installation.data)


async def _keep_database(database: EmbeddedDatabase) -> None:
    """Start PostgreSQL again whenever it died under us; the other roles wait for it (F37).

    However often that fails: as long as this process lives, webhooks go into the spool; were it to
    end, Kommo would find nobody, and switch the hooks off.
    """
    failures = 0
    while True:
        is_lasting = failures >= QUICK_REVIVALS_MAX
        await asyncio.sleep(SLOW_REVIVALS_EVERY_S if is_lasting else LOOK_AFTER_DATABASE_EVERY_S)
        if await asyncio.to_thread(database.pid) is not None:
            failures = 0
            continue
        if not failures:
            log.error("database_died", folder=str(database.data_folder))
        try:
            await asyncio.to_thread(database.revive)
        except EmbeddedDatabaseError as error:
            failures += 1
            tell = log.error if failures >= QUICK_REVIVALS_MAX else log.warning
            tell("database_not_revived", reason=str(error), failures=failures)
        else:
            failures = 0


async def _keep_house(installation: Installation) -> None:
    """Forget messages of the inbound log two weeks after they took effect."""
    while True:
        try:
            while await prune(installation.pool, CONSUMER):
                pass
        except Unavailable as error:
            log.warning("housekeeping_waits", reason=str(error))
        await asyncio.sleep(PRUNE_EVERY_S)
