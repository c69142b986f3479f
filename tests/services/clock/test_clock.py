"""The clock with timers in memory, and with the real projection."""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from contracts.inbound import Inbound, TimerDue
from projections.timers import Timer
from services.clock.clock import Clock
from services.clock.settings import ClockSettings
from services.shared.errors import Unavailable

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)


@dataclass
class World:
    """Timers, a log, and a wall clock that tests set."""

    timers: list[Timer] = field(default_factory=list)
    emitted: dict[tuple[int, str], int] = field(default_factory=dict)
    messages: list[Inbound] = field(default_factory=list)
    publications: list[int] = field(default_factory=list)
    now: datetime = NINE
    fail_publish: int = 0
    fail_mark: int = 0

    async def due(self, now: datetime, *, limit: int) -> Sequence[Timer]:
        return [timer for timer in self._open() if timer.due_at <= now][:limit]

    async def next_due_at(self) -> datetime | None:
        return min((timer.due_at for timer in self._open()), default=None)

    async def mark_emitted(self, timers: Sequence[Timer]) -> None:
        if self.fail_mark:
            self.fail_mark -= 1
            raise Unavailable("away")
        for timer in timers:
            if timer in self.timers:
                self.emitted[timer.account_id, timer.timer_id] = timer.generation

    async def publish(self, messages: Sequence[Inbound]) -> None:
        if self.fail_publish:
            self.fail_publish -= 1
            raise Unavailable("away")
        self.messages += messages
        self.publications.append(len(messages))

    def clock(self, **settings: float) -> Clock:
        return Clock(
            timers=self,
            publisher=self,
            now=lambda: self.now,
            settings=ClockSettings(**settings),  # type: ignore[arg-type]
        )

    def _open(self) -> list[Timer]:
        rows = [
            timer
            for timer in self.timers
            if self.emitted.get((timer.account_id, timer.timer_id)) != timer.generation
        ]
        return sorted(rows, key=lambda each: (each.due_at, each.account_id, each.timer_id))


def timer(number: int = 1, *, after_s: float = 0, generation: int = 1) -> Timer:
    return Timer(
        account_id=7,
        timer_id=f"look/r{number}",
        generation=generation,
        due_at=NINE + timedelta(seconds=after_s),
    )


async def test_F10_a_due_timer_is_sent_once_and_marked() -> None:
    world = World([timer()])
    clock = world.clock()
    await clock.step()
    await clock.step()

    (message,) = world.messages
    assert message.body == TimerDue(timer_id="look/r1", generation=1)
    assert message.message_id == "timer/7/look/r1/1"
    assert message.at == NINE


async def test_F10_a_death_between_sending_and_marking_repeats_the_same_message() -> None:
    world = World([timer()], fail_mark=1)
    clock = world.clock()
    with pytest.raises(Unavailable):
        await clock.step()
    await clock.step()

    assert [message.message_id for message in world.messages] == ["timer/7/look/r1/1"] * 2


async def test_F10_what_could_not_be_sent_is_not_marked() -> None:
    world = World([timer()], fail_publish=1)
    clock = world.clock()
    with pytest.raises(Unavailable):
        await clock.step()
    assert world.emitted == {}
    await clock.step()

    assert len(world.messages) == 1


async def test_F10_a_timer_set_again_meanwhile_is_sent_in_its_new_generation() -> None:
    world = World([timer()])
    await world.clock().step()
    world.timers[0] = replace(world.timers[0], generation=2, due_at=NINE + timedelta(seconds=5))
    await world.clock().step()
    assert len(world.messages) == 1
    world.now = NINE + timedelta(seconds=5)
    await world.clock().step()

    assert [message.message_id[-1] for message in world.messages] == ["1", "2"]


async def test_F68_many_due_at_once_go_out_in_due_order_and_bounded_batches() -> None:
    world = World([timer(number, after_s=-number) for number in range(1_200)])
    clock = world.clock()
    waits = [await clock.step() for _ in range(3)]

    assert world.publications == [500, 500, 200]
    assert waits[:2] == [0.0, 0.0]
    sent = [message.body.timer_id for message in world.messages]  # type: ignore[union-attr]
    assert sent == [f"look/r{number}" for number in reversed(range(1_200))]


@pytest.mark.parametrize(
    ("after_s", "wait_s"), [(0.25, 0.25), (100.0, 1.0), (None, 1.0), (0.000001, 0.005)]
)
async def test_the_clock_sleeps_until_the_next_timer_but_never_long(
    after_s: float | None, wait_s: float
) -> None:
    world = World([] if after_s is None else [timer(after_s=after_s)])

    assert await world.clock().step() == pytest.approx(wait_s)


async def test_F64_a_clock_set_back_sends_late_and_never_twice() -> None:
    world = World([timer(1), timer(2, after_s=10)])
    clock = world.clock()
    await clock.step()
    world.now = NINE - timedelta(hours=1)
    await clock.step()
    assert len(world.messages) == 1
    world.now = NINE + timedelta(seconds=10)
    await clock.step()

    assert len(world.messages) == 2


async def test_F68_the_loop_wakes_up_when_told() -> None:
    world = World()
    woken, waits = asyncio.Event(), asyncio.Event()

    class Bell:
        async def wait(self, timeout_s: float) -> None:
            assert timeout_s <= 1.0
            waits.set()
            await woken.wait()
            woken.clear()

    clock = Clock(timers=world, publisher=world, now=lambda: world.now, wakeup=Bell())
    task = asyncio.create_task(clock.run())
    async with asyncio.timeout(60):
        await waits.wait()
        world.timers.append(timer())
        waits.clear()
        woken.set()
        await waits.wait()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task

    assert len(world.messages) == 1
