"""The log on a broker that is killed, frozen and restarted under load."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest

from deploy.kafka.broker import Broker
from services.log.kafka import KafkaSettings
from services.log.kafka_reader import KafkaLogReader
from services.log.kafka_writer import KafkaLogWriter
from services.log.topics import apply
from services.shared.errors import Unavailable
from tests.services.log.conformance import entry
from tests.support.kafka import Victim, settings_of, topic_of
from tests.support.waiting import lasting, until

pytestmark = pytest.mark.fault

ACCOUNTS = range(1, 7)
PATIENT_S = 30.0


@dataclass(slots=True)
class Load:
    """Publishes numbers per account, and again what failed, as a spool would: in order."""

    settings: KafkaSettings
    topic: str
    pool: Any
    accepted: dict[int, int] = field(default_factory=lambda: dict.fromkeys(ACCOUNTS, 0))
    failures: int = 0
    is_enough: asyncio.Event = field(default_factory=asyncio.Event)
    is_published: asyncio.Event = field(default_factory=asyncio.Event)
    seen: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))

    async def publish(self, writer: KafkaLogWriter, account: int) -> None:
        """Five calls at once; on from the first that failed, whatever became of the others."""
        while not self.is_enough.is_set():
            first = self.accepted[account]
            outcomes = await asyncio.gather(
                *(writer.publish([entry(account, str(first + n))]) for n in range(5)),
                return_exceptions=True,
            )
            for outcome in outcomes:
                if isinstance(outcome, Unavailable):
                    self.failures += 1
                    await lasting(0.05)
                    break
                assert outcome is None, outcome
                self.accepted[account] += 1
            await lasting(0.02)

    async def read(self, reader: KafkaLogReader) -> None:
        while not self.is_published.is_set() or any(
            not self.seen[account] or max(self.seen[account]) < self.accepted[account] - 1
            for account in ACCOUNTS
        ):
            with suppress(Unavailable):
                for batch in await reader.read(limit=100, wait_s=0.2):
                    for record in batch.records:
                        self.seen[record.account_id].append(int(record.value))

    async def more(self, count: int) -> None:
        """Wait until so many more were accepted."""
        goal = sum(self.accepted.values()) + count
        await until(lambda: sum(self.accepted.values()) >= goal)

    async def during(self, fault: Callable[[], Awaitable[None]]) -> None:
        """Load before, during and after the fault; then everything accepted was read."""
        async with (
            asyncio.timeout(300),
            KafkaLogWriter(self.settings, self.topic) as writer,
            KafkaLogReader(self.settings, self.topic, self.pool, self.topic) as reader,
            asyncio.TaskGroup() as group,
        ):
            group.create_task(self.read(reader))
            async with asyncio.TaskGroup() as publishers:
                for account in ACCOUNTS:
                    publishers.create_task(self.publish(writer, account))
                await self.more(500)
                await fault()
                await self.more(500)
                self.is_enough.set()
            self.is_published.set()

    def then_all_was_read_in_order(self) -> None:
        """Nothing accepted is missing; first copies are in order (I1, I10)."""
        assert self.accepted.keys() == set(ACCOUNTS)
        for account, accepted in self.accepted.items():
            firsts = list(dict.fromkeys(self.seen[account]))
            assert firsts == list(range(len(firsts)))
            assert len(firsts) >= accepted


@pytest.fixture
async def broker(victim: Victim) -> Broker:
    await victim.mend()
    return victim.broker


@pytest.fixture
async def load(broker: Broker, pool: Any) -> Load:
    settings = settings_of(broker.address)
    topic = f"faults-{uuid4().hex}"
    await apply(settings_of(broker.address), [topic_of(topic, settings)])
    return Load(settings, topic, pool)


async def test_F16_a_killed_broker_loses_and_reorders_nothing(broker: Broker, load: Load) -> None:
    async def fault() -> None:
        await asyncio.to_thread(broker.kill)
        await asyncio.to_thread(broker.start)

    await load.during(fault)

    assert load.failures > 0
    load.then_all_was_read_in_order()


async def test_F16_an_orderly_restart_loses_and_reorders_nothing(
    broker: Broker, load: Load
) -> None:
    async def fault() -> None:
        await asyncio.to_thread(broker.stop)
        await asyncio.to_thread(broker.start)

    await load.during(fault)

    load.then_all_was_read_in_order()


async def test_F19_a_frozen_broker_is_unavailable_and_loses_nothing(
    broker: Broker, load: Load
) -> None:
    async def fault() -> None:
        broker.suspend()
        await lasting(4.0)
        broker.resume()

    await load.during(fault)

    assert load.failures > 0  # the callers heard of it within their second
    load.then_all_was_read_in_order()


async def test_F19_nothing_overtakes_what_timed_out(broker: Broker, load: Load) -> None:
    """Who sends the first one again, later, must not find the second one already there."""
    async with (
        KafkaLogWriter(load.settings, load.topic) as writer,
        KafkaLogReader(load.settings, load.topic, load.pool, load.topic) as reader,
    ):
        writer.answer_within_s = PATIENT_S
        await writer.publish([entry(1, "before")])
        writer.answer_within_s = None
        broker.suspend()
        try:
            first = asyncio.create_task(writer.publish([entry(1, "first")]))
            await lasting(0.3)  # the second one comes later, and may wait longer
            second = asyncio.create_task(writer.publish([entry(1, "second")]))
            await asyncio.wait([first])
            await asyncio.wait([second], timeout=0.1)

            assert isinstance(first.exception(), Unavailable)
            assert isinstance(second.exception(), Unavailable)
        finally:
            broker.resume()
        writer.answer_within_s = PATIENT_S
        for text in ("first", "second"):
            await writer.publish([entry(1, text)])
        seen: list[str] = []
        async with asyncio.timeout(60):
            while "second" not in seen:
                for batch in await reader.read(limit=100, wait_s=1.0):
                    seen += [record.value.decode() for record in batch.records]

    assert list(dict.fromkeys(seen)) == ["before", "first", "second"]
    assert seen.count("second") == 1


async def test_F13_a_writer_is_closed_while_the_broker_is_frozen(
    broker: Broker, load: Load, caplog: pytest.LogCaptureFixture
) -> None:
    async with KafkaLogWriter(load.settings, load.topic) as writer:
        writer.answer_within_s = PATIENT_S
        await writer.publish([entry(1, "before")])
        writer.answer_within_s = None
        broker.suspend()
        try:
            with pytest.raises(Unavailable):
                await writer.publish([entry(1, "lost")])
            async with asyncio.timeout(60):
                await writer.close()
        finally:
            broker.resume()
        await asyncio.sleep(0)

    assert [record for record in caplog.records if record.name == "asyncio"] == []
