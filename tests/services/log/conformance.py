"""What every log must do: the tests of the port, for each implementation to inherit."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Protocol

import pytest

from services.log.port import Batch, Entry, LogReader, LogWriter


class LogUnderTest(Protocol):
    """An empty log; several writers and readers may be made on it."""

    def writer(self) -> LogWriter: ...

    def reader(self, consumer: str = "allocator") -> LogReader: ...

    async def store(self, batch: Batch, consumer: str = "allocator") -> None:
        """Record that the consumer took the batch in."""


def entry(account_id: int, text: str) -> Entry:
    return Entry(account_id=account_id, value=text.encode())


async def drain(reader: LogReader, count: int, *, limit: int = 100) -> dict[int, list[str]]:
    """Read until `count` records came; their values by account, in order."""
    seen: dict[int, list[str]] = defaultdict(list)
    async with asyncio.timeout(60):
        while sum(map(len, seen.values())) < count:
            for batch in await reader.read(limit=limit, wait_s=1.0):
                assert batch.records
                assert len(batch.records) <= limit
                positions = [record.position for record in batch.records]
                assert positions == sorted(set(positions))
                for record in batch.records:
                    seen[record.account_id].append(record.value.decode())
    return dict(seen)


class LogConformance:
    """Inherit, and provide the fixture `log`: a fresh, empty one."""

    async def test_I10_the_order_of_an_account_is_the_order_of_publishing(
        self, log: LogUnderTest
    ) -> None:
        writer = log.writer()
        await writer.publish([entry(1, "a"), entry(2, "x"), entry(1, "b")])
        await writer.publish([entry(2, "y")])
        await writer.publish([entry(1, "c")])

        assert await drain(log.reader(), 5) == {1: ["a", "b", "c"], 2: ["x", "y"]}

    async def test_nothing_to_read_is_an_empty_answer(self, log: LogUnderTest) -> None:
        assert await log.reader().read(limit=10, wait_s=0.05) == []

    async def test_publishing_nothing_is_nothing(self, log: LogUnderTest) -> None:
        await log.writer().publish([])

        assert await log.reader().read(limit=10, wait_s=0.05) == []

    async def test_a_batch_is_of_one_source_and_bounded(self, log: LogUnderTest) -> None:
        await log.writer().publish([entry(a, str(n)) for n in range(25) for a in (1, 2)])
        reader = log.reader()
        sizes: Counter[int] = Counter()
        async with asyncio.timeout(60):
            while sizes.total() < 50:
                batches = await reader.read(limit=10, wait_s=1.0)
                assert len({batch.source for batch in batches}) == len(batches)
                for batch in batches:
                    assert len(batch.records) <= 10
                    assert batch.position == batch.records[-1].position
                    sizes[len(batch.records)] += len(batch.records)

        assert sizes.total() == 50

    async def test_messages_are_handed_out_once(self, log: LogUnderTest) -> None:
        await log.writer().publish([entry(1, "a")])
        reader = log.reader()
        await drain(reader, 1)

        assert await reader.read(limit=10, wait_s=0.05) == []

    async def test_F5_after_a_rewind_everything_since_the_stored_position_comes_again(
        self, log: LogUnderTest
    ) -> None:
        writer, reader = log.writer(), log.reader()
        await writer.publish([entry(1, text) for text in "abcd"])
        first = (await reader.read(limit=2, wait_s=5.0))[0]
        await log.store(first)
        second = (await reader.read(limit=2, wait_s=5.0))[0]
        assert [record.value for record in second.records] == [b"c", b"d"]

        reader.rewind(second.source)

        assert (await reader.read(limit=10, wait_s=5.0))[0] == second
        reader.rewind(second.source)
        reader.rewind(second.source)
        assert await drain(reader, 2) == {1: ["c", "d"]}

    async def test_F5_a_new_reader_begins_at_the_stored_position(self, log: LogUnderTest) -> None:
        await log.writer().publish([entry(1, text) for text in "abc"])
        reader = log.reader()
        await log.store((await reader.read(limit=2, wait_s=5.0))[0])

        assert await drain(log.reader(), 1) == {1: ["c"]}
        assert await drain(log.reader("another"), 3) == {1: ["a", "b", "c"]}

    async def test_a_waiting_reader_hears_of_a_message(self, log: LogUnderTest) -> None:
        reader = log.reader()
        reading = asyncio.create_task(drain(reader, 1))
        await asyncio.sleep(0)

        await log.writer().publish([entry(1, "a")])

        assert await reading == {1: ["a"]}

    async def test_F45_nothing_is_passed_over_while_eight_writers_write(
        self, log: LogUnderTest
    ) -> None:
        each, accounts = 150, (1, 2, 3)

        async def write(name: int) -> None:
            writer = log.writer()
            for number in range(each):
                first = accounts[(name + number) % len(accounts)]
                second = accounts[number % len(accounts)]
                await writer.publish(
                    [
                        entry(first, f"{name}/{2 * number}"),
                        entry(second, f"{name}/{2 * number + 1}"),
                    ]
                )

        reading = asyncio.create_task(drain(log.reader(), 8 * each * 2, limit=50))
        await asyncio.gather(*(write(name) for name in range(8)))
        seen = await reading

        everything = [value for values in seen.values() for value in values]
        assert len(everything) == len(set(everything)) == 8 * each * 2
        for values in seen.values():
            for name in range(8):
                own = [int(v.split("/")[1]) for v in values if v.startswith(f"{name}/")]
                assert own == sorted(own)

    async def test_I1_what_publish_returned_for_is_there_for_another_process(
        self, log: LogUnderTest
    ) -> None:
        async def publish(number: int) -> None:
            await log.writer().publish([entry(1, str(number))])

        await asyncio.gather(*(publish(number) for number in range(50)))

        assert len((await drain(log.reader("another"), 50))[1]) == 50

    async def test_any_bytes_survive(self, log: LogUnderTest) -> None:
        values: Sequence[bytes] = (b"", bytes(range(256)), b"x" * 300_000)
        await log.writer().publish([Entry(account_id=2**53, value=value) for value in values])
        reader, seen = log.reader(), list[bytes]()
        async with asyncio.timeout(60):
            while len(seen) < len(values):
                for batch in await reader.read(limit=10, wait_s=1.0):
                    seen += [record.value for record in batch.records]

        assert seen == list(values)

    async def test_a_cancelled_read_loses_nothing(self, log: LogUnderTest) -> None:
        reader = log.reader()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(limit=10, wait_s=30.0), 0.05)
        await log.writer().publish([entry(1, "a")])

        assert await drain(reader, 1) == {1: ["a"]}
