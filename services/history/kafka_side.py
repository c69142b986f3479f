"""What the inbound log on Apache Kafka holds of an account."""

from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from contracts.inbound import Inbound
from contracts.topics import INBOUND
from services.codec import decode_inbound
from services.errors import Malformed
from services.history.our_side import ALLOCATOR
from services.log.kafka import KafkaSettings, key_of, partition_of, source_of
from services.storage.events import EventStore

WAIT_MS = 1_000


@dataclass(frozen=True, slots=True)
class InboundTopic:
    """The inbound log of an installation, none of it deleted yet."""

    settings: KafkaSettings
    pool: Any
    topic: str = INBOUND

    async def messages(self, account_id: int) -> tuple[Inbound, ...] | None:
        """All that was told of the account, in its order; None while some of it is not decided."""
        partition = partition_of(account_id, self.settings.partitions)
        place = TopicPartition(self.topic, partition)
        values: list[bytes] = []
        async with AIOKafkaConsumer(
            bootstrap_servers=self.settings.servers,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        ) as consumer:
            consumer.assign([place])
            end = (await consumer.end_offsets([place]))[place]
            while await consumer.position(place) < end:
                for records in (await consumer.getmany(timeout_ms=WAIT_MS)).values():
                    values += [r.value or b"" for r in records if r.key == key_of(account_id)]
            end = await consumer.position(place)
        source = source_of(self.topic, partition)
        if await EventStore(self.pool).position(ALLOCATOR, source) != end:
            return None
        return tuple(message for value in values if (message := _readable(value)) is not None)


def _readable(value: bytes) -> Inbound | None:
    try:
        return decode_inbound(value)
    except Malformed:
        return None  # set aside by the allocator, too
