"""What the inbound log on Apache Kafka holds of an account."""

from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition

from contracts.inbound import Inbound
from contracts.topics import INBOUND
from services.log.kafka import KafkaSettings, key_of, partition_of, source_of
from services.log.kafka_security import reached
from services.shared.codec import decode_inbound
from services.shared.errors import Malformed

WAIT_MS = 1_000


@dataclass(frozen=True, slots=True)
class InboundTopic:
    """The inbound log of an installation, none of it deleted yet."""

    settings: KafkaSettings
    topic: str = INBOUND

    def source_of(self, account_id: int) -> str:
        """Under which name the allocator keeps its position in the account's messages."""
        return source_of(self.topic, partition_of(account_id, self.settings.partitions))

    async def messages(self, account_id: int, position: int) -> tuple[Inbound, ...] | None:
        """All that was told of the account, in order; None if there is more behind a position."""
        place = TopicPartition(self.topic, partition_of(account_id, self.settings.partitions))
        values: list[bytes] = []
        async with AIOKafkaConsumer(
            **reached(self.settings),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        ) as consumer:
            consumer.assign([place])
            if (await consumer.end_offsets([place]))[place] > position:
                return None
            while await consumer.position(place) < position:
                for records in (await consumer.getmany(timeout_ms=WAIT_MS)).values():
                    values += [
                        record.value or b""
                        for record in records
                        if record.key == key_of(account_id) and record.offset < position
                    ]
        return tuple(message for value in values if (message := _readable(value)) is not None)


def _readable(value: bytes) -> Inbound | None:
    try:
        return decode_inbound(value)
    except Malformed:
        return None  # set aside by the allocator, too
