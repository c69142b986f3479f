"""The installation of many processes: its logs are topics of Apache Kafka.

The messages of the allocations log share out the accounts and tell that something moved. What
moved, gateway and clock find in the projector's lists, so the projector tells them, too. A peer
that is away is waited for; what a person has to mend ends the process with a line that says what.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from os import getpid
from pathlib import Path
from socket import gethostname
from uuid import uuid4

import structlog

from contracts.topics import ALLOCATIONS, INBOUND
from services.allocator.gaps import sweeps_after_gaps
from services.allocator.run import CONSUMER
from services.application.installation import Installation
from services.gateway.leases import PostgresLeases, SharedLeases
from services.gateway.ports import SharedOut
from services.log import topics
from services.log.kafka import TopicRefused, declared_topics
from services.log.kafka_follower import AllocationsFollower
from services.log.kafka_reader import KafkaLogReader
from services.log.kafka_writer import KafkaLogWriter
from services.log.port import LogWriter
from services.ops.health import Health
from services.ops.kafka_lag import KafkaLag, show_kafka_lag
from services.ops.metrics import Metrics
from services.ops.tables import show_tables
from services.projector.advance import is_trouble
from services.relay.relay import Relay
from services.runtime.installation import open_distributed
from services.runtime.lifetime import end
from services.runtime.peers import Chore, Inbound
from services.runtime.roles import ROLES
from services.runtime.settings import EverySetting
from services.runtime.wrong import Wrong
from services.shared.errors import Unavailable
from services.shared.lasting import lasting
from services.shared.ownership import Share, ignore, let_go_at_once
from services.shared.private_files import make_private
from services.storage.wakeup import Bell

log = structlog.get_logger(__name__)

PAUSE_FIRST_S = 0.5
PAUSE_MAX_S = 30.0


class KafkaPeers:
    """Topics for logs; consumer groups share the accounts out among processes."""

    probe: Callable[[], Awaitable[None]] | None = None

    def __init__(self, installation: Installation, settings: EverySetting) -> None:
        self.installation = installation
        self.ready = asyncio.Event()
        self._kafka = settings.kafka
        self._relay = settings.relay

    def show(self, roles: Collection[str], health: Health, metrics: Metrics) -> None:
        """Kafka is a part of its own, for who cannot work without."""
        show_tables(metrics, self.installation.pool, has_inbound_log=False)
        if not all(ROLES[role].is_server for role in roles):
            health.register("kafka", self._why_not)

    def chores(self) -> Mapping[str, Chore]:
        """See that the topics are what they have to be."""
        return {"topics": self._check_topics}

    def writer(self) -> AbstractAsyncContextManager[LogWriter]:
        """Less patient than the installation's log: the spool takes what it does not (F15)."""
        return KafkaLogWriter(self._kafka, INBOUND)

    @asynccontextmanager
    async def inbound(self, metrics: Metrics) -> AsyncIterator[Inbound]:
        """The topic, with a relay beside it and its lag shown."""
        pool, stored = self.installation.pool, Bell()
        lag = KafkaLag(self._kafka, self.installation.events)
        show_kafka_lag(metrics, lag)
        on_gap = sweeps_after_gaps(pool, self._kafka, INBOUND)
        async with (
            lag,
            KafkaLogReader(self._kafka, INBOUND, pool, CONSUMER, on_gap=on_gap) as reader,
            KafkaLogWriter(self._kafka, ALLOCATIONS, self._relay.answer_within_s) as writer,
            asyncio.TaskGroup() as group,
        ):
            relay = Relay(
                self.installation.events,
                writer,
                owns=reader.owns,
                wait=stored.wait,
                settings=self._relay,
            )
            relaying = group.create_task(lasting("relay", relay.run), name="relay")
            try:
                yield Inbound(
                    reader=reader, on_stored=stored.ring, stopped=lambda: len(reader.stopped)
                )
            finally:
                relaying.cancel()

    def leases(self) -> SharedOut:
        """Leases under a name of this process alone: a restart is another holder."""
        holder = f"{gethostname()}/{getpid()}/{uuid4().hex}"
        return SharedLeases(PostgresLeases(self.installation.pool), holder, self._kafka.partitions)

    def join(
        self,
        role: str,
        *,
        on_moved: Callable[[], None],
        on_assigned: Callable[[], None] = ignore,
        let_go: Callable[[], Awaitable[None]] = let_go_at_once,
        release_within_s: float = 2.0,
    ) -> Share:
        """A member of the role's group."""
        return AllocationsFollower(
            self._kafka,
            role,
            self.installation.dead_letters,
            on_moved=on_moved,
            on_assigned=on_assigned,
            let_go=let_go,
            release_within_s=release_within_s,
        )

    async def _why_not(self) -> str | None:
        """Why a role cannot work on Kafka; raises `Unavailable` while it does not answer."""
        try:
            await topics.check(self._kafka, declared_topics(self._kafka))
        except TopicRefused as refused:
            return str(refused)
        return None

    async def _check_topics(self) -> None:
        """Wait for Kafka, and refuse topics that are not what they have to be (F23).

        Raises:
            Wrong: One is not.
        """
        pause_s = PAUSE_FIRST_S
        while True:
            try:
                await topics.check(self._kafka, declared_topics(self._kafka))
            except TopicRefused as refused:
                raise Wrong(str(refused)) from refused
            except Unavailable as error:
                log.warning("kafka_awaited", reason=str(error), pause_s=pause_s)
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, PAUSE_MAX_S)
            else:
                self.ready.set()
                return


@asynccontextmanager
async def distributed(
    data: Path, settings: EverySetting, stop: asyncio.Event
) -> AsyncIterator[KafkaPeers | None]:
    """Open the installation as soon as its database is there (F37); None if told to stop before."""
    async with AsyncExitStack() as stack:
        opening = asyncio.create_task(_opened(stack, data, settings), name="opening")
        told = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({opening, told}, return_when=asyncio.FIRST_COMPLETED)
            yield None if stop.is_set() else KafkaPeers(await opening, settings)
        finally:
            await end([opening, told])


async def _opened(stack: AsyncExitStack, data: Path, settings: EverySetting) -> Installation:
    connections, pause_s = settings.installation.database_connections, PAUSE_FIRST_S
    while True:
        try:
            opening = open_distributed(data, settings, connections=connections)
            installation = await stack.enter_async_context(opening)
        except Exception as error:
            if not is_trouble(error):
                raise
            log.warning("database_awaited", reason=repr(error), pause_s=pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, PAUSE_MAX_S)
        else:
            await asyncio.to_thread(make_private, installation.data)
            return installation
