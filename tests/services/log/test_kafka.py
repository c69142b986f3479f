"""The log on Apache Kafka: the port's suite, and what is particular to it."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete

from services.log.kafka import (
    VALUE_BYTES_MAX,
    KafkaSettings,
    Topic,
    TopicRefused,
    declared_topics,
    partition_of,
    source_of,
)
from services.log.kafka_reader import KafkaLogReader, refuse_acknowledging
from services.log.kafka_writer import KafkaLogWriter
from services.log.port import Batch, Entry
from services.log.topics import apply, check
from services.shared.errors import Unavailable
from services.storage.events import AlreadyRecorded, EventStore
from tests.services.log.conformance import LogConformance, LogUnderTest, drain, entry
from tests.support.kafka import PARTITIONS, settings_of, topic_of
from tests.support.waiting import until


@dataclass(slots=True)
class OneReader:
    """A reader that takes over from the one before it, as after a restart.

    Two of one consumer would share the partitions, and a suite that reads with one of them
    would wait for the other's half.
    """

    before: "OneReader | None"
    reader: KafkaLogReader

    async def read(self, *, limit: int, wait_s: float) -> list[Batch]:
        if self.before is not None:
            await self.before.reader.close()
            self.before = None
        return await self.reader.read(limit=limit, wait_s=wait_s)

    def rewind(self, source: str) -> None:
        self.reader.rewind(source)


@dataclass(slots=True)
class KafkaLog:
    pool: Any
    settings: KafkaSettings
    topic: str
    stack: AsyncExitStack
    readers: dict[str, OneReader] = field(default_factory=dict)

    def writer(self) -> KafkaLogWriter:
        # Patient: how fast a busy machine answers is not what these tests are about.
        writer = KafkaLogWriter(self.settings, self.topic, answer_within_s=20.0)
        self.stack.push_async_callback(writer.close)
        return writer

    def member(self, consumer: str = "allocator", **knobs: Any) -> KafkaLogReader:
        """A reader beside others of the same group."""
        # The broker is shared: a group of the same name would meet other tests' members.
        reader = KafkaLogReader(self.settings, self.topic, self.pool, consumer, **knobs)
        self.stack.push_async_callback(reader.close)
        return reader

    def reader(self, consumer: str = "allocator") -> OneReader:
        reader = OneReader(self.readers.get(consumer), self.member(f"{consumer}.{self.topic}"))
        self.readers[consumer] = reader
        return reader

    async def store(self, batch: Batch, consumer: str = "allocator") -> None:
        await self.store_position(batch.source, batch.position, f"{consumer}.{self.topic}")

    async def store_position(self, source: str, position: int, consumer: str) -> None:
        await EventStore(self.pool).append([], consumer=consumer, source=source, position=position)

    def declared(self) -> Topic:
        return topic_of(self.topic, self.settings)

    @property
    def consumer(self) -> str:
        return f"allocator.{self.topic}"


@pytest.fixture
async def kafka_log(pool: Any, kafka_servers: str) -> AsyncIterator[KafkaLog]:
    settings = settings_of(kafka_servers)
    topic = f"test-{uuid4().hex}"
    await apply(settings_of(kafka_servers), [topic_of(topic, settings)])
    async with AsyncExitStack() as stack:
        yield KafkaLog(pool, settings, topic, stack)


class TestKafkaLog(LogConformance):
    @pytest.fixture
    def log(self, kafka_log: KafkaLog) -> LogUnderTest:
        return kafka_log


def account_in(partition: int, other_than: int = 0) -> int:
    return next(
        n for n in range(1, 1_000) if n != other_than and partition_of(n, PARTITIONS) == partition
    )


def test_F23_the_partition_of_an_account_never_changes() -> None:
    accounts = (1, 2, 3, 31_415_926, 2**53)

    assert [partition_of(a, 24) for a in accounts] == [14, 20, 1, 2, 9]
    assert {partition_of(a, PARTITIONS) for a in range(100)} == set(range(PARTITIONS))


async def test_F23_another_number_of_partitions_is_refused_everywhere(
    kafka_log: KafkaLog,
) -> None:
    other = settings_of(kafka_log.settings.servers, partitions=PARTITIONS + 1)
    advice = f"has {PARTITIONS} partitions, the settings say {PARTITIONS + 1}.*topics apply"
    kafka_log.settings = other

    with pytest.raises(TopicRefused, match=advice):
        await apply(other, [topic_of(f"new-{uuid4().hex}", other), kafka_log.declared()])
    with pytest.raises(TopicRefused, match=advice):
        await check(other, [kafka_log.declared()])
    with pytest.raises(TopicRefused, match=advice):
        await kafka_log.writer().publish([entry(1, "a")])
    reader = kafka_log.member(kafka_log.consumer)
    with pytest.raises(TopicRefused, match=advice):
        await drain(reader, 1)


async def test_F23_a_refusal_creates_nothing(kafka_log: KafkaLog) -> None:
    other = settings_of(kafka_log.settings.servers, partitions=PARTITIONS + 1)
    new = topic_of(f"new-{uuid4().hex}", other)
    with pytest.raises(TopicRefused):
        await apply(other, [new, topic_of(kafka_log.topic, other)])

    with pytest.raises(TopicRefused, match="there is no topic"):
        await check(other, [new])


async def test_F24_topics_are_created_once_and_as_declared(kafka_servers: str) -> None:
    settings = settings_of(kafka_servers)
    topic = topic_of(f"test-{uuid4().hex}", settings)

    assert [each.is_new for each in await apply(settings_of(kafka_servers), [topic])] == [True]
    (again,) = await apply(settings_of(kafka_servers), [topic])
    assert (again.is_new, again.differences) == (False, ())
    longer = topic_of(topic.name, settings_of(kafka_servers, retention_days=20))
    (told,) = await apply(settings_of(kafka_servers), [longer])
    assert told.differences == ("retention.ms 1209600000, declared 1728000000",)


async def test_what_the_broker_refuses_to_create_is_said(kafka_servers: str) -> None:
    topic = topic_of(f"test-{uuid4().hex}", settings_of(kafka_servers, replication=3))

    with pytest.raises(TopicRefused, match=r"(?i)replication"):
        await apply(settings_of(kafka_servers), [topic])


def test_F24_retention_below_two_weeks_is_refused() -> None:
    with pytest.raises(ValueError, match="retention_days"):
        settings_of("x:1", retention_days=13)
    with pytest.raises(ValueError, match="answer_within_ms"):
        settings_of("x:1", answer_within_ms=1_001)
    assert [topic.name for topic in declared_topics(KafkaSettings())] == [
        "fairlead.inbound.v1",
        "fairlead.allocations.v1",
    ]


async def test_a_missing_topic_is_said_and_not_waited_for(kafka_log: KafkaLog) -> None:
    kafka_log.topic = f"missing-{uuid4().hex}"

    with pytest.raises(TopicRefused, match="fairlead topics apply"):
        await kafka_log.reader().read(limit=1, wait_s=0)
    writer = kafka_log.writer()
    writer.answer_within_s = None
    with pytest.raises(Unavailable):
        await writer.publish([entry(1, "a")])


async def test_F15_a_broker_that_is_away_is_unavailable(pool: Any) -> None:
    settings = settings_of("127.0.0.1:1")
    async with (
        KafkaLogWriter(settings, "t") as writer,
        KafkaLogReader(settings, "t", pool, "c") as reader,
    ):
        for _ in range(2):
            with pytest.raises(Unavailable):
                await writer.publish([entry(1, "a")])
            with pytest.raises(Unavailable):
                await reader.read(limit=1, wait_s=0)
    with pytest.raises(Unavailable):
        await check(settings, [topic_of("t", settings)])


async def test_F25_what_does_not_fit_fails_its_own_call_only(kafka_log: KafkaLog) -> None:
    writer = kafka_log.writer()
    large = Entry(account_id=1, value=b"x" * VALUE_BYTES_MAX)
    outcomes = await asyncio.gather(
        writer.publish([large]),
        writer.publish([entry(1, "a"), Entry(account_id=1, value=large.value + b"x")]),
        writer.publish([entry(1, "b")]),
        return_exceptions=True,
    )

    assert [type(outcome) for outcome in outcomes] == [type(None), ValueError, type(None)]
    seen = await drain(kafka_log.reader(), 2)
    assert [len(value) for value in seen[1]] == [VALUE_BYTES_MAX, 1]


async def test_a_key_or_body_of_a_stranger_is_handed_on_for_the_dead_letters(
    kafka_log: KafkaLog,
) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka_log.settings.servers) as stranger:
        for key, value in ((b"\xff", b"1"), (None, b"2"), (b"7", None)):
            await stranger.send_and_wait(kafka_log.topic, value, key=key, partition=0)

    assert await drain(kafka_log.reader(), 3) == {0: ["1", "2"], 7: [""]}


async def test_I10_calls_at_once_are_stored_in_the_order_they_came(kafka_log: KafkaLog) -> None:
    writer = kafka_log.writer()
    await asyncio.gather(*(writer.publish([entry(n % 7 + 1, f"{n}")]) for n in range(3_000)))

    assert await drain(kafka_log.reader(), 3_000) == {
        account: [f"{n}" for n in range(account - 1, 3_000, 7)] for account in range(1, 8)
    }


async def test_a_cancelled_call_does_not_hold_up_the_others(kafka_log: KafkaLog) -> None:
    writer = kafka_log.writer()
    calls = [asyncio.create_task(writer.publish([entry(1, str(n))])) for n in range(6)]
    await asyncio.sleep(0)
    calls[2].cancel()
    outcomes = await asyncio.gather(*calls, return_exceptions=True)

    assert isinstance(outcomes[2], asyncio.CancelledError)
    assert [outcomes[n] for n in (0, 1, 3, 4, 5)] == [None] * 5
    assert (await drain(kafka_log.reader(), 5))[1] == list("01345")


async def test_I13_waiting_entries_are_bounded(kafka_log: KafkaLog) -> None:
    writer = kafka_log.writer()
    writer.waiting_max = 10
    outcomes = await asyncio.gather(
        *(writer.publish([entry(1, str(n))]) for n in range(50)), return_exceptions=True
    )
    refused = [outcome for outcome in outcomes if isinstance(outcome, Unavailable)]

    assert len(refused) == 40
    assert len((await drain(kafka_log.reader(), 10))[1]) == 10


async def test_F70_a_busy_partition_does_not_starve_the_others(kafka_log: KafkaLog) -> None:
    busy, other = account_in(0), account_in(1)
    await kafka_log.writer().publish([entry(busy, "x") for _ in range(500)] + [entry(other, "y")])
    reader, reads = kafka_log.reader(), 0
    async with asyncio.timeout(60):
        while True:
            batches = await reader.read(limit=5, wait_s=1.0)
            reads += bool(batches)
            if any(batch.records[0].account_id == other for batch in batches):
                break

    assert reads <= 10


async def test_F22_our_positions_win_over_those_of_the_group(kafka_log: KafkaLog) -> None:
    await kafka_log.writer().publish([entry(1, text) for text in "abcd"])
    reader = kafka_log.reader()
    await kafka_log.store((await reader.read(limit=2, wait_s=5.0))[0])
    await reader.reader.close()
    place = TopicPartition(kafka_log.topic, partition_of(1, PARTITIONS))
    group = f"fairlead.{kafka_log.consumer}"
    async with AIOKafkaConsumer(
        bootstrap_servers=kafka_log.settings.servers, group_id=group, enable_auto_commit=False
    ) as stranger:
        stranger.assign([place])
        await stranger.commit({place: 4})  # as if everything had been taken in

    assert await drain(kafka_log.reader(), 2) == {1: ["c", "d"]}


async def test_F22_deleted_messages_stop_their_partition_and_no_other(kafka_log: KafkaLog) -> None:
    gone, well = account_in(0), account_in(1)
    writer = kafka_log.writer()
    await writer.publish([entry(gone, text) for text in "abcd"] + [entry(well, "x")])
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_log.settings.servers)
    await admin.start()
    try:
        await admin.delete_records(
            {TopicPartition(kafka_log.topic, 0): RecordsToDelete(before_offset=3)}
        )
    finally:
        await admin.close()
    reader = kafka_log.member(kafka_log.consumer, look_again_s=0.1)
    source = source_of(kafka_log.topic, 0)

    assert await drain(reader, 1) == {well: ["x"]}
    assert list(reader.stopped) == [source]
    assert "messages 0 to 2 were deleted" in reader.stopped[source]
    await writer.publish([entry(well, "y"), entry(gone, "e")])
    assert await drain(reader, 1) == {well: ["y"]}
    await kafka_log.store_position(source, 3, kafka_log.consumer)  # a person has seen to it
    assert await drain(reader, 2) == {gone: ["d", "e"]}
    assert reader.stopped == {}


async def test_F22_a_log_that_ends_before_our_position_stops_its_partition(
    kafka_log: KafkaLog,
) -> None:
    source = source_of(kafka_log.topic, 0)
    await kafka_log.store_position(source, 10, kafka_log.consumer)
    await kafka_log.writer().publish([entry(account_in(0), "made anew")])
    reader = kafka_log.member(kafka_log.consumer, behind_for_s=0.1)
    async with asyncio.timeout(60):
        while not reader.stopped:
            assert await reader.read(limit=10, wait_s=0.1) == []

    assert "the log ends at 1, before our position 10" in reader.stopped[source]


async def test_positions_are_copied_to_kafka_for_lag_monitors(kafka_log: KafkaLog) -> None:
    await kafka_log.writer().publish([entry(1, text) for text in "abc"])
    reader = kafka_log.member(kafka_log.consumer, report_every_s=0.01)
    async with asyncio.timeout(60):
        while not (batches := await reader.read(limit=2, wait_s=1.0)):
            pass
    await kafka_log.store(batches[0])
    place = TopicPartition(kafka_log.topic, partition_of(1, PARTITIONS))

    async def is_told() -> bool:
        await reader.read(limit=2, wait_s=0.05)
        return await reader._client.committed(place) == 2

    await until(is_told)


async def test_a_consumer_that_acknowledges_by_itself_is_refused(kafka_servers: str) -> None:
    for careless in ({}, {"enable_auto_commit": False}):
        client = AIOKafkaConsumer(bootstrap_servers=kafka_servers, group_id="g", **careless)
        try:
            with pytest.raises(ValueError, match="by itself"):
                refuse_acknowledging(client)
        finally:
            await client.stop()


@dataclass(slots=True)
class Intake:
    """Takes messages in as the allocator does: what is stored counts once, and in order."""

    log: KafkaLog
    total: int
    taken: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    is_done: asyncio.Event = field(default_factory=asyncio.Event)

    async def member(self, batches_max: int | None = None) -> None:
        """One member of the group, that leaves when it has taken its fill."""
        reader, left = self.log.member(self.log.consumer), batches_max
        while not self.is_done.is_set() and left != 0:
            for batch in await reader.read(limit=20, wait_s=0.1):
                await self._take(reader, batch)
                left = None if left is None else max(left - 1, 0)
        await reader.close()

    async def come_and_go(self) -> None:
        while not self.is_done.is_set():
            await self.member(5)

    async def _take(self, reader: KafkaLogReader, batch: Batch) -> None:
        known = await EventStore(self.log.pool).position(reader.consumer, batch.source) or 0
        try:
            await self.log.store(batch)
        except AlreadyRecorded:  # another member was faster
            reader.rewind(batch.source)
            return
        for record in batch.records:
            if record.position > known:
                self.taken[record.account_id].append(int(record.value))
        if sum(map(len, self.taken.values())) >= self.total:
            self.is_done.set()


async def test_F20_readers_join_and_leave_and_nothing_is_lost(kafka_log: KafkaLog) -> None:
    accounts, each = range(1, 9), 150
    intake, writer = Intake(kafka_log, each * len(accounts)), kafka_log.writer()
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(intake.member())
        group.create_task(intake.come_and_go())
        group.create_task(intake.come_and_go())
        for number in range(each):
            await writer.publish([entry(account, str(number)) for account in accounts])

    assert intake.taken == {account: list(range(each)) for account in accounts}
