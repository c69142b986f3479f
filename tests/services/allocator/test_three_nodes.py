"""A cluster of three brokers loses the leader of partitions under load (F16)."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from deploy.kafka.broker import Broker, Cluster
from tests.support.campaign import Tally
from tests.support.engine import Engine, an_engine
from tests.support.kafka import own_cluster, settings_of

pytestmark = [pytest.mark.broker, pytest.mark.fault]

LEADS = 800


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with own_cluster(tmp_path / "kafka", nodes=3) as cluster:
        yield cluster


@pytest.fixture
async def engine(
    cluster: Cluster, database_url: str, pool: Any, tmp_path: Path, chance: random.Random
) -> AsyncIterator[Engine]:
    settings = settings_of(cluster.address, replication=3, in_sync_min=2)
    async with an_engine(settings, database_url, pool, tmp_path, chance) as engine:
        yield engine


async def test_F16_leaders_that_are_lost_under_load_cost_nothing(
    engine: Engine, cluster: Cluster, judged: Callable[[Tally], None]
) -> None:
    members = [await engine.start(), await engine.start()]
    telling = asyncio.create_task(engine.tell(LEADS, pause_s=0.1))
    for number, end in enumerate((Broker.kill, Broker.stop)):
        await engine.decided((2 * number + 1) * LEADS // 5)
        leader = await _leader(engine, cluster)
        await asyncio.to_thread(end, leader)
        await engine.decided((2 * number + 2) * LEADS // 5)  # by the two that are left
        await asyncio.to_thread(leader.start)
    await telling
    await engine.everything_decided()

    judged(await engine.tally())
    assert [member.last_words() for member in members] == [None] * len(members)


async def _leader(engine: Engine, cluster: Cluster) -> Broker:
    admin = AIOKafkaAdminClient(bootstrap_servers=engine.settings.servers)
    await admin.start()
    try:
        (topic,) = await admin.describe_topics([engine.topic])
    finally:
        await admin.close()
    node_id = topic["partitions"][engine.chance.randrange(engine.settings.partitions)]["leader"]
    return cluster.brokers[node_id - 1]
