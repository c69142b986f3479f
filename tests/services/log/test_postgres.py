"""The log on PostgreSQL: the port's suite, and what is particular to it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest

from services.log.port import Batch, Entry
from services.log.postgres import PostgresLogReader, PostgresLogWriter, prune, source_of
from services.shared.errors import Unavailable
from services.storage.events import EventStore
from services.storage.wakeup import INBOUND, Wakeup
from tests.services.log.conformance import LogConformance, LogUnderTest, drain, entry
from tests.support.waiting import WITHIN_S, lasting, until


@dataclass(frozen=True, slots=True)
class PostgresLog:
    pool: Any
    wakeup: Wakeup | None = None

    def writer(self) -> PostgresLogWriter:
        return PostgresLogWriter(self.pool, self.wakeup)

    def reader(self, consumer: str = "allocator") -> PostgresLogReader:
        return PostgresLogReader(self.pool, consumer, self.wakeup)

    async def store(self, batch: Batch, consumer: str = "allocator") -> None:
        await EventStore(self.pool).append(
            [], consumer=consumer, source=batch.source, position=batch.position
        )


class TestPostgresLog(LogConformance):
    @pytest.fixture
    async def log(self, pool: Any, database_url: str) -> AsyncIterator[LogUnderTest]:
        async with Wakeup(database_url) as wakeup:
            yield PostgresLog(pool, wakeup)


async def test_F45_positions_of_an_account_are_without_gap_even_after_failures(pool: Any) -> None:
    writer = PostgresLogWriter(pool)
    await writer.publish([entry(1, "a"), entry(2, "x")])
    with pytest.raises(asyncpg.DataError):
        await writer.publish([entry(1, "lost"), Entry(account_id=2**70, value=b"")])
    await writer.publish([entry(1, "b")])

    rows = await pool.fetch("SELECT account_id, position FROM inbound_log ORDER BY 1, 2")
    assert [tuple(row) for row in rows] == [(1, 1), (1, 2), (2, 1)]


async def test_one_bad_call_does_not_fail_those_that_share_its_transaction(pool: Any) -> None:
    writer = PostgresLogWriter(pool)
    bad = Entry(account_id=2**70, value=b"")
    outcomes = await asyncio.gather(
        *(writer.publish([entry(1, str(n))]) for n in range(5)),
        writer.publish([bad]),
        *(writer.publish([entry(1, str(n))]) for n in range(5, 10)),
        return_exceptions=True,
    )

    assert [type(outcome) for outcome in outcomes].count(type(None)) == 10
    assert (await drain(PostgresLogReader(pool, "c"), 10))[1] == [str(n) for n in range(10)]


async def test_concurrent_calls_share_transactions(pool: Any) -> None:
    writer = PostgresLogWriter(pool, entries_max=500)
    await asyncio.gather(*(writer.publish([entry(1, str(n))]) for n in range(1_000)))

    rows = await pool.fetch("SELECT xmin::text, count(*) FROM inbound_log GROUP BY 1")
    assert sum(row["count"] for row in rows) == 1_000
    assert len(rows) <= 4
    assert max(row["count"] for row in rows) <= 500


async def test_I13_waiting_calls_are_bounded(pool: Any) -> None:
    writer = PostgresLogWriter(pool, waiting_max=10)
    outcomes = await asyncio.gather(
        *(writer.publish([entry(1, str(n))]) for n in range(50)), return_exceptions=True
    )
    refused = [outcome for outcome in outcomes if isinstance(outcome, Unavailable)]

    assert 0 < len(refused) < 50
    assert len((await drain(PostgresLogReader(pool, "c"), 50 - len(refused)))[1]) == 50 - len(
        refused
    )


async def test_a_cancelled_call_does_not_hold_up_the_others(pool: Any) -> None:
    writer = PostgresLogWriter(pool)
    calls = [asyncio.create_task(writer.publish([entry(1, str(n))])) for n in range(6)]
    await asyncio.sleep(0)
    calls[2].cancel()
    outcomes = await asyncio.gather(*calls, return_exceptions=True)

    assert isinstance(outcomes[2], asyncio.CancelledError)
    assert [outcomes[n] for n in (0, 1, 3, 4, 5)] == [None] * 5
    assert [v for v in (await drain(PostgresLogReader(pool, "c"), 5))[1] if v != "2"] == list(
        "01345"
    )


async def test_F37_a_log_that_is_away_is_unavailable(pool: Any) -> None:
    await pool.close()

    with pytest.raises(Unavailable):
        await PostgresLogWriter(pool).publish([entry(1, "a")])
    with pytest.raises(Unavailable):
        await PostgresLogReader(pool, "c").read(limit=1, wait_s=0)


async def test_F70_a_busy_account_does_not_starve_the_others(pool: Any) -> None:
    writer = PostgresLogWriter(pool)
    await writer.publish([entry(account, str(n)) for account in range(1, 8) for n in range(5)])
    reader = PostgresLogReader(pool, "c", accounts_max=2)
    order: list[int] = []
    while len(order) < 14:
        await writer.publish([entry(1, "more")] * 5)  # account 1 always has news
        batches = await reader.read(limit=1, wait_s=1.0)
        assert len(batches) <= 2
        order += [batch.records[0].account_id for batch in batches]

    assert order == [1, 2, 3, 4, 5, 6, 7] * 2


async def test_a_rewind_during_a_read_is_not_forgotten(pool: Any) -> None:
    """Else the batch handed out meanwhile would move the position past what must come again."""
    await PostgresLogWriter(pool).publish([entry(1, "a"), entry(1, "b")])
    reader = PostgresLogReader(pool, "c")
    await reader.read(limit=1, wait_s=1.0)
    reading = asyncio.create_task(reader.read(limit=1, wait_s=1.0))
    await lasting(0.001)  # so that it is somewhere in it
    reader.rewind(source_of(1))
    batches = await reading

    assert [batch.records[0].value for batch in batches] in ([b"a"], [b"b"])
    if batches[0].records[0].value == b"b":
        reader.rewind(source_of(1))
        assert (await drain(reader, 2)) == {1: ["a", "b"]}


def is_waiting(reader: PostgresLogReader) -> bool:
    """Whether it has found nothing, and waits for its bell."""
    return bool(reader._bell._event._waiters)


async def test_a_missed_notification_is_found_by_polling(pool: Any) -> None:
    reader = PostgresLogReader(pool, "c", poll_s=0.05)
    reading = asyncio.create_task(drain(reader, 1))
    await until(lambda: is_waiting(reader))
    await PostgresLogWriter(pool).publish([entry(1, "a")])  # notifies nobody

    assert await reading == {1: ["a"]}


async def test_another_process_is_woken(pool: Any, database_url: str) -> None:
    async with Wakeup(database_url) as ours, Wakeup(database_url) as theirs:
        await asyncio.gather(ours.listening.wait(), theirs.listening.wait())
        reader = PostgresLogReader(pool, "c", theirs, poll_s=WITHIN_S)
        assert await reader.read(limit=1, wait_s=0.05) == []
        reading = asyncio.create_task(drain(reader, 1))
        await until(lambda: is_waiting(reader))

        await PostgresLogWriter(pool, ours).publish([entry(1, "a")])

        async with asyncio.timeout(reader.poll_s):
            assert await reading == {1: ["a"]}


async def test_F37_wake_ups_come_back_after_their_connection_was_killed(
    pool: Any, database_url: str
) -> None:
    async with Wakeup(database_url) as ours, Wakeup(database_url) as theirs:
        await asyncio.gather(ours.listening.wait(), theirs.listening.wait())
        bell = theirs.bell(INBOUND)
        await pool.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND query LIKE 'LISTEN%'"
        )
        assert await bell.wait(WITHIN_S)  # on coming back it rings for what may have been missed
        ours.notify(INBOUND)
        assert await bell.wait(WITHIN_S)


async def test_a_bell_keeps_what_rang_between_two_waits(database_url: str) -> None:
    wakeup = Wakeup(database_url)
    bell = wakeup.bell(INBOUND)
    other = wakeup.bell(INBOUND)
    wakeup.notify(INBOUND)
    wakeup.notify(INBOUND)

    assert await bell.wait(0) is True
    assert await bell.wait(0) is False
    assert await other.wait(0) is True


async def test_old_records_are_pruned_only_when_taken_in(pool: Any) -> None:
    log = PostgresLog(pool)
    await log.writer().publish([entry(1, text) for text in "abc"] + [entry(2, "x")])
    await pool.execute("UPDATE inbound_log SET received_at = now() - interval '20 days'")
    batches = await log.reader().read(limit=2, wait_s=0)
    await log.store(batches[0])

    assert await prune(pool, "allocator", days=30) == 0
    assert await prune(pool, "allocator") == 2
    assert await drain(log.reader(), 2) == {1: ["c"], 2: ["x"]}
    await log.writer().publish([entry(1, "d")])
    assert await drain(log.reader(), 3) == {1: ["c", "d"], 2: ["x"]}
