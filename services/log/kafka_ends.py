"""How far a topic reaches: for commands that wait for an effect, or look for what is missing."""

from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from services.log.kafka import KafkaSettings
from services.log.kafka_closing import close_in_time
from services.log.kafka_security import reached
from services.shared.errors import Unavailable

TIMEOUT_MS = 10_000


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a partition holds.

    Attributes:
        earliest: The offset of its first message.
        latest: The offset of its next message: the position behind the last one.
    """

    earliest: int
    latest: int


async def ends(settings: KafkaSettings, topic: str) -> dict[int, int]:
    """Partition to the position behind its last message.

    Raises:
        services.shared.errors.Unavailable: Kafka does not answer.
    """
    return {number: held.latest for number, held in (await bounds(settings, topic)).items()}


async def bounds(settings: KafkaSettings, topic: str) -> dict[int, Bounds]:
    """Partition to what it holds.

    Raises:
        services.shared.errors.Unavailable: Kafka does not answer.
    """
    client = AIOKafkaConsumer(
        **reached(settings),
        enable_auto_commit=False,
        request_timeout_ms=TIMEOUT_MS,
    )
    places = [TopicPartition(topic, number) for number in range(settings.partitions)]
    try:
        await client.start()
        earliest = await client.beginning_offsets(places)
        latest = await client.end_offsets(places)
    except (KafkaError, OSError, TimeoutError) as error:
        raise Unavailable(f"Kafka at {settings.servers}: {error!r}") from error
    finally:
        await close_in_time(client)
    return {place.partition: Bounds(earliest[place], latest[place]) for place in places}
