"""A thousand webhooks at once, kept by Apache Kafka, by PostgreSQL, and not at all."""

from pathlib import Path
from uuid import uuid4

from services.log.kafka_writer import KafkaLogWriter
from services.log.postgres import PostgresLogWriter
from services.log.topics import apply
from tests.bench.database import bench_pool
from tests.bench.figures import Figure, ratio
from tests.bench.ingress import Burst, NoLog, figures_of, webhooks
from tests.support.kafka import own_broker, settings_of, topic_of

RUNS = 5


async def measure_ingest(folder: Path) -> list[Figure]:
    """The same ingress over each; the first round warms up."""
    kafka: list[Burst] = []
    table: list[Burst] = []
    fleeting: list[Burst] = []
    with own_broker(folder / "kafka") as broker:
        settings = settings_of(broker.address, partitions=24)
        topic = f"bench-{uuid4().hex}"
        await apply(settings_of(broker.address), [topic_of(topic, settings)])
        async with bench_pool(folder) as pool, KafkaLogWriter(settings, topic) as writer:
            for _ in range(RUNS + 1):
                kafka.append(await webhooks(pool, writer))
                table.append(await webhooks(pool, PostgresLogWriter(pool)))
                fleeting.append(await webhooks(pool, NoLog()))
    took = [[burst.took_s for burst in each[1:]] for each in (kafka, table, fleeting)]
    return [
        ratio("ingress on Kafka / not durable, 1,000 webhooks at once", took[0], took[2]),
        ratio("ingress on Kafka / on PostgreSQL, 1,000 webhooks at once", took[0], took[1]),
        *figures_of("ingress on Kafka", kafka[1:]),
    ]
