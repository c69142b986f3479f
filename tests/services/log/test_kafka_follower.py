"""A role's group on the allocations log, on a real broker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from faststream import AckPolicy
from structlog.testing import capture_logs

from services.log import kafka_follower
from services.log.allocations import allocation_entry
from services.log.kafka import KafkaSettings, key_of
from services.log.kafka_follower import AllocationsFollower
from services.log.kafka_writer import KafkaLogWriter
from services.log.topics import apply
from services.shared.errors import Unavailable
from services.storage.dead_letters import DeadLetter, DeadLetters
from tests.support.kafka import PARTITIONS, Victim, settings_of, topic_of
from tests.support.proxy import Proxy
from tests.support.samples import looked_up, stored
from tests.support.vault import VAULT
from tests.support.waiting import until

WITHIN_S = 60.0
ORDERLY_STOP_S = 10.0


@dataclass(slots=True)
class Topic:
    settings: KafkaSettings
    name: str
    pool: Any
    role: str = field(default_factory=lambda: f"role-{uuid4().hex}")

    def follower(self, **others: Any) -> AllocationsFollower:
        given = {"dead_letters": DeadLetters(self.pool, VAULT), "on_moved": lambda: None}
        return AllocationsFollower(self.settings, self.role, topic=self.name, **{**given, **others})

    async def publish(self, *accounts: int, version: int = 1) -> None:
        async with KafkaLogWriter(self.settings, self.name, answer_within_s=20) as writer:
            events = [stored(looked_up(each, version)) for each in accounts]
            await writer.publish([allocation_entry(each) for each in events])

    async def publish_bytes(self, *values: bytes, key: bytes | None, **others: Any) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self.settings.servers)
        await producer.start()
        for value in values:
            await producer.send_and_wait(self.name, value, key=key, partition=0, **others)
        await producer.stop()

    async def committed(self) -> int:
        """How many messages the group has done with."""
        group = f"fairlead.{self.role}"
        client = AIOKafkaConsumer(
            bootstrap_servers=self.settings.servers, group_id=group, enable_auto_commit=False
        )
        await client.start()
        try:
            places = [TopicPartition(self.name, number) for number in range(PARTITIONS)]
            return sum([await client.committed(place) or 0 for place in places])
        finally:
            await client.stop()


@pytest.fixture
async def topic(pool: Any, kafka_servers: str) -> Topic:
    settings = settings_of(kafka_servers)
    name = f"test-{uuid4().hex}"
    await apply(settings_of(kafka_servers), [topic_of(name, settings)])
    return Topic(settings, name, pool)


@asynccontextmanager
async def following(*followers: AllocationsFollower) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(each.run()) for each in followers]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def done(topic: Topic, messages: int) -> None:
    async def is_done() -> bool:
        return await topic.committed() >= messages

    await until(is_done)


async def test_F20_members_share_the_partitions_and_take_over_from_one_that_leaves(
    topic: Topic,
) -> None:
    one, other = topic.follower(), topic.follower()
    everything = frozenset(range(PARTITIONS))
    async with following(one):
        await until(lambda: one.partitions == everything)
        async with following(other):
            await until(lambda: bool(other.partitions) and bool(one.partitions))
            assert one.partitions | other.partitions == everything
            assert not one.partitions & other.partitions
            assert [one.owns(n) for n in range(99)] == [not other.owns(n) for n in range(99)]
        assert not other.partitions
        await until(lambda: one.partitions == everything)


async def test_F16_any_of_several_brokers_will_do(topic: Topic) -> None:
    nobody = "127.0.0.1:9"
    several = replace(topic, settings=settings_of(f"{nobody},{topic.settings.servers}"))
    one = several.follower()
    async with following(one):
        await until(lambda: one.partitions == frozenset(range(PARTITIONS)))


async def test_F13_a_follower_ends_in_time_before_a_broker_that_does_not_answer(
    victim: Victim, pool: Any
) -> None:
    await victim.mend()
    # A client of such a group may wait that long for any answer.
    settings = settings_of(victim.broker.address, session_timeout_ms=30_000)
    name = f"test-{uuid4().hex}"
    await apply(settings, [topic_of(name, settings)])
    one = Topic(settings, name, pool).follower()
    following_it = asyncio.create_task(one.run())
    await until(lambda: bool(one.partitions))

    victim.broker.suspend()
    try:
        following_it.cancel()
        async with asyncio.timeout(ORDERLY_STOP_S):
            await asyncio.gather(following_it, return_exceptions=True)
    finally:
        victim.broker.resume()
    assert following_it.cancelled()


async def test_F20_a_partition_is_given_away_only_after_the_role_has_let_go(topic: Topic) -> None:
    order: list[str] = []
    is_under_way = asyncio.Event()

    async def let_go() -> None:
        order.append("told")
        assert not one.partitions
        await asyncio.wait_for(is_under_way.wait(), 60)
        order.append("let go")

    one = topic.follower(let_go=let_go, release_within_s=10)
    other = topic.follower(on_assigned=lambda: order.append("given"), release_within_s=10)
    async with following(one):
        await until(lambda: bool(one.partitions))
        async with following(other):
            await until(lambda: "told" in order)
            is_under_way.set()
            await until(lambda: "given" in order)

    assert order[:3] == ["told", "let go", "given"]


async def test_F33_what_is_no_message_is_kept_with_its_reason_and_blocks_nothing(
    topic: Topic,
) -> None:
    rings: list[None] = []
    await topic.publish(2, 3)
    await topic.publish_bytes(b"\xff", b'{"v":1,"account":1}', key=key_of(1))
    await topic.publish_bytes(b"{}", key=b"nobody", headers=[("h", b"\xff")])
    async with following(topic.follower(on_moved=lambda: rings.append(None))):
        await done(topic, 5)
        await topic.publish(2, version=2)
        await done(topic, 6)

    letters = sorted(await DeadLetters(topic.pool, VAULT).page(), key=lambda letter: letter.id)
    assert sorted((each.account_id, each.body) for each in letters[:2]) == [
        (1, b'{"v":1,"account":1}'),
        (1, b"\xff"),
    ]
    assert (letters[2].account_id, letters[2].body) == (None, b"{}")
    assert all(each.reason.startswith("allocation: ") for each in letters)
    assert rings


async def test_F33_a_message_under_another_accounts_key_is_kept(topic: Topic) -> None:
    value = allocation_entry(stored(looked_up(8, 1))).value
    await topic.publish_bytes(value, key=key_of(9))
    async with following(topic.follower()):
        await done(topic, 1)

    (letter,) = await DeadLetters(topic.pool, VAULT).page()
    assert (letter.account_id, letter.reason) == (
        9,
        "allocation: account: expected 9, the message's key",
    )


async def test_F26_nothing_is_acknowledged_while_its_letter_cannot_be_kept(
    topic: Topic,
) -> None:
    class Failing:
        calls = 0

        async def keep(self, _letters: list[DeadLetter]) -> None:
            self.calls += 1
            if self.calls <= 2:
                assert await topic.committed() == 0
                raise Unavailable("database")

    letters = Failing()
    await topic.publish_bytes(b"[]", key=key_of(1))
    async with following(topic.follower(dead_letters=letters)):
        await done(topic, 1)

    assert letters.calls == 3


async def test_F26_a_framework_that_would_acknowledge_by_itself_is_refused(
    topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_follower, "ACK_POLICY", AckPolicy.ACK_FIRST)

    with pytest.raises(ValueError, match="enable_auto_commit=False"):
        async with asyncio.timeout(WITHIN_S):
            await topic.follower().run()


async def test_F15_a_broker_that_is_away_is_waited_for(victim: Victim, pool: Any) -> None:
    await victim.mend()
    settings = settings_of(f"127.0.0.1:{victim.front_port}")
    name = f"test-{uuid4().hex}"
    await apply(settings_of(victim.broker.address), [topic_of(name, settings)])
    one = Topic(settings, name, pool).follower()

    with capture_logs() as lines:
        async with following(one):
            await until(lambda: [line["event"] for line in lines].count("follower_waits") > 1)
            assert not one.partitions
            async with Proxy(victim.back_port, victim.front_port):
                await until(lambda: one.partitions == frozenset(range(PARTITIONS)))
