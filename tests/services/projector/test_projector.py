"""The projector on a real database: kills, swaps, bugs, rebuilds and comparisons."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from copy import copy as alike
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import structlog

from contracts.events import LeadAssigned, Recorded, RulesApplied
from projections import assignments, decisions, fairness, loads, requests, timers
from services.projector import schema
from services.projector.advance import ForeignRevision, GapInLog, advance, is_trouble
from services.projector.compare import compare
from services.projector.rebuild import AlreadyRunning, copy, rebuild
from services.projector.registry import PROJECTIONS, WORK_LISTS, Projection, named
from services.projector.run import Options, Projector, lag
from services.storage.database import open_pool
from services.storage.events import EventStore
from tests.projections.history import Story, story
from tests.projections.kit import ACCOUNT, apply, assigned, later, opened, recorded, timer
from tests.support.waiting import lasting, until

ROOT = Path(__file__).parents[3]
FAST = Options(batch_size_max=40, poll_s=0.02, retry_s_max=0.05)


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as lines:
        yield lines


@dataclass
class Changed:
    """A projection with something about it changed."""

    of: Any
    revision: int = 0
    before: Callable[[Sequence[Recorded]], Awaitable[None]] | None = None
    after: Callable[[asyncpg.Connection], Awaitable[None]] | None = None

    @property
    def NAME(self) -> str:
        return self.of.NAME

    @property
    def REVISION(self) -> int:
        return self.revision or self.of.REVISION

    @property
    def EVENTS(self) -> frozenset[type]:
        return self.of.EVENTS

    @property
    def TABLES(self) -> str:
        return self.of.TABLES

    @property
    def CARRY_OVER(self) -> str | None:
        return getattr(self.of, "CARRY_OVER", None)

    async def project(
        self, connection: asyncpg.Connection, account_id: int, events: Sequence[Recorded]
    ) -> None:
        if self.before:
            await self.before(events)
        await self.of.project(connection, account_id, events)
        if self.after:
            await self.after(connection)


@dataclass
class Writer:
    """Stores what accounts live through, as the allocator would."""

    store: EventStore
    position: int = 0
    stored: dict[int, int] = field(default_factory=dict)

    async def store_all(self, *lives: Story) -> None:
        for lived in lives:
            done = self.stored.get(lived.account_id, 0)
            if fresh := lived.log[done:]:
                self.position += 1
                await self.store.append(
                    fresh, consumer="test", source="inbound", position=self.position
                )
                self.stored[lived.account_id] = len(lived.log)


def quiet(_seconds: float) -> Awaitable[object]:
    return lasting(0.01)


def projector(pool: Any, projections: Sequence[Projection] = PROJECTIONS, **more: Any) -> Projector:
    options = more.pop("options", FAST)
    return Projector(
        pool, EventStore(pool), wait=quiet, projections=projections, options=options, **more
    )


@asynccontextmanager
async def running(following: Projector) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(following.run())
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def caught_up(pool: Any, *projections: Projection) -> bool:
    behind = await lag(pool, EventStore(pool), projections or PROJECTIONS)
    return not any(behind.values())


async def test_I9_every_projection_follows_and_equals_its_rebuild(pool: Any) -> None:
    lives = [
        story(account_id=account_id, seed=account_id, messages=250) for account_id in (1, 2, 3)
    ]
    await Writer(EventStore(pool)).store_all(*lives)
    told: list[str] = []
    following = projector(pool, on_progress=told.append)
    await schema.prepare(pool)

    while await following.catch_up():
        pass

    assert await caught_up(pool)
    assert told[0] in WORK_LISTS
    assert {*told} == {projection.NAME for projection in PROJECTIONS}
    assert await requests.unaccounted(pool) == []
    assert await fairness.unbalanced(pool) == []
    for projection in PROJECTIONS:
        assert await compare(pool, EventStore(pool), projection) == []


async def test_views_follow_after_the_work_lists_however_often_events_come(pool: Any) -> None:
    lives = [story(account_id=account_id, seed=account_id, messages=60) for account_id in range(5)]
    writer = Writer(EventStore(pool))
    await schema.prepare(pool)
    async with running(projector(pool)):
        for lived in lives:
            await writer.store_all(lived)
            await until(lambda: caught_up(pool))

    for projection in PROJECTIONS:
        assert await compare(pool, EventStore(pool), projection) == []


async def test_I9_a_row_that_no_event_explains_is_found(pool: Any) -> None:
    lived = story(seed=1, messages=100)
    await Writer(EventStore(pool)).store_all(lived)
    await apply(pool, loads, lived.log)
    await pool.execute("UPDATE loads.open_leads SET open_leads = open_leads + 1")
    rows = await pool.fetchval("SELECT count(*) FROM loads.open_leads")

    (found,) = await compare(pool, EventStore(pool), loads)

    assert (found.table, found.only_live, found.only_rebuilt) == ("loads.open_leads", rows, rows)
    assert "open_leads" in found.examples[0]


async def test_F45_I9_a_rebuild_beside_a_writer_and_a_live_projector_equals_it(pool: Any) -> None:
    lives = [story(account_id=account_id, seed=account_id) for account_id in (1, 2)]
    writer, stop = Writer(EventStore(pool)), asyncio.Event()

    async def write() -> None:
        while not stop.is_set():
            for lived in lives:
                lived.live(5)
            await writer.store_all(*lives)

    async with running(projector(pool)), asyncio.TaskGroup() as tasks:
        tasks.create_task(write())
        await until(lambda: _exists(pool, "loads"))
        for projection in (loads, fairness, requests):
            await rebuild(pool, EventStore(pool), projection)
        stop.set()
        await until(lambda: caught_up(pool))

    for projection in PROJECTIONS:
        assert await compare(pool, EventStore(pool), projection) == []
    assert writer.position > 10


async def _exists(pool: Any, name: str) -> bool:
    found: bool = await pool.fetchval(schema.EXISTS, name)
    return found


async def test_F85_readers_never_see_a_half_during_swaps(pool: Any) -> None:
    lived = story(seed=2, messages=200)
    await Writer(EventStore(pool)).store_all(lived)
    await apply(pool, fairness, lived.log)
    await apply(pool, loads, lived.log)
    expected = (
        await fairness.of_account(pool, ACCOUNT),
        await loads.of_account(pool, ACCOUNT),
        await pool.fetchval(BOOKED),
    )
    stop = asyncio.Event()

    async def read() -> int:
        seen = 0
        async with pool.acquire() as connection:
            while not stop.is_set():
                found = (
                    await fairness.of_account(connection, ACCOUNT),
                    await loads.of_account(connection, ACCOUNT),
                    await connection.fetchval(BOOKED),
                )
                assert found == expected
                seen += 1
        return seen

    async with asyncio.TaskGroup() as tasks:
        readers = [tasks.create_task(read()) for _ in range(3)]
        for _ in range(4):
            await rebuild(pool, EventStore(pool), fairness)
            await rebuild(pool, EventStore(pool), loads)
        stop.set()
    reads = sum(reader.result() for reader in readers)

    assert reads > 20
    assert await _schemas(pool) == ["fairness", "loads"]


# Two tables in one statement: the mix of an old and a new one would show.
BOOKED = """
SELECT (SELECT sum(credit_units) FROM fairness.shares) || ' ' ||
    (SELECT count(*) FROM fairness.movements) || ' ' ||
    (SELECT sum(units) FROM fairness.movements, unnest(balances_units) AS units)
