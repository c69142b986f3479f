"""Decisions per second over Apache Kafka: some allocators as processes, some accounts."""

import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from services.allocator.run import CONSUMER
from services.log.kafka import KafkaSettings, partition_of
from services.log.kafka_writer import KafkaLogWriter
from services.log.port import Entry
from services.shared.codec import encode_inbound
from services.storage.database import open_pool
from services.storage.embedded.database import EmbeddedDatabase
from services.storage.migrate import migrate
from tests.bench.allocator import backlog, insert_again
from tests.bench.figures import Figure, ratio
from tests.support.engine import Engine, an_engine
from tests.support.kafka import own_broker, settings_of
from tests.support.waiting import until

LEADS = 6_000
RUNS = 3
PARTITIONS = 24
ALLOCATORS = (1, 2, 4)
ACCOUNTS = (1, 10, 1_000)
BATCH = 500
WITHIN_S = 600.0


async def measure_decisions(folder: Path) -> list[Figure]:
    """A backlog for members that are waiting for it, against the bare client and the insert."""
    figures: list[Figure] = []
    with own_broker(folder / "kafka") as broker:
        async with EmbeddedDatabase(folder / "data", settings={"max_wal_size": "4GB"}) as database:
            pool = await open_pool(database.dsn, size_max=4)
            async with pool.acquire() as connection:
                await migrate(connection)
            settings = settings_of(broker.address, partitions=PARTITIONS)
            bench = _Bench(settings, database.dsn, pool, folder)
            for accounts in ACCOUNTS:
                for allocators in ALLOCATORS:
                    figures += await bench.measure(accounts, allocators)
            await pool.close()
    return figures


class _Bench:
    """One broker and one database for all runs; every run has accounts and a topic of its own."""

    def __init__(self, settings: KafkaSettings, dsn: str, pool: Any, folder: Path) -> None:
        self._settings = settings
        self._dsn = dsn
        self._pool = pool
        self._folder = folder
        self._accounts = 0

    async def measure(self, accounts: int, allocators: int) -> list[Figure]:
        ours: list[float] = []
        client: list[float] = []
        insert: list[float] = []
        for _ in range(RUNS):
            first = self._accounts + 1
            self._accounts += accounts
            ids = range(first, first + accounts)
            entries = [
                Entry(account_id, encode_inbound(message))
                for account_id in ids
                for message in backlog(account_id, LEADS // accounts)
            ]
            ours.append(await self._decide(entries, allocators))
            client.append(await self._bare_client(entries))
            if accounts == 1:
                insert.append(await insert_again(self._pool, first, LEADS))
        name = f"{allocators} allocators, {accounts:,} accounts"
        per_s = [LEADS / each for each in ours]
        figures = [
            Figure(f"decisions over Kafka, {name}", per_s, "per s"),
            ratio(f"decisions over Kafka / bare produce and consume, {name}", ours, client),
        ]
        if insert:
            figures.append(
                ratio(f"decisions over Kafka / bare insert of equal rows, {name}", ours, insert)
            )
        return figures

    async def _decide(self, entries: Sequence[Entry], allocators: int) -> float:
        chance = random.Random(1)
        async with an_engine(self._settings, self._dsn, self._pool, self._folder, chance) as engine:
            engine.environment = {
                "FAIRLEAD_ALLOCATOR_BATCH_SIZE_MAX": str(BATCH),
                "FAIRLEAD_LOG_LEVEL": "ERROR",
            }
            for _ in range(allocators):
                await engine.start()
            await until(lambda: _have_joined(engine, allocators), within_s=WITHIN_S)
            started = time.perf_counter()
            async with KafkaLogWriter(self._settings, engine.topic, answer_within_s=60) as writer:
                for start in range(0, len(entries), 2_000):
                    await writer.publish(entries[start : start + 2_000])
            await until(engine.has_read_all, within_s=WITHIN_S, every_s=0.02)
            return time.perf_counter() - started

    async def _bare_client(self, entries: Sequence[Entry]) -> float:
        """The same messages, by the client alone."""
        async with an_engine(
            self._settings, self._dsn, self._pool, self._folder, random.Random(1)
        ) as engine:
            servers = self._settings.servers
            started = time.perf_counter()
            async with AIOKafkaProducer(
                bootstrap_servers=servers, acks="all", enable_idempotence=True
            ) as producer:
                sends = [
                    await producer.send(
                        engine.topic,
                        entry.value,
                        partition=partition_of(entry.account_id, PARTITIONS),
                    )
                    for entry in entries
                ]
                for send in sends:
                    await send
            consumer = AIOKafkaConsumer(
                bootstrap_servers=servers, enable_auto_commit=False, auto_offset_reset="earliest"
            )
            async with consumer:
                places = [TopicPartition(engine.topic, number) for number in range(PARTITIONS)]
                consumer.assign(places)
                left = len(entries)
                while left:
                    found = await consumer.getmany(timeout_ms=1_000, max_records=BATCH)
                    left -= sum(map(len, found.values()))
            return time.perf_counter() - started


async def _have_joined(engine: Engine, members: int) -> bool:
    admin = AIOKafkaAdminClient(bootstrap_servers=engine.settings.servers)
    await admin.start()
    try:
        (answer,) = await admin.describe_consumer_groups([f"fairlead.{CONSUMER}"])
    except KafkaError:  # the broker is making the topic of the groups
        return False
    finally:
        await admin.close()
    (group,) = answer.groups
    state, found = group[2], group[5]
    return state == "Stable" and len(found) == members
