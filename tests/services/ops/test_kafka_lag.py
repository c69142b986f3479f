"""The lag of an inbound log on Apache Kafka, measured on a real broker."""

from typing import Any

import pytest

from contracts.topics import INBOUND
from services.allocator.run import CONSUMER
from services.log import topics
from services.log.kafka import declared_topic, partition_of, source_of
from services.log.kafka_writer import KafkaLogWriter
from services.log.port import Entry
from services.ops import kafka_lag, readings
from services.ops.kafka_lag import KafkaLag, show_kafka_lag
from services.ops.metrics import Metrics
from services.storage.events import EventStore
from tests.services.ops.harness import samples_of, samples_when
from tests.support.kafka import PARTITIONS, settings_of

ACCOUNTS = range(1, 9)


async def test_F18_the_lag_is_what_the_allocator_has_not_taken_in(
    pool: Any, kafka_servers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = f"{INBOUND}.lag"
    monkeypatch.setattr(kafka_lag, "INBOUND", topic)
    monkeypatch.setattr(readings, "READ_EVERY_S", 0.0)
    monkeypatch.setattr(readings, "READ_WITHIN_S", 20.0)
    settings = settings_of(kafka_servers)
    await topics.apply(settings_of(kafka_servers), [declared_topic(topic, settings)])
    metrics = Metrics()
    lag = KafkaLag(settings, EventStore(pool))
    show_kafka_lag(metrics, lag)
    try:
        async with KafkaLogWriter(settings, topic) as writer:
            empty = await samples_of(metrics)
            await writer.publish([Entry(account, b"x" * 5_000) for account in ACCOUNTS] * 3)
            first = await samples_when(metrics, lambda s: s["fairlead_inbound_lag_seconds"])
            again = await samples_when(
                metrics,
                lambda s: s["fairlead_inbound_lag_seconds"] > first["fairlead_inbound_lag_seconds"],
            )
            taken = partition_of(1, PARTITIONS)
            here = sum(partition_of(account, PARTITIONS) == taken for account in ACCOUNTS) * 3
            await _take(pool, topic, taken, here - 1)
            second = await samples_of(metrics)
            for partition in range(PARTITIONS):
                await _take(pool, topic, partition, 1_000)
            done = await samples_of(metrics)
    finally:
        await lag.close()

    name = "fairlead_inbound_lag_messages"
    assert [s[name] for s in (empty, first, again, second, done)] == [0, 24, 24, 25 - here, 0]
    assert empty["fairlead_inbound_lag_seconds"] == done["fairlead_inbound_lag_seconds"] == 0
    assert {s["fairlead_kafka_readable"] for s in (empty, first, second, done)} == {1}


async def test_F15_a_broker_that_is_away_is_told_and_nothing_old_is_shown(
    pool: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readings, "READ_WITHIN_S", 5.0)
    metrics = Metrics()
    lag = KafkaLag(settings_of("127.0.0.1:1"), EventStore(pool))
    show_kafka_lag(metrics, lag)
    samples = await samples_of(metrics)
    await lag.close()

    assert samples["fairlead_kafka_readable"] == 0
    assert "fairlead_inbound_lag_messages" not in samples


async def _take(pool: Any, topic: str, partition: int, position: int) -> None:
    async with pool.acquire() as connection:
        await connection.execute(
            "INSERT INTO positions VALUES ($1, $2, $3)"
            " ON CONFLICT (consumer, source) DO UPDATE SET position = excluded.position",
            CONSUMER,
            source_of(topic, partition),
            position,
        )