"""


async def _schemas(pool: Any) -> list[str]:
    rows = await pool.fetch(
        "SELECT nspname FROM pg_namespace"
        " WHERE nspname !~ '^(pg_|information_schema|public|gateway|dash)' ORDER BY nspname"
    )
    return [row["nspname"] for row in rows]


async def test_F9_a_backend_lost_in_a_batch_takes_rows_and_position_back(pool: Any) -> None:
    lived = story(seed=3, messages=200)
    await Writer(EventStore(pool)).store_all(lived)
    await schema.prepare(pool, [loads])
    kills = iter([True, True])

    async def lose(connection: asyncpg.Connection) -> None:
        if next(kills, False):
            own = await connection.fetchval("SELECT pg_backend_pid()")
            await pool.execute("SELECT pg_terminate_backend($1)", own)

    following = projector(pool, [Changed(loads, after=lose)])
    with pytest.raises(Exception, match=r"terminat|closed") as raised:
        await following.catch_up()
    after_kill = await schema.positions(pool, "loads"), await loads.of_account(pool, ACCOUNT)
    async with running(following):
        await until(lambda: caught_up(pool, loads))

    assert is_trouble(raised.value)
    assert after_kill == ({}, [])
    assert await compare(pool, EventStore(pool), loads) == []


async def test_F9_a_projector_killed_in_a_batch_goes_on_where_it_was(
    pool: Any, database_url: str
) -> None:
    lived = story(seed=3, messages=200)
    await Writer(EventStore(pool)).store_all(lived)
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        KILLED,
        database_url,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert child.stdout is not None
    async with asyncio.timeout(60):
        said = await child.stdout.readline()
        child.send_signal(signal.SIGKILL)
        await child.wait()

    await until(lambda: _is_unlocked(pool))
    stored = await schema.positions(pool, "loads")
    events = [event for event in lived.log if event.version <= stored.get(ACCOUNT, 0)]
    expected = {
        (row.manager_id, row.stage): row.open_leads for row in await loads.of_account(pool, ACCOUNT)
    }
    await projector(pool, [loads]).catch_up()

    assert said == b"in_tx\n"
    assert stored == {ACCOUNT: 80}
    assert expected == loads.changes(events)
    assert await compare(pool, EventStore(pool), loads) == []


# Two batches of 40 are stored, the third is in its transaction when it dies.
KILLED = """
import asyncio, sys
from projections import loads
from services.projector.advance import advance
from services.projector.schema import prepare
from services.storage.database import open_pool
from services.storage.events import EventStore

