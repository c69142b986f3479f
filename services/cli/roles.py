"""The roles as they are in the distributed installation: the embedded ones on Apache Kafka.

The messages of the allocations log share out the accounts and tell that something moved. What
moved, gateway and clock find in the projector's lists, so the projector tells them, too.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from contracts.topics import ALLOCATIONS, INBOUND
from projections import timers
from services.allocator.app import create_allocator
from services.allocator.gaps import sweeps_after_gaps
from services.allocator.run import CONSUMER
from services.allocator.settings import AllocatorSettings
from services.cli.environment import from_environment
from services.cli.installation import Installation
from services.cli.listening import not_listening
from services.clock import app as clock
from services.gateway import app as gateway
from services.gateway.postgres import RegisteredAccounts
from services.gateway.settings import Settings as GatewaySettings
from services.ingress.app import serve
from services.ingress.settings import IngressSettings
from services.ingress.spool_file import SPOOL_FILE
from services.log.kafka import KafkaSettings
from services.log.kafka_follower import AllocationsFollower
from services.log.kafka_reader import KafkaLogReader
from services.log.kafka_writer import KafkaLogWriter
from services.ops.health import Register
from services.ops.kafka_lag import KafkaLag, show_kafka_lag
from services.ops.metrics import Metrics
from services.ops.roles import AllocatorMetrics, GatewayMetrics, IngressMetrics
from services.projector.registry import WORK_LISTS
from services.projector.run import Projector
from services.projector.watch import watch
from services.relay.relay import Relay
from services.relay.settings import RelaySettings
from services.storage.events import EventStore
from services.storage.wakeup import TIMERS, WORK, Bell
from services.tracing import Traces

Role = Literal["ingress", "allocator", "projector", "gateway", "clock"]
ROLES: tuple[Role, ...] = ("ingress", "allocator", "projector", "gateway", "clock")
Work = Callable[[], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Address:
    """Where webhooks are received.

    Attributes:
        port: 0 for any free one.
        on_bound: Gets the port once webhooks are received.
    """

    host: str
    port: int
    on_bound: Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Roles:
    """The roles of one process; each runs until cancelled, ingress also until `stop` is set."""

    installation: Installation
    kafka: KafkaSettings
    register: Register
    metrics: Metrics
    traces: Traces
    stop: asyncio.Event

    def works(self, address: Address) -> Mapping[Role, Work]:
        """What each role does."""
        return {
            "ingress": lambda: self.ingress(address),
            "allocator": self.allocator,
            "projector": self.projector,
            "gateway": self.gateway,
            "clock": self.clock,
        }

    async def ingress(self, address: Address) -> None:
        """Receive webhooks."""
        async with KafkaLogWriter(self.kafka, INBOUND) as writer:
            try:
                await serve(
                    log_writer=writer,
                    dead_letters=self.installation.dead_letters,
                    accounts=self.installation.accounts,
                    settings=from_environment(IngressSettings),
                    host=address.host,
                    port=address.port,
                    stop=self.stop,
                    on_bound=address.on_bound,
                    spool_file=self.installation.data / SPOOL_FILE,
                    register=self.register,
                    meter=IngressMetrics(self.metrics.registry),
                    traces=self.traces,
                )
            except OSError as error:
                raise not_listening(error, address.host, address.port) from error

    async def allocator(self) -> None:
        """Decide, and relay what was decided."""
        pool, stored = self.installation.pool, Bell()
        settings, lag = from_environment(RelaySettings), KafkaLag(self.kafka, EventStore(pool))
        show_kafka_lag(self.metrics, lag)
        on_gap = sweeps_after_gaps(pool, self.kafka, INBOUND)
        async with (
            lag,
            KafkaLogReader(self.kafka, INBOUND, pool, CONSUMER, on_gap=on_gap) as reader,
            KafkaLogWriter(self.kafka, ALLOCATIONS, settings.answer_within_s) as writer,
            asyncio.TaskGroup() as group,
        ):
            meter = AllocatorMetrics(self.metrics.registry)
            meter.watch_reader(lambda: len(reader.stopped))
            allocator = create_allocator(
                pool,
                reader,
                from_environment(AllocatorSettings),
                on_stored=stored.ring,
                meter=meter,
                traces=self.traces,
            )
            relay = Relay(
                self.installation.events,
                writer,
                owns=reader.owns,
                wait=stored.wait,
                settings=settings,
            )
            group.create_task(allocator.run(), name="allocator")
            group.create_task(relay.run(), name="relay")

    async def projector(self) -> None:
        """Keep the tables."""
        moved, wakeup = Bell(), self.installation.wakeup
        follower = AllocationsFollower(
            self.kafka, "projector", self.installation.dead_letters, on_moved=moved.ring
        )

        def on_progress(name: str) -> None:
            if name == timers.NAME:
                wakeup.notify(TIMERS)
            elif name in WORK_LISTS:
                wakeup.notify(WORK)

        projector = Projector(
            self.installation.pool,
            self.installation.events,
            wait=moved.wait,
            on_progress=on_progress,
            owns=follower.owns,
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(follower.run(), name="projector's group")
            group.create_task(projector.run(), name="projector")
            group.create_task(watch(self.installation.pool), name="watch")

    async def gateway(self) -> None:
        """Bring Kommo to the decided state, and read what it holds."""
        await gateway.run_shared(
            from_environment(GatewaySettings),
            kafka=self.kafka,
            pool=self.installation.pool,
            accounts=RegisteredAccounts(self.installation.accounts),
            writer=self.installation.log,
            dead_letters=self.installation.dead_letters,
            wakeup=self.installation.wakeup.bell(WORK),
            meter=GatewayMetrics(self.metrics.registry),
            traces=self.traces,
        )

    async def clock(self) -> None:
        """Tell which timers came due."""
        bell = self.installation.wakeup.bell(TIMERS)
        follower = AllocationsFollower(
            self.kafka, "clock", self.installation.dead_letters, on_moved=bell.ring
        )
        settings = from_environment(clock.Settings)
        async with asyncio.TaskGroup() as group:
            group.create_task(follower.run(), name="clock's group")
            group.create_task(
                clock.run(
                    settings,
                    pool=self.installation.pool,
                    writer=self.installation.log,
                    wakeup=bell,
                    owns=follower.owns,
                ),
                name="clock",
            )
