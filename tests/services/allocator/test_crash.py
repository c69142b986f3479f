"""The allocator dies or its database goes away: nothing is lost, nothing is decided twice."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import asyncpg
import pytest

from contracts.events import LeadAssigned, Recorded
from contracts.inbound import PauseManager, ResumeManager
from services.log.port import Batch
from services.log.postgres import source_of
from services.shared.errors import Unavailable
from services.storage.database import borrow, open_pool
from services.storage.events import EventStore
from tests.domain.scenario import ANN, pause, resume
from tests.services.allocator.kit import ACCOUNT, Desk, drain, leads
from tests.support.waiting import until

KILL_WAITING = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE wait_event_type = 'Lock' AND datname = current_database()
"""


class Killed(BaseException):
    """The process ends here."""


@dataclass(slots=True)
class Hooked:
    """The real event store; `before` and `after` run around each append."""

    real: Any
    before: Callable[[], Awaitable[None]] | None = None
    after: Callable[[], Awaitable[None]] | None = None
    appends: list[Sequence[Recorded]] = field(default_factory=list)

    async def append(self, events: Sequence[Recorded], **more: Any) -> None:
        if self.before is not None:
            await self.before()
        await self.real.append(events, **more)
        self.appends.append(events)
        if self.after is not None:
            await self.after()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


def hooked(desk: Desk, **hooks: Any) -> Any:
    return replace(desk.stores, events=Hooked(desk.events, **hooks))


def once(error: BaseException) -> Callable[[], Awaitable[None]]:
    waiting = [error]

    async def act() -> None:
        if waiting:
            raise waiting.pop()

    return act


async def expected_log(postgres_server: Any, count: int) -> list[Recorded]:
    """What an allocator that nothing happens to makes of the same messages."""
    async with postgres_server.database() as url:
        calm = await open_pool(url)
        try:
            desk = Desk(calm)
            await desk.open()
            await desk.tell(*leads(count))
            await drain(desk.allocator())
            return await desk.log()
        finally:
            await calm.close()


async def test_messages_of_the_log_become_events_and_a_position(pool: Any) -> None:
    desk = Desk(pool)
    await desk.open()
    await desk.tell(*leads(3))

    await drain(desk.allocator())

    log = await desk.log()
    assigned = [r for r in log if isinstance(r.event, LeadAssigned)]
    assert [(r.cause, r.event.lead_id) for r in assigned] == [("m3", 1), ("m4", 2), ("m5", 3)]
    assert await desk.position() == 5


@pytest.mark.parametrize("error", [Killed(), asyncio.CancelledError(), ValueError("a bug")])
async def test_F4_a_death_before_the_append_leaves_nothing_and_the_same_decision_follows(
    pool: Any, postgres_server: Any, error: BaseException
) -> None:
    desk = Desk(pool)
    await desk.open()
    await desk.tell(*leads(5))

    with pytest.raises(type(error)):
        await drain(desk.allocator(stores=hooked(desk, before=once(error))))
    assert (await desk.log(), await desk.position()) == ([], None)
    await drain(desk.allocator())

    assert await desk.log() == await expected_log(postgres_server, 5)


async def test_F5_a_death_after_the_append_repeats_nothing(pool: Any, postgres_server: Any) -> None:
    desk = Desk(pool)
    await desk.open()
    await desk.tell(*leads(5))
    with pytest.raises(Killed):
        await drain(desk.allocator(stores=hooked(desk, after=once(Killed()))))
    log = await desk.log()

    await drain(desk.allocator())

    assert log == await desk.log() == await expected_log(postgres_server, 5)
    assert await desk.position() == 7


async def test_F6_a_backend_killed_inside_the_append_leaves_all_or_nothing(
    pool: Any, postgres_server: Any
) -> None:
    desk = Desk(pool)
    await desk.open()
    await desk.tell(*leads(5))
    async with borrow(pool) as holder, borrow(pool) as killer:
        transaction = holder.transaction()
        await transaction.start()
        await holder.execute("LOCK dead_letters IN ACCESS EXCLUSIVE MODE")  # its last statement
        running = asyncio.create_task(desk.allocator().step())
        await until(lambda: killer.fetchval(KILL_WAITING), every_s=0.01)
        with pytest.raises(Unavailable):
            await running
        await transaction.rollback()

    assert (await desk.log(), await desk.position()) == ([], None)
    await drain(desk.allocator())
    assert await desk.log() == await expected_log(postgres_server, 5)


async def test_F38_an_append_whose_answer_got_lost_is_not_repeated(
    pool: Any, postgres_server: Any
) -> None:
    desk = Desk(pool)
    await desk.open()
    await desk.tell(*leads(5))
    allocator = desk.allocator(stores=hooked(desk, after=once(Unavailable("lost"))))

    with pytest.raises(Unavailable):
        await allocator.step()
    await drain(allocator)

    assert await desk.log() == await expected_log(postgres_server, 5)


async def test_F37_a_database_that_is_away_is_waited_for_and_order_is_kept(
    pool: Any, postgres_server: Any
) -> None:
    desk = Desk(pool)
    await desk.open()
    failures = iter([Unavailable("away")] * 5)

    async def fail_five_times() -> None:
        for error in failures:
            raise error

    allocator = desk.allocator(
        stores=hooked(desk, before=fail_five_times), batch_size_max=2, batch_wait_ms=20
    )
    running = asyncio.create_task(allocator.run())
    await desk.tell(*leads(5))
    await until(desk.has_taken_in, every_s=0.01)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running

    assert next(failures, None) is None
    assert await desk.log() == await expected_log(postgres_server, 5)