class Stuck:
    NAME, REVISION, EVENTS, TABLES = loads.NAME, loads.REVISION, loads.EVENTS, loads.TABLES
    batches = 0

    async def project(self, connection, account_id, events):
        await loads.project(connection, account_id, events)
        self.batches += 1
        if self.batches == 3:
            print("in_tx", flush=True)
            await asyncio.sleep(60)

async def main():
    pool, stuck = await open_pool(sys.argv[1]), Stuck()
    await prepare(pool, [stuck])
    for after in (0, 40, 80):
        events = await EventStore(pool).stream(7, after=after, limit=40)
        async with pool.acquire() as connection:
            await advance(connection, stuck, schema="loads", account_id=7, events=events)

asyncio.run(main())
"""


async def _is_unlocked(pool: Any) -> bool:
    try:
        await pool.fetch("SELECT 1 FROM loads.positions FOR UPDATE NOWAIT")
    except asyncpg.LockNotAvailableError:
        return False
    return True


async def test_F33_a_bug_stops_its_projection_in_its_account_and_nothing_is_skipped(
    pool: Any, logged: list[Any]
) -> None:
    lives = [story(account_id=account_id, seed=4, messages=100) for account_id in (1, 2)]
    await Writer(EventStore(pool)).store_all(*lives)
    broken = True

    async def fail(events: Sequence[Recorded]) -> None:
        if broken and events[0].account_id == 1:
            raise ZeroDivisionError

    following = projector(pool, [Changed(loads, before=fail), decisions])
    await schema.prepare(pool)
    async with running(following):
        await until(lambda: caught_up(pool, decisions))
        await until(lambda: _at(pool, "loads", {2: len(lives[1].log)}))
        stopped = await loads.of_account(pool, 1)
        broken = False
        await until(lambda: caught_up(pool, loads))

    assert stopped == []
    assert {
        (line["event"], line["projection"], line["account_id"], line["after"]) for line in logged
    } == {("projection_stopped", "loads", 1, 0)}
    assert await compare(pool, EventStore(pool), loads) == []


def _begun(lived: Story, events: int) -> Story:
    """A life until an event; made anew it would be described, and given rules, once more."""
    part = alike(lived)
    part.log = lived.log[:events]
    return part


async def test_I13_a_lead_that_comes_alone_costs_two_transactions(database_url: str) -> None:
    said: list[str] = []
    pool = await open_pool(database_url, size_max=1)
    async with pool.acquire() as connection:
        connection.add_query_logger(lambda query: said.append(query.query))
    try:
        writer, lived = Writer(EventStore(pool)), story(seed=4, messages=60)
        *_, before, last = [
            n for n, e in enumerate(lived.log, 1) if isinstance(e.event, LeadAssigned)
        ]
        following = projector(pool)
        await schema.prepare(pool)
        await writer.store_all(_begun(lived, before))
        await following.catch_up()
        await writer.store_all(_begun(lived, last))
        said.clear()
        moved = await following.catch_up()
    finally:
        await pool.close()

    assert moved == {projection.NAME for projection in PROJECTIONS}
    assert [query for query in said if query.startswith("BEGIN")] == ["BEGIN;", "BEGIN;"]
    assert len(said) < 55, "150 once, each projection in a transaction of its own"


async def _at(pool: Any, name: str, positions: dict[int, int]) -> bool:
    return await schema.positions(pool, name) == positions


async def test_I9_a_gap_is_an_error_and_changes_nothing(pool: Any) -> None:
    lived = story(seed=5, messages=50)
    await apply(pool, loads, lived.log[:10])

    with pytest.raises(GapInLog):
        await apply(pool, loads, lived.log[11:])
    await apply(pool, loads, lived.log[5:])

    assert await schema.positions(pool, "loads") == {ACCOUNT: len(lived.log)}


async def test_I9_a_head_without_events_is_no_progress(pool: Any) -> None:
    await pool.execute("INSERT INTO account_heads VALUES (7, 3)")
    await schema.prepare(pool)

    assert await projector(pool).catch_up() == frozenset()


async def test_I2_a_batch_never_ends_inside_the_answer_to_a_message(pool: Any) -> None:
    events = [
        Recorded(account_id=ACCOUNT, version=version, cause=f"m{(version + 1) // 3}", event=event)
        for version, event in enumerate([opened(1), assigned(1)] * 5, 1)
    ]
    await EventStore(pool).append(
        [e if e.version < 3 else _other(e) for e in events],
        consumer="test",
        source="inbound",
        position=1,
    )
    sizes = []

    async def note(batch: Sequence[Recorded]) -> None:
        sizes.append([event.version for event in batch])

    one = Changed(requests, before=note)
    await schema.prepare(pool, [one])
    await projector(pool, [one], options=Options(batch_size_max=4)).catch_up()

    assert sizes == [[1], [2, 3, 4], [5, 6, 7], [8, 9, 10]]


def _other(event: Recorded) -> Recorded:
    number = event.version
    request_id = f"1.{(number + 1) // 2}"
    fresh = opened(1, request_id=request_id) if number % 2 else assigned(1, request_id=request_id)
    return Recorded(account_id=event.account_id, version=number, cause=event.cause, event=fresh)


async def test_I2_the_answer_to_one_message_may_exceed_a_batch(pool: Any) -> None:
    events = [
        Recorded(account_id=ACCOUNT, version=version, cause="m1", event=opened(version))
        for version in range(1, 31)
    ]
    await EventStore(pool).append(events, consumer="test", source="inbound", position=1)
    sizes = []

    async def note(batch: Sequence[Recorded]) -> None:
        sizes.append(len(batch))

    one = Changed(requests, before=note)
    await schema.prepare(pool, [one])
    await projector(pool, [one], options=Options(batch_size_max=4)).catch_up()

    assert sizes == [30]


async def test_F80_code_of_another_revision_leaves_the_rows_alone(pool: Any) -> None:
    lived = story(seed=6, messages=100)
    await Writer(EventStore(pool)).store_all(lived)
    old, new = loads, Changed(loads, revision=loads.REVISION + 1)
    await apply(pool, old, lived.log[:20])

    assert await schema.prepare(pool, [new]) == [new]
    async with pool.acquire() as connection:
        with pytest.raises(ForeignRevision):
            await advance(
                connection, new, schema="loads", account_id=ACCOUNT, events=lived.log[20:]
            )
    with pytest.raises(ForeignRevision):
        await compare(pool, EventStore(pool), new)

    assert await schema.positions(pool, "loads") == {ACCOUNT: 20}


async def test_F85_a_newer_revision_is_rebuilt_at_the_start_while_the_others_go_on(
    pool: Any,
) -> None:
    lived = story(seed=6, messages=100)
    await Writer(EventStore(pool)).store_all(lived)
    await apply(pool, loads, lived.log[:20])
    new = Changed(loads, revision=loads.REVISION + 1)

    await schema.prepare(pool, [decisions])
    async with running(projector(pool, [new, decisions])):
        await until(lambda: caught_up(pool, decisions))
        await until(lambda: caught_up(pool, new))

    assert await schema.stored_revision(pool, "loads") == new.REVISION
    assert await compare(pool, EventStore(pool), new) == []


async def test_F85_what_a_crashed_rebuild_left_is_dropped_by_the_next(pool: Any) -> None:
    lived = story(seed=7, messages=100)
    await Writer(EventStore(pool)).store_all(lived)
    await apply(pool, loads, lived.log)
    async with pool.acquire() as connection:
        await schema.create(connection, loads, "loads_rebuild")
        await connection.execute("INSERT INTO loads_rebuild.open_leads VALUES (7, 1, 1, 1, 1)")
    progress: list[tuple[int, int]] = []

    await rebuild(
        pool, EventStore(pool), loads, progress=lambda done, total: progress.append((done, total))
    )

    assert progress[-1] == (len(lived.log), len(lived.log))
    assert await _schemas(pool) == ["loads"]
    assert await compare(pool, EventStore(pool), loads) == []


async def test_F85_one_rebuild_at_a_time(pool: Any) -> None:
    await schema.prepare(pool, [loads])

    async with copy(pool, loads, "loads_rebuild"):
        with pytest.raises(AlreadyRunning):
            await rebuild(pool, EventStore(pool), loads)


async def test_F85_a_long_reader_is_not_held_up_and_holds_up_only_the_drop(pool: Any) -> None:
    lived = story(seed=7, messages=50)
    await Writer(EventStore(pool)).store_all(lived)
    await apply(pool, fairness, lived.log)
    async with pool.acquire() as reader, asyncio.TaskGroup() as tasks, reader.transaction():
        before = await reader.fetchval(BOOKED)
        tasks.create_task(rebuild(pool, EventStore(pool), fairness))
        await until(lambda: _exists(pool, "fairness_old"))
        await until(lambda: _is_waiting(pool))
        async with asyncio.timeout(5):
            after = await reader.fetchval(BOOKED)

    assert before == after
    assert await _schemas(pool) == ["fairness"]


async def _is_waiting(pool: Any) -> bool:
    waiting: bool = await pool.fetchval("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
    return waiting


async def test_F10_a_rebuild_keeps_what_the_clock_has_sent(pool: Any) -> None:
    events = recorded(timer(), timer("pause/501"))
    await EventStore(pool).append(events, consumer="test", source="inbound", position=1)
    await apply(pool, timers, events)
    (first, _) = await timers.due(pool, now=later(60), limit=9)
    await timers.mark_emitted(pool, [first])

    await rebuild(pool, EventStore(pool), timers)

    assert [found.timer_id for found in await timers.due(pool, now=later(60), limit=9)] == [
        "pause/501"
    ]
    assert await compare(pool, EventStore(pool), timers) == []


async def test_F46_a_plan_made_before_a_swap_is_made_anew(pool: Any) -> None:
    lived = story(seed=9, messages=60)
    writer, following = Writer(EventStore(pool)), projector(pool, [assignments, loads])
    await schema.prepare(pool, [assignments, loads])
    for _ in range(6):
        await writer.store_all(lived)
        await following.catch_up()
        await rebuild(pool, EventStore(pool), assignments)
        await assignments.pending(pool, account_id=1, limit=5)
        lived.live(20)
    await writer.store_all(lived)
    await following.catch_up()

    assert await compare(pool, EventStore(pool), assignments) == []
    assert await caught_up(pool, assignments, loads)


async def test_F37_the_projector_outlives_lost_connections(pool: Any, database_url: str) -> None:
    lived, writer = story(seed=10, messages=60), Writer(EventStore(pool))
    own = await open_pool(database_url, size_min=1, size_max=6, application="victim")
    async with running(projector(own)) as task:
        for _ in range(5):
            await writer.store_all(lived)
            await pool.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'victim'"
            )
            lived.live(40)
        await writer.store_all(lived)
        await until(lambda: _exists(pool, "decisions"))
        await until(lambda: caught_up(pool))
        is_alive = not task.done()
    await own.close()

    assert is_alive
    for projection in PROJECTIONS:
        assert await compare(pool, EventStore(pool), projection) == []


async def test_F80_projectors_starting_together_create_each_table_once(pool: Any) -> None:
    async with asyncio.TaskGroup() as tasks:
        for _ in range(4):
            tasks.create_task(schema.prepare(pool))

    assert await _schemas(pool) == sorted(projection.NAME for projection in PROJECTIONS)
    assert named("loads") is loads


def test_F37_an_argument_of_the_wrong_type_is_a_bug_and_no_trouble() -> None:
    assert not is_trouble(asyncpg.DataError("an int is required"))
    assert is_trouble(asyncpg.InterfaceError("connection is closed"))
    assert not is_trouble(ZeroDivisionError())


async def test_I9_events_that_concern_nobody_move_the_position(pool: Any) -> None:
    events = recorded(RulesApplied(revision=1, rules={}, by="admin", at=later(0)))

    for projection in PROJECTIONS:
        await apply(pool, projection, events)

    assert [await schema.positions(pool, p.NAME) for p in PROJECTIONS] == [{ACCOUNT: 1}] * len(
        PROJECTIONS
    )
