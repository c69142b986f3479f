"""The installation in a folder, in one process: its logs are tables of its own database."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from functools import partial
from pathlib import Path

import structlog

from services.allocator.run import CONSUMER
from services.application.installation import Installation
from services.gateway.leases import AllOurs
from services.gateway.ports import SharedOut
from services.log.port import LogWriter
from services.log.postgres import PostgresLogReader, prune
from services.ops.health import Health
from services.ops.metrics import Metrics
from services.ops.tables import show_tables
from services.runtime.child import keep_beside
from services.runtime.installation import open_embedded
from services.runtime.peers import Chore, Inbound
from services.runtime.settings import EverySetting
from services.shared.errors import Unavailable
from services.shared.lasting import lasting
from services.shared.ownership import alone
from services.storage.copies import is_copy, mark
from services.storage.database import probe_room
from services.storage.embedded.database import EmbeddedDatabase, EmbeddedDatabaseError
from services.storage.restorations import Restorations
from services.storage.wakeup import ALLOCATIONS

log = structlog.get_logger(__name__)

CONNECTIONS = 24
PRUNE_EVERY_S = 600.0
LOOK_AFTER_DATABASE_EVERY_S = 0.5
# The dead server's children may hold its memory for a moment more, and no server starts beside it;
# what has failed so often needs a person.
QUICK_REVIVALS_MAX = 20
SLOW_REVIVALS_EVERY_S = 10.0


class EmbeddedPeers:
    """Tables for logs, and no other process."""

    join = staticmethod(alone)

    def __init__(
        self,
        installation: Installation,
        database: EmbeddedDatabase,
        beside: Chore | None = None,
    ) -> None:
        self.installation = installation
        self._beside = beside
        self.ready = asyncio.Event()
        self.ready.set()  # with the database, the logs are there
        self.probe: Callable[[], Awaitable[None]] | None = partial(probe_room, installation.pool)
        self._database = database

    def show(self, roles: Collection[str], health: Health, metrics: Metrics) -> None:
        """Nothing but the database, which every process looks at."""
        del roles, health
        show_tables(metrics, self.installation.pool, has_inbound_log=True)

    def chores(self) -> Mapping[str, Chore]:
        """Keep the database alive and its log short."""
        beside = {} if self._beside is None else {"beside": self._beside}
        return {
            "housekeeping": partial(
                lasting, "housekeeping", partial(_keep_house, self.installation)
            ),
            "database": partial(keep_database, self._database),
            **beside,
        }

    def writer(self) -> AbstractAsyncContextManager[LogWriter]:
        """The log of the installation: webhooks wait for nothing else."""
        return nullcontext(self.installation.log)

    def inbound(self, metrics: Metrics) -> AbstractAsyncContextManager[Inbound]:
        """The same log; the projector reads what is stored by itself."""
        del metrics  # the lag is shown with the tables
        pool, wakeup = self.installation.pool, self.installation.wakeup
        return nullcontext(
            Inbound(
                reader=PostgresLogReader(pool, CONSUMER, wakeup),
                on_stored=partial(wakeup.notify, ALLOCATIONS),
            )
        )

    def leases(self) -> SharedOut:
        """All accounts are ours."""
        return AllOurs()


@asynccontextmanager
async def embedded(
    data: Path,
    settings: EverySetting,
    _stop: asyncio.Event,
    *,
    new_key: bool,
    beside: Sequence[str] = (),
) -> AsyncIterator[EmbeddedPeers]:
    """Open the installation of the folder as the one that works in it.

    Args:
        data: The folder.
        settings: They say whether anything runs in a process beside it.
        new_key: Make a new master key if that of the folder is lost.
        beside: More for the command line of that process.

    Raises:
        services.storage.embedded.database.EmbeddedDatabaseError: The folder cannot be used.
    """
    async with open_embedded(
        data,
        settings,
        connections=CONNECTIONS,
        exclusive=True,
        new_key=new_key,
    ) as installation:
        await _notice_a_restored_backup(installation)
        database = installation.database
        assert database is not None, "an installation in a folder has one"  # noqa: S101
        web = partial(keep_beside, ("web",), installation.data, arguments=beside)
        yield EmbeddedPeers(installation, database, web if settings.web.enabled else None)


async def _notice_a_restored_backup(installation: Installation) -> None:
    """Recorded before any role acts, and the folder marked after it (F79)."""
    if await asyncio.to_thread(is_copy, installation.data):
        log.warning("backup_restored", folder=str(installation.data))
        await Restorations(installation.pool).record("a start in a copied folder")
    await asyncio.to_thread(mark, installation.data)


async def keep_database(database: EmbeddedDatabase) -> None:
    """Start PostgreSQL again whenever it died under us; the roles wait for it (F37).

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
