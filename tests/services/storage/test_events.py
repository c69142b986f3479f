"""The event store on a real PostgreSQL."""

import asyncio
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from services.shared.errors import Malformed, Unavailable
from services.storage.database import borrow, open_pool
from services.storage.dead_letters import DeadLetter, DeadLetters
from services.storage.events import (
    AlreadyRecorded,
    ConcurrentAppend,
    DecidedTwice,
    EventStore,
    Moved,
    account_source,
)
from tests.services.storage.conformance import SOURCE, EventStoreConformance, append
from tests.support.samples import assigned, looked_up
from tests.support.vault import VAULT
from tests.support.waiting import lasting

KILL_WAITING = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE wait_event_type = 'Lock' AND datname = current_database()
"""


def letter(*, source: str = SOURCE, position: int | None = 1) -> DeadLetter:
    return DeadLetter(
        account_id=1,
        source=source,
        position=position,
        reason="lead_id: expected a number",
        content_type="application/json",
        body=b"\x00\xff",
    )


class TestPostgresEventStore(EventStoreConformance):
    @pytest.fixture
    def store(self, pool: Any) -> EventStore:
        return EventStore(pool)


async def test_F6_events_position_and_dead_letters_are_recorded_together(pool: Any) -> None:
    store = EventStore(pool)
    events = [assigned(1, 1), looked_up(1, 2), looked_up(2, 1)]

    await append(store, *events, position=4, dead=[letter(position=3)])

    assert await store.stream(1) == events[:2]
    assert await store.stream(1, after=1) == events[1:2]
    assert await store.stream(1, limit=1) == events[:1]
    assert await store.stream(2) == events[2:]
    assert await store.position("allocator", SOURCE) == 4
    kept = await DeadLetters(pool, VAULT).page()
    assert [(k.source, k.position, k.body, k.state) for k in kept] == [
        (SOURCE, 3, b"\x00\xff", "kept")
    ]


async def test_F6_a_failed_append_leaves_nothing_behind(pool: Any) -> None:
    store = EventStore(pool)
    await append(store, assigned(1, 1), position=1)

    for bad in (
        [looked_up(2, 1), looked_up(1, 1)],  # account 1 is at 1
        [looked_up(2, 1), looked_up(1, 3)],  # would leave a gap
        [looked_up(2, 1), looked_up(1, 2), looked_up(1, 4)],
        [looked_up(2, 1), looked_up(1, 2), looked_up(1, 2)],
        [looked_up(2, 2)],  # begins at 2
    ):
        with pytest.raises(ConcurrentAppend):
            await append(store, *bad, position=2, dead=[letter()])

    assert await store.heads() == {1: 1}
    assert await store.stream(2) == []
    assert await store.position("allocator", SOURCE) == 1
    assert await DeadLetters(pool, VAULT).count() == 0


async def test_F5_a_position_is_recorded_once(pool: Any) -> None:
    store = EventStore(pool)
    await append(store, looked_up(1, 1), position=5)

    for stale in (5, 4, 0):
        with pytest.raises(AlreadyRecorded):
            await append(store, looked_up(1, 2), position=stale)

    assert await store.heads() == {1: 1}
    await append(store, position=6)  # a batch that decided nothing still moves on
    assert await store.position("allocator", SOURCE) == 6
    await append(store, position=0, source="inbound/2")  # Kafka's first offset
    assert await store.positions("allocator", [SOURCE, "inbound/2", "inbound/3"]) == {
        SOURCE: 6,
        "inbound/2": 0,
    }
    assert await store.position("gateway", SOURCE) is None


async def test_I3_a_request_is_decided_once_per_attempt(pool: Any) -> None:
    store = EventStore(pool)
    await append(store, assigned(1, 1, request_id="7.1", attempt=1), position=1)

    with pytest.raises(DecidedTwice):
        await append(store, assigned(1, 2, request_id="7.1", attempt=1), position=2)

    assert await store.position("allocator", SOURCE) == 1
    await append(store, assigned(1, 2, request_id="7.1", attempt=2), position=2)
    await append(store, assigned(2, 1, request_id="7.1", attempt=1), position=3)
    assert await store.heads() == {1: 2, 2: 1}


async def test_the_same_dead_letter_of_a_log_is_kept_once(pool: Any) -> None:
    letters = DeadLetters(pool, VAULT)
    await letters.keep([letter(position=1), letter(position=1), letter(position=None)])
    await append(EventStore(pool), position=1, dead=[letter(position=1), letter(position=None)])

    newest = await letters.page(limit=10)
    assert [k.position for k in newest] == [None, None, 1]
    assert await letters.settle(newest[0].id, "dismissed", by="cli:root", why="a test")
    assert not await letters.settle(newest[0].id, "replayed", by="cli:root")
    assert await letters.count() == 2
    assert [k.id for k in await letters.page(before=newest[1].id)] == [newest[2].id]


async def test_F34_a_letter_with_unstorable_text_is_kept_all_the_same(pool: Any) -> None:
    nasty = replace(letter(), reason="nul \0 half \ud800", content_type="\0")
    await DeadLetters(pool, VAULT).keep([replace(nasty, position=1)])
    await append(EventStore(pool), position=1, dead=[replace(nasty, position=2)])

    assert {k.reason for k in await DeadLetters(pool, VAULT).page()} == {"nul \ufffd half ?"}


async def test_F35_a_cut_letter_tells_how_much_came(pool: Any) -> None:
    cut = replace(letter(position=2), size=3_000_020)
    await DeadLetters(pool, VAULT).keep([letter(position=1), cut])
    await append(EventStore(pool), position=1, dead=[letter(position=3), replace(cut, position=4)])

    kept = await DeadLetters(pool, VAULT).page()
    assert [(k.position, k.size, k.is_cut) for k in kept] == [
        (4, 3_000_020, True),
        (3, 2, False),
        (2, 3_000_020, True),
        (1, 2, False),
    ]


async def test_a_reader_finds_the_accounts_that_moved(pool: Any) -> None:
    store = EventStore(pool)
    await append(store, looked_up(1, 1), looked_up(1, 2), looked_up(2, 1), position=1)
    await append(store, looked_up(3, 1), position=2)
    await store.append([], consumer="loads", source=account_source(1), position=2)

    assert await store.moved("loads") == [Moved(2, 1, 0), Moved(3, 1, 0)]
    assert await store.moved("loads", limit=1, after=2) == [Moved(3, 1, 0)]
    assert await store.head(1) == 2
    assert await store.head(9) == 0


async def test_I6_F71_two_writers_in_a_loop_leave_one_history_without_gap(pool: Any) -> None:
    store = EventStore(pool)
    wins = {"a": 0, "b": 0}
    losses = 0

    async def write(name: str) -> None:
        nonlocal losses
        for number in range(1, 101):
            version = await store.head(1) + 1
            await asyncio.sleep(0)
            try:
                await append(store, looked_up(1, version, cause=name), source=name, position=number)
            except ConcurrentAppend:
                losses += 1
            else:
                wins[name] += 1

    await asyncio.gather(write("a"), write("b"))

    history = await store.stream(1)
    assert [recorded.version for recorded in history] == list(range(1, len(history) + 1))
    assert {name: sum(r.cause == name for r in history) for name in wins} == wins
    assert sum(wins.values()) + losses == 200


async def test_F21_of_two_consumers_of_one_source_one_records(pool: Any) -> None:
    store = EventStore(pool)

    async def once() -> type[Exception] | None:
        try:
            await append(store, looked_up(1, 1), position=1)
        except (AlreadyRecorded, ConcurrentAppend) as error:
            return type(error)
        return None

    outcomes = await asyncio.gather(*(once() for _ in range(8)))

    assert outcomes.count(None) == 1
    assert len(await store.stream(1)) == 1


async def test_F38_after_a_killed_backend_the_position_tells_what_happened(
    pool: Any, database_url: str
) -> None:
    """Backends die all the time; whoever lost the answer reads, and decides by what is there."""
    store = EventStore(pool)
    killer = await open_pool(database_url, size_max=1, application="killer")
    unknown = tried = 0
    done = asyncio.Event()

    async def kill() -> None:
        after = 0
        while not done.is_set():
            await lasting(0.001)
            if tried > after:  # something is under way, however slow the machine
                after = tried + 2
                await killer.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name = 'fairlead' AND datname = current_database()"
                )

    async def write() -> None:
        nonlocal unknown, tried
        try:
            for number in range(1, 151):
                while True:
                    try:
                        if (await store.position("allocator", SOURCE) or 0) < number:
                            tried += 1
                            await append(store, looked_up(1, number), position=number)
                        break
                    except Unavailable:
                        unknown += 1
        finally:
            done.set()

    async with asyncio.timeout(120):
        await asyncio.gather(kill(), write())
    await killer.close()
    await pool.expire_connections()  # the last kill may have come after the last write

    assert [r.version for r in await store.stream(1)] == list(range(1, 151))
    assert unknown > 0


async def test_F6_a_backend_killed_inside_the_append_leaves_nothing(
    pool: Any, database_url: str
) -> None:
    store = EventStore(pool)
    blocker = await asyncpg.connect(database_url)
    async with blocker.transaction():
        # The append stops at the events, after the position and the head were written.
        await blocker.execute("LOCK TABLE account_events IN ACCESS EXCLUSIVE MODE")
        attempt = asyncio.create_task(append(store, looked_up(1, 1), position=1))
        async with asyncio.timeout(60):
            while await blocker.fetchval(KILL_WAITING) == 0:
                pass
        with pytest.raises(Unavailable):
            await attempt
    await blocker.close()

    assert await store.heads() == {}
    assert await store.position("allocator", SOURCE) is None
    await append(store, looked_up(1, 1), position=1)


@pytest.mark.parametrize("code", ["40001", "40P01", "55P03", "53100", "57P01", "58030"])
async def test_F40_F44_F75_trouble_of_the_database_is_unavailable_and_changes_nothing(
    pool: Any, code: str
) -> None:
    store = EventStore(pool)
    await pool.execute(
        f"""
        CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'injected' USING ERRCODE = '{code}'; END $$;
        CREATE TRIGGER fail BEFORE INSERT ON account_events EXECUTE FUNCTION fail();
        """
    )
    with pytest.raises(Unavailable):
        await append(store, looked_up(1, 1), position=1)

    await pool.execute("DROP TRIGGER fail ON account_events")
    assert await store.position("allocator", SOURCE) is None
    await append(store, looked_up(1, 1), position=1)


async def test_F41_an_empty_pool_is_unavailable_within_two_seconds(database_url: str) -> None:
    small = await open_pool(database_url, size_max=1)
    async with small.acquire():
        with pytest.raises(Unavailable):
            await EventStore(small).heads()
    await small.close()


async def test_F46_a_schema_change_under_open_connections_is_survived(pool: Any) -> None:
    store = EventStore(pool)
    await append(store, looked_up(1, 1), position=1)
    assert len(await store.stream(1)) == 1
    await pool.execute("ALTER TABLE account_events ALTER COLUMN topic TYPE varchar(100)")

    assert len(await store.stream(1)) == 1


async def test_a_wrong_statement_is_a_bug_not_an_outage(pool: Any) -> None:
    with pytest.raises(asyncpg.UndefinedTableError):
        async with borrow(pool) as connection:
            await connection.fetch("SELECT * FROM nowhere")
    with pytest.raises((asyncpg.DataError, ValueError)):
        await EventStore(pool).stream(1, after="x")  # type: ignore[arg-type]


async def test_F80_an_event_of_a_newer_release_stops_the_reader(pool: Any) -> None:
    store = EventStore(pool)
    await append(store, looked_up(1, 1), position=1)
    await pool.execute("UPDATE account_events SET topic = 'lead.teleported'")

    with pytest.raises(Malformed, match="newer release"):
        await store.stream(1)
