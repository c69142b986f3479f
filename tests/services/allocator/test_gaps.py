"""The inbound log loses its positions, its messages or itself: never "latest" without a word."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete
from aiokafka.errors import NoError
from aiokafka.protocol.admin import DeleteGroupsRequest
from aiokafka.structs import TopicPartition
from structlog.testing import capture_logs

from services.allocator.gaps import sweeps_after_gaps
from services.allocator.run import CONSUMER
from services.log.kafka import partition_of, source_of
from services.log.kafka_reader import KafkaLogReader
from services.log.topics import apply
from services.storage.asked_sweeps import AskedSweeps
from tests.support.campaign import Tally
from tests.support.engine import ACCOUNTS, Engine, allocating
from tests.support.kafka import PARTITIONS, topic_of
from tests.support.running import until

pytestmark = pytest.mark.fault

CONNECT = """
INSERT INTO accounts
    (account_id, subdomain, base_url, token_encrypted, webhook_secret_sha256, timezone)
SELECT n, 'acme', 'http://127.0.0.1:9', '', sha256(n::text::bytea), 'UTC'
FROM unnest($1::bigint[]) AS n
"""


@asynccontextmanager
async def administrator(engine: Engine) -> AsyncIterator[Any]:
    admin = AIOKafkaAdminClient(bootstrap_servers=engine.settings.servers)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


async def test_F22_without_its_groups_positions_it_goes_on_where_the_events_end(
    engine: Engine, judged: Callable[[Tally], None]
) -> None:
    first = await engine.start()
    await engine.tell(200)
    await engine.everything_decided()
    assert await first.stop() == 0
    await engine.tell(100)
    await _delete_group(engine, f"fairlead.{CONSUMER}")
    second = await engine.start()
    await engine.everything_decided()
    await engine.tell(100)
    await engine.everything_decided()

    judged(await engine.tally())
    assert second.count("batch_decided") > 0
    assert second.count("batch_recorded_before") == 0  # nothing was even read again


async def test_F22_F24_what_was_deleted_unread_stops_its_partition_and_sweeps_its_accounts(
    engine: Engine,
) -> None:
    await engine.pool.execute(CONNECT, ACCOUNTS)
    await engine.tell(80)
    async with administrator(engine) as admin:
        place = TopicPartition(engine.topic, 0)
        await admin.delete_records({place: RecordsToDelete(before_offset=5)})
    with capture_logs() as lines:
        async with allocating(engine, **_impatient(engine)) as reader:
            await engine.decided(80 * (PARTITIONS - 1) // PARTITIONS)  # the others go on
            await until(lambda: _is_stopped(reader, engine, 0))

    (stopped,) = [line for line in lines if line["event"] == "source_stopped"]
    assert "messages 0 to 4 were deleted" in stopped["reason"]
    assert await _asked(engine) == _accounts_in(0)


async def test_F22_a_topic_made_anew_stops_what_was_ahead_of_it_until_a_person_has_seen_to_it(
    engine: Engine,
) -> None:
    await engine.pool.execute(CONNECT, ACCOUNTS)
    await engine.start()
    await engine.tell(80)
    await engine.everything_decided()
    assert await engine.members[0].stop() == 0
    async with administrator(engine) as admin:
        await admin.delete_topics([engine.topic])
    await until(lambda: _is_gone(engine))
    await apply(engine.settings.servers, [topic_of(engine.topic, engine.settings)])
    await engine.tell(8)  # fewer than were there before
    async with allocating(engine, **_impatient(engine)) as reader:
        for partition in range(PARTITIONS):
            await until(lambda p=partition: _is_stopped(reader, engine, p))
        assert await _asked(engine) == sorted(ACCOUNTS)
        await engine.pool.execute("DELETE FROM positions WHERE consumer = $1", CONSUMER)
        await engine.everything_decided()

    tally = await engine.tally()
    assert (tally.decided, tally.lost, tally.twice) == (88, 0, 0)


def _impatient(engine: Engine) -> dict[str, Any]:
    on_gap = sweeps_after_gaps(engine.pool, engine.settings, engine.topic)
    return {"behind_for_s": 0.2, "look_again_s": 0.1, "on_gap": on_gap}


async def _is_stopped(reader: KafkaLogReader, engine: Engine, partition: int) -> bool:
    return source_of(engine.topic, partition) in reader.stopped


async def _is_gone(engine: Engine) -> bool:
    async with administrator(engine) as admin:
        return engine.topic not in await admin.list_topics()


async def _asked(engine: Engine) -> list[int]:
    return sorted(await AskedSweeps(engine.pool).open())


def _accounts_in(partition: int) -> list[int]:
    return sorted(each for each in ACCOUNTS if partition_of(each, PARTITIONS) == partition)


async def _delete_group(engine: Engine, group: str) -> None:
    async with administrator(engine) as admin:
        coordinator = await admin.find_coordinator(group)
        answer = await admin._send_request_to_node(coordinator, DeleteGroupsRequest([group]))
    assert answer.results == [(group, NoError.errno)]
