"""Clients of Kafka that fail by what nobody expected: their roles go on with new ones (F33)."""

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from services.log.kafka import KafkaSettings
from services.log.kafka_reader import KafkaLogReader
from services.log.kafka_writer import KafkaLogWriter
from services.log.port import Entry
from services.shared import lasting as module
from services.shared.errors import Unavailable
from services.shared.ownership import work_for
from tests.support.waiting import until

SETTINGS = KafkaSettings(servers="127.0.0.1:1")
ENTRY = Entry(7, b"{}")


class Batch:
    """Takes whatever comes."""

    def append(self, **_: Any) -> bool:
        return True


class Producer:
    """A producer that takes what it is sent."""

    def __init__(self) -> None:
        self.sent: list[int] = []

    def create_batch(self) -> Batch:
        return Batch()

    async def send_batch(self, _: Batch, __: str, *, partition: int) -> "asyncio.Future[None]":
        self.sent.append(partition)
        answer = asyncio.get_running_loop().create_future()
        answer.set_result(None)
        return answer


async def test_F33_a_writer_that_failed_refuses_what_waits_and_takes_what_comes_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    producer, errors = Producer(), [RuntimeError("refused")]

    async def connected(_: KafkaLogWriter) -> Producer:
        if errors:
            raise errors.pop()
        return producer

    monkeypatch.setattr(KafkaLogWriter, "_connected", connected)
    async with KafkaLogWriter(SETTINGS, "inbound", answer_within_s=60) as writer:
        with capture_logs() as lines, pytest.raises(Unavailable, match="refused"):
            await writer.publish([ENTRY])
        await writer.publish([ENTRY])

    assert len(producer.sent) == 1
    assert [(line["event"], line["work"]) for line in lines] == [("work_failed", "kafka_writer")]


class Consumer:
    """A consumer that breaks at each reading."""

    is_stopped = False

    async def getmany(self, **_: Any) -> Any:
        raise RuntimeError("refused")

    async def stop(self) -> None:
        self.is_stopped = True


async def test_F33_a_reader_that_failed_begins_again_with_another_client() -> None:
    nothing: Any = None
    client = Consumer()
    reader = KafkaLogReader(SETTINGS, "inbound", nothing, "allocator", _client=client)

    with pytest.raises(RuntimeError):
        await reader.read(limit=1, wait_s=0)

    assert client.is_stopped
    assert reader._client is None


class Part:
    """A part in a group that fails when it is first taken."""

    partitions: frozenset[int] = frozenset()

    def __init__(self) -> None:
        self.taken = 0

    def owns(self, _: int, /) -> bool:
        return False

    async def run(self) -> None:
        self.taken += 1
        if self.taken == 1:
            raise RuntimeError("refused")
        await asyncio.Event().wait()


async def test_F33_a_role_whose_part_in_its_group_failed_takes_it_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "PAUSE_FIRST_S", 0.001)
    part, ended = Part(), list[str]()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("work")

    role = asyncio.create_task(work_for(part, work()))
    await until(lambda: part.taken == 2)
    assert ended == []

    role.cancel()
    await asyncio.gather(role, return_exceptions=True)
    assert ended == ["work"]