@dataclass(slots=True)
class Repeating:
    """A log that hands out everything from the beginning, again and again: at least once."""

    batches: list[Batch]

    async def read(self, *, limit: int, wait_s: float) -> list[Batch]:
        del limit, wait_s
        return self.batches

    def rewind(self, source: str) -> None:
        del source


async def recorded_batch(desk: Desk) -> Batch:
    """The whole inbound log of the account, as one batch."""
    reader = desk.allocator()._reader
    (batch,) = await reader.read(limit=5_000, wait_s=0)
    return batch


async def test_F5_a_batch_delivered_again_is_no_message_at_all(pool: Any) -> None:
    desk = Desk(pool)
    await desk.open()
    await desk.tell(*leads(3), pause(), resume())
    batch = await recorded_batch(desk)
    again = desk.allocator(reader=Repeating([batch]))
    for _ in range(3):
        await again.step()
    log = await desk.log()
    assert await desk.position() == 7

    await desk.allocator(reader=Repeating([batch])).step()  # and by one that knows nothing

    assert await desk.log() == log


async def test_F71_what_is_delivered_again_loads_no_state_again(
    pool: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who reads behind another would do so for each batch, and never catch up."""
    desk = Desk(pool)
    await desk.open()
    await desk.tell(*leads(3))
    again = desk.allocator(reader=Repeating([await recorded_batch(desk)]))
    await again.step()
    loads: list[int] = []
    stream = EventStore.stream

    async def counted(store: EventStore, account_id: int, *more: int) -> list[Recorded]:
        loads.append(account_id)
        return await stream(store, account_id, *more)

    monkeypatch.setattr(EventStore, "stream", counted)
    for _ in range(3):
        await again.step()

    assert loads == []


async def test_F71_what_another_writer_recorded_meanwhile_is_not_done_again(pool: Any) -> None:
    """A pause and its end twice would be four events: neither is a copy of the other."""
    desk = Desk(pool)
    await desk.open()
    await desk.tell(pause(ANN), resume(ANN))
    other = desk.allocator()
    await desk.tell(*leads(1))
    batch = await recorded_batch(desk)  # read before, decided after
    await desk.allocator(batch_size_max=4).step()

    await desk.allocator(reader=Repeating([batch])).step()
    await drain(other)

    told = [type(r.event).__name__ for r in await desk.log()]
    assert (told.count("ManagerPaused"), told.count("ManagerResumed")) == (1, 1)
    assert told.count("LeadAssigned") == 1
    assert await desk.position() == 5


async def test_F20_a_message_is_judged_by_what_another_writer_made_of_those_before(
    pool: Any,
) -> None:
    """The end of a pause that one knows nothing of has no event, so no clash would tell."""
    desk = Desk(pool)
    await desk.open()
    first = desk.allocator()
    await drain(first)
    await desk.tell(pause(ANN))
    await drain(desk.allocator())  # the partition is somebody else's for a while
    first._reader.rewind(source_of(ACCOUNT))
    await desk.tell(resume(ANN))

    await drain(first)

    told = [type(r.event).__name__ for r in await desk.log()]
    assert (told.count("ManagerPaused"), told.count("ManagerResumed")) == (1, 1)


@pytest.mark.parametrize("snapshot_every", [10_000, 7])
async def test_F21_two_allocators_on_one_account_decide_everything_once(
    pool: Any, snapshot_every: int
) -> None:
    desk = Desk(pool)
    await desk.open()
    two = [
        asyncio.create_task(
            desk.allocator(batch_size_max=size, snapshot_every=snapshot_every).run()
        )
        for size in (3, 5)
    ]
    for first in range(1, 301, 6):
        body: list[PauseManager | ResumeManager] = [pause(ANN), resume(ANN)]
        await desk.tell(*leads(6, first), *body)
    await until(desk.has_taken_in, every_s=0.01)
    for task in two:
        task.cancel()
    await asyncio.gather(*two, return_exceptions=True)

    log = await desk.log()  # versions without a gap
    assigned = [r.event.lead_id for r in log if isinstance(r.event, LeadAssigned)]
    assert assigned == [*range(1, 301)]  # each once, in the order of the log
    told = [type(r.event).__name__ for r in log]
    assert (told.count("ManagerPaused"), told.count("ManagerResumed")) == (50, 50)


async def test_F21_the_loser_of_a_race_writes_nothing_and_goes_on(pool: Any) -> None:
    desk = Desk(pool)
    await desk.open()
    await desk.tell(*leads(4))

    async def be_overtaken() -> None:
        if not overtaken:
            overtaken.append(True)
            await drain(desk.allocator(batch_size_max=3))

    overtaken: list[bool] = []
    loser = desk.allocator(stores=hooked(desk, before=be_overtaken))
    await drain(loser)
    await desk.tell(*leads(1, 5))
    await drain(loser)

    log = await desk.log()
    assigned = [r.event.lead_id for r in log if isinstance(r.event, LeadAssigned)]
    assert assigned == [1, 2, 3, 4, 5]


async def test_a_bug_in_the_store_is_no_reason_to_wait(pool: Any) -> None:
    desk = Desk(pool)
    await desk.open()
    error = asyncpg.SyntaxOrAccessError("a bug")

    with pytest.raises(asyncpg.SyntaxOrAccessError):
        await desk.allocator(stores=hooked(desk, before=once(error))).run()
