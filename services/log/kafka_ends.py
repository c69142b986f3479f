"""How far a topic reaches: for commands that wait until what they published took effect."""

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from services.errors import Unavailable
from services.log.kafka import KafkaSettings

TIMEOUT_MS = 10_000


async def ends(settings: KafkaSettings, topic: str) -> dict[int, int]:
    """Partition to the offset of its next message: the position behind its last one.

    Raises:
        services.errors.Unavailable: Kafka does not answer.
    """
    client = AIOKafkaConsumer(
        bootstrap_servers=settings.servers,
        enable_auto_commit=False,
        request_timeout_ms=TIMEOUT_MS,
    )
    try:
        await client.start()
        places = [TopicPartition(topic, number) for number in range(settings.partitions)]
        found = await client.end_offsets(places)
    except (KafkaError, OSError, TimeoutError) as error:
        raise Unavailable(f"Kafka at {settings.servers}: {error!r}") from error
    finally:
        await client.stop()
    return {place.partition: offset for place, offset in found.items()}
