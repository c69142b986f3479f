"""How far the allocator is behind, where the inbound log is Apache Kafka.

Asked from the outside, of all partitions: an allocator that hangs, or a group without members,
would not tell. Positions are our database's, ends and times are the broker's.
"""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from prometheus_client.core import Metric

from contracts.topics import INBOUND
from services.allocator.run import CONSUMER
from services.log.kafka import MESSAGE_BYTES_MAX, KafkaSettings, source_of
from services.log.kafka_closing import close_in_time
from services.log.kafka_security import reached
from services.ops.metrics import Metrics
from services.ops.readings import show
from services.ops.tables import lag_metrics
from services.shared.errors import Unavailable
from services.storage.events import EventStore

AWAY = (KafkaError, OSError, TimeoutError)
FIRST_WITHIN_MS = 500


@dataclass(slots=True)
class KafkaLag:
    """Asks the broker; connects at the first question. Close it: `async with`."""

    settings: KafkaSettings
    events: EventStore
    _client: Any = field(default=None, repr=False)

    async def read(self) -> list[Metric]:
        """Messages and seconds behind, all partitions together.

        Raises:
            services.shared.errors.Unavailable: Kafka or the database does not answer, or the topic
                is not there.
        """
        try:
            return await self._read()
        except AWAY as error:
            await self.close()
            raise Unavailable(f"Kafka at {self.settings.servers}: {error!r}") from error

    async def close(self) -> None:
        """Let the connections go."""
        client, self._client = self._client, None
        if client is not None:
            await close_in_time(client)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _read(self) -> list[Metric]:
        places = [TopicPartition(INBOUND, number) for number in range(self.settings.partitions)]
        client = await self._connected(places)
        sources = {source_of(place.topic, place.partition): place for place in places}
        stored = await self.events.positions(CONSUMER, list(sources))
        ends = await client.end_offsets(places)
        behind = {
            place: stored.get(source, 0)
            for source, place in sources.items()
            if ends[place] > stored.get(source, 0)
        }
        messages = sum(ends[place] - position for place, position in behind.items())
        return lag_metrics(messages, await _oldest_s(client, places, behind))

    async def _connected(self, places: list[TopicPartition]) -> Any:  # noqa: ANN401 - aiokafka ships no types
        if self._client is None:
            client = AIOKafkaConsumer(
                **reached(self.settings),
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                # The first record of a partition is enough.
                max_partition_fetch_bytes=1,
                fetch_max_bytes=MESSAGE_BYTES_MAX,
            )
            try:
                await client.start()
            except BaseException:
                await close_in_time(client)
                raise
            self._client = client
            client.assign(places)
            client.pause(*places)
        return self._client


async def _oldest_s(
    client: Any,  # noqa: ANN401 - aiokafka ships no types
    places: list[TopicPartition],
    behind: dict[TopicPartition, int],
) -> float:
    """Age of the oldest first record of the partitions that are behind."""
    if not behind:
        return 0.0
    for place, position in behind.items():
        client.seek(place, position)
    client.resume(*behind)
    try:
        oldest_ms: int | None = None
        waiting = set(behind)
        deadline = asyncio.get_running_loop().time() + FIRST_WITHIN_MS / 1_000
        while waiting and asyncio.get_running_loop().time() < deadline:
            found = await client.getmany(*waiting, timeout_ms=FIRST_WITHIN_MS // 5)
            for place, records in found.items():
                waiting.discard(place)
                first_ms = records[0].timestamp
                oldest_ms = first_ms if oldest_ms is None else min(oldest_ms, first_ms)
    finally:
        client.pause(*places)
    return 0.0 if oldest_ms is None else max(0.0, time.time() - oldest_ms / 1_000)


def show_kafka_lag(metrics: Metrics, lag: KafkaLag) -> None:
    """Show what the broker tells."""
    show(metrics, "kafka", lag.read)
