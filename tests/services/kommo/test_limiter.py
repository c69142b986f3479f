"""The limiter on a clock that only moves when told."""

import asyncio
import heapq
import random
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest

from services.kommo.errors import Closed, Crowded
from services.kommo.limiter import Limiter, Priority
from services.kommo.settings import LimiterSettings
from services.kommo.starts import WINDOW_S, Asker, Lease, LeaseLost, OwnStarts, most_of
from tests.simulation.twins import AddressRow


class ManualTiming:
    """Time stands still until `advance`; sleepers wake in order."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = 0

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self._count += 1
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now + seconds, self._count, future))
        await future

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        if event.is_set() or seconds <= 0:
            return event.is_set()
        waits = [asyncio.create_task(each) for each in (event.wait(), self.sleep(seconds))]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()
        return event.is_set()

    async def advance(self, seconds: float) -> None:
        end = self.now + seconds
        await settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            at, _, future = heapq.heappop(self._sleepers)
            self.now = max(self.now, at)
            if not future.done():
                future.set_result(None)
            await settle()
        self.now = end
        await settle()


async def settle() -> None:
    for _ in range(30):
        await asyncio.sleep(0)


class Calls:
    """Starts calls and writes down when each left."""

    def __init__(self, **pace: float) -> None:
        self.timing = ManualTiming()
        self.limiter = Limiter(LimiterSettings(**{"rate_per_s": 5.0, **pace}), self.timing)  # type: ignore[arg-type]
        self.left: list[tuple[float, str]] = []
        self.tasks: list[asyncio.Task[None]] = []

    def call(
        self,
        name: str,
        priority: Priority = Priority.PUSH,
        answer: object = 200,
        caller: str = "",
    ) -> None:
        self.tasks.append(asyncio.create_task(self._call(name, priority, answer, caller)))

    async def _call(self, name: str, priority: Priority, answer: object, caller: str) -> None:
        async with self.limiter.turn(priority, caller=caller) as turn:
            await turn.start()
            self.left.append((round(self.timing.now - 1_000.0, 6), name))
            if isinstance(answer, asyncio.Future):
                answer = await answer
            if answer == 429:
                await turn.limited(None)
            elif isinstance(answer, float):
                await turn.limited(answer)
            elif answer == 403:
                await turn.blocked()
            elif answer == 200:
                turn.answered()

    def names(self) -> list[str]:
        return [name for _, name in self.left]

    def times(self) -> list[float]:
        return [at for at, _ in self.left]


@pytest.fixture
async def calls() -> AsyncIterator[Calls]:
    made = Calls()
    yield made
    for task in made.tasks:
        task.cancel()
    await asyncio.gather(*made.tasks, return_exceptions=True)


async def test_F51_starts_are_evenly_spaced_after_a_silence_too(calls: Calls) -> None:
    await calls.timing.advance(100)
    for number in range(4):
        calls.call(str(number))
    await calls.timing.advance(1)

    assert calls.times() == [100.0, 100.2, 100.4, 100.6]


async def test_no_second_of_an_hour_has_more_starts_than_the_rate(calls: Calls) -> None:
    for number in range(100):
        calls.call(str(number))
    await calls.timing.advance(60)

    times = calls.times()
    assert len(times) == 100
    assert max(sum(a <= b < a + 0.999 for b in times) for a in times) == 5


async def test_more_urgent_calls_leave_first(calls: Calls) -> None:
    calls.call("first", Priority.SWEEP)
    await settle()
    for priority in (Priority.SWEEP, Priority.LOOKUP, Priority.CHECK, Priority.PUSH):
        calls.call(priority.name, priority)
    await calls.timing.advance(2)

    assert calls.names() == ["first", "PUSH", "CHECK", "LOOKUP", "SWEEP"]


async def test_a_stream_of_pushes_cannot_starve_the_sweep(calls: Calls) -> None:
    calls.call("first")
    await settle()
    calls.call("sweep", Priority.SWEEP)
    for number in range(50):
        calls.call(f"push {number}")
    await calls.timing.advance(3)

    assert calls.names().index("sweep") == 7


async def test_F70_the_accounts_take_turns_however_many_calls_one_of_them_has(calls: Calls) -> None:
    for number in range(20):
        calls.call(f"a{number}", caller="a")
    await settle()
    for number in range(3):
        calls.call(f"b{number}", Priority.LOOKUP, caller="b")
        calls.call(f"c{number}", caller="c")
    await calls.timing.advance(2)

    assert " ".join(calls.names()) == "a0 b0 c0 a1 b1 c1 a2 b2 c2 a3"


async def test_F70_one_accounts_bulk_waits_for_what_is_urgent_to_another(calls: Calls) -> None:
    for number in range(5):
        calls.call(f"sweep{number}", Priority.SWEEP, caller="a")
    await settle()
    for number in range(3):
        calls.call(f"push{number}", caller="b")
    await calls.timing.advance(1)

    assert calls.names() == ["sweep0", "push0", "push1", "push2", "sweep1"]


async def test_F70_an_accounts_bulk_has_its_fair_turn_beside_another_that_has_more() -> None:
    calls = Calls(fair_every=4)
    for number in range(40):
        calls.call(f"push{number}", caller="a")
        calls.call(f"old{number}", Priority.SWEEP, caller="a")
    await settle()
    calls.call("sweep", Priority.SWEEP, caller="b")
    await calls.timing.advance(2)
    for task in calls.tasks:
        task.cancel()

    assert calls.names().index("sweep") == 3


async def test_F70_p95_of_the_others_beside_a_flood_is_within_twice_of_alone() -> None:
    """Five small accounts call at once every two seconds, a sixth has 2,000 calls waiting."""
    alone, beside = await _waits(flood=0), await _waits(flood=2_000)

    assert _p95(alone) > 0
    assert _p95(beside) <= 2 * _p95(alone)


async def _waits(flood: int) -> list[float]:
    calls, waits = Calls(waiting_calls_max=100_000), list[float]()
    for number in range(flood):
        calls.call(str(number), caller="flood")
    await settle()

    async def one(caller: str) -> None:
        asked_at = calls.timing.now
        async with calls.limiter.turn(Priority.LOOKUP, caller=caller) as turn:
            await turn.start()
            turn.answered()
            waits.append(calls.timing.now - asked_at)

    for _ in range(20):
        calls.tasks += [asyncio.create_task(one(f"small{each}")) for each in range(5)]
        await calls.timing.advance(2)
    for task in calls.tasks:
        task.cancel()
    await asyncio.gather(*calls.tasks, return_exceptions=True)
    assert len(waits) == 100
    return waits


def _p95(waits: list[float]) -> float:
    return sorted(waits)[94]


async def test_F47_a_stated_pause_holds_everybody_and_ends_with_one_probe(calls: Calls) -> None:
    probe: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    calls.call("limited", answer=7.0)
    await settle()
    calls.call("probe", answer=probe)
    for name in ("a", "b"):
        calls.call(name)
    await calls.timing.advance(6.9)
    assert calls.names() == ["limited"]
    await calls.timing.advance(60)
    assert calls.left == [(0.0, "limited"), (7.0, "probe")]
    probe.set_result(200)
    await calls.timing.advance(1)

    assert calls.names() == ["limited", "probe", "a", "b"]


async def test_F47_pauses_without_a_stated_time_grow_up_to_five_minutes(calls: Calls) -> None:
    for number in range(12):
        calls.call(str(number), answer=429)
    await calls.timing.advance(5_000)

    times = calls.times()
    pauses = [after - before for before, after in pairwise(times)]
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


async def test_F47_late_answers_of_earlier_calls_are_no_new_offence(calls: Calls) -> None:
    loop = asyncio.get_running_loop()
    slow: list[asyncio.Future[int]] = [loop.create_future() for _ in range(3)]
    for number, answer in enumerate(slow):
        calls.call(str(number), answer=answer)
    await calls.timing.advance(1)
    for answer in slow:
        answer.set_result(429)
    await settle()
    calls.call("next")
    await calls.timing.advance(10)

    assert calls.left[-1] == (2.0, "next")


async def test_F47_a_success_from_before_the_pause_opens_nothing(calls: Calls) -> None:
    slow: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    calls.call("slow", answer=slow)
    await settle()
    calls.call("limited", answer=9.0)
    await calls.timing.advance(1)
    slow.set_result(200)
    calls.call("next")
    await calls.timing.advance(8)
    assert calls.names() == ["slow", "limited"]
    assert not calls.limiter.is_open


async def test_F47_a_probe_without_an_answer_is_followed_by_another_probe(calls: Calls) -> None:
    lost: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    calls.call("limited", answer=5.0)
    await settle()
    calls.call("lost", answer=lost)
    for name in ("probe", "next"):
        calls.call(name)
    await calls.timing.advance(6)
    lost.set_result(0)  # the connection broke
    await calls.timing.advance(1)

    assert calls.names() == ["limited", "lost", "probe", "next"]
    assert calls.limiter.is_open


async def test_F47_a_turn_given_before_the_pause_may_not_start_inside_it(calls: Calls) -> None:
    limiter = calls.limiter
    async with limiter.turn(Priority.PUSH) as held:
        calls.call("limited", answer=30.0)
        await calls.timing.advance(1)
        with pytest.raises(Closed):
            await held.start()


async def test_F47_uneven_work_between_turn_and_start_never_makes_one_start_too_many() -> None:
    timing, chance = ManualTiming(), random.Random(7)
    limiter = Limiter(LimiterSettings(rate_per_s=6.0), timing)
    left: list[float] = []

    async def work() -> None:
        while len(left) < 200:
            async with limiter.turn(Priority.PUSH) as turn:
                await timing.sleep(chance.uniform(0, 0.35))
                await turn.start()
                left.append(timing.now)
                turn.answered()

    tasks = [asyncio.create_task(work()) for _ in range(4)]
    await timing.advance(60)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

    assert len(left) >= 200
    assert max(sum(a <= b < a + 1.0 for b in left) for a in left) <= 7


async def test_F47_a_pause_of_another_process_closes_the_address(calls: Calls) -> None:
    shared = OwnStarts(calls.timing)
    calls.limiter = Limiter(LimiterSettings(rate_per_s=5.0), calls.timing, shared)
    await shared.pause(30)
    calls.call("early")
    await calls.timing.advance(1)
    calls.call("late")
    await calls.timing.advance(40)

    assert calls.names() == ["late"]
    assert calls.times()[0] >= 30


async def test_F48_a_blocked_address_is_probed_every_five_minutes(calls: Calls) -> None:
    for number in range(3):
        calls.call(str(number), answer=403)
    calls.call("free")
    await calls.timing.advance(1_000)

    assert calls.times() == [0, 300, 600, 900]
    assert not calls.limiter.is_blocked


@pytest.mark.parametrize("stated", [float("nan"), float("inf"), -5.0, 0.0])
async def test_F63_a_senseless_pause_counts_as_none(calls: Calls, stated: float) -> None:
    calls.call("limited", answer=stated)
    await settle()
    calls.call("next")
    await calls.timing.advance(5)

    assert calls.left[-1] == (1.0, "next")


async def test_a_cancelled_call_leaves_no_trace(calls: Calls) -> None:
    calls.call("first")
    await settle()
    for name in ("second", "third"):
        calls.call(name)
    await settle()
    calls.tasks[1].cancel()
    await calls.timing.advance(1)

    assert calls.left == [(0.0, "first"), (0.2, "third")]
    assert calls.limiter.waiting == 0


async def test_a_turn_that_is_not_used_costs_nothing(calls: Calls) -> None:
    async with calls.limiter.turn(Priority.PUSH):
        pass
    calls.call("next")
    await settle()

    assert calls.left == [(0.0, "next")]


async def test_I13_waiting_calls_are_bounded() -> None:
    made = Calls(waiting_calls_max=10)
    for number in range(12):
        made.call(str(number))
    await settle()

    refused = [task for task in made.tasks if task.done() and task.exception() is not None]
    assert [type(task.exception()) for task in refused] == [Crowded]
    await made.timing.advance(3)


async def test_I13_who_has_most_of_the_waiting_calls_makes_room_for_others() -> None:
    made = Calls(waiting_calls_max=10)
    for number in range(11):
        made.call(f"a{number}", Priority.SWEEP if number == 5 else Priority.PUSH, caller="a")
    await settle()
    for number in range(6):
        made.call(f"b{number}", caller="b")
    await settle()

    refused = [place for place, task in enumerate(made.tasks) if task.done() and place]
    assert made.limiter.waiting == 10
    # The bulk call and the youngest of the crowd; then one of those who have as many.
    assert refused == [5, 7, 8, 9, 10, 16]
    assert all(isinstance(made.tasks[place].exception(), Crowded) for place in refused)
    await made.timing.advance(3)
    assert made.names()[1:5] == ["b0", "a1", "b1", "a2"]


class Shared:
    """Starts of one address, as several processes see them."""

    def __init__(self, timing: ManualTiming) -> None:
        self._row = AddressRow(timing.monotonic)

    async def take(
        self, most: int, lease: Lease | None = None, asker: Asker | None = None
    ) -> float:
        assert lease is None
        return self._row.take(most, asker)

    async def pause(self, seconds: float) -> None:
        raise AssertionError(seconds)


async def _beside_pushes_elsewhere(sweeping: int, *, fair_every: int) -> list[tuple[float, str]]:
    """One process has pushes of two accounts without end, another one nothing but sweeps."""
    timing, left = ManualTiming(), list[tuple[float, str]]()
    shared, settings = Shared(timing), LimiterSettings(rate_per_s=6.0, fair_every=fair_every)

    async def work(limiter: Limiter, priority: Priority, caller: str) -> None:
        while True:
            async with limiter.turn(priority, caller=caller) as turn:
                await turn.start()
                left.append((timing.now, priority.name))
                turn.answered()

    pushing, sweeper = (Limiter(settings, timing, shared) for _ in range(2))
    works = [work(pushing, Priority.PUSH, f"{place % 2}") for place in range(6)]
    works += [work(sweeper, Priority.SWEEP, f"s{place}") for place in range(sweeping)]
    tasks = [asyncio.create_task(each) for each in works]
    await timing.advance(20)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return left


@pytest.mark.parametrize(("sweeping", "fair_every"), [(1, 8), (5, 4)])
async def test_F70_a_stream_of_pushes_of_another_process_cannot_starve_the_sweep(
    sweeping: int, fair_every: int
) -> None:
    left = await _beside_pushes_elsewhere(sweeping, fair_every=fair_every)

    sweeps = [name for _, name in left].count(Priority.SWEEP.name)
    assert len(left) / fair_every / 2 < sweeps < len(left) / fair_every * 1.5
    times = [at for at, _ in left]
    assert max(sum(a <= b < a + WINDOW_S for b in times) for a in times) <= most_of(6.0)


class Dawdling:
    """Shared starts whose answer takes its time; notes under which lease was asked."""

    def __init__(self, timing: ManualTiming, seconds: float) -> None:
        self._timing, self._seconds = timing, seconds
        self.leases: list[Lease | None] = []

    async def take(
        self, most: int, lease: Lease | None = None, asker: Asker | None = None
    ) -> float:
        assert most > 0
        assert asker is not None
        self.leases.append(lease)
        await self._timing.sleep(self._seconds)
        return 0.0

    async def pause(self, seconds: float) -> None:
        raise AssertionError(seconds)


@pytest.mark.parametrize(("seconds", "started"), [(0.9, 1), (30.0, 0)])
async def test_F14_a_start_that_woke_too_late_does_not_begin(seconds: float, started: int) -> None:
    """What the database said of the lease before a long sleep is worth nothing after it."""
    timing = ManualTiming()
    starts, lease = Dawdling(timing, seconds), Lease(partition=3, epoch=7)
    limiter = Limiter(LimiterSettings(), timing, starts)

    async def call() -> bool:
        async with limiter.turn(Priority.PUSH, lease) as turn:
            try:
                await turn.start()
            except LeaseLost:
                return False
        return turn.is_started

    calling = asyncio.create_task(call())
    await timing.advance(60)

    assert await calling == started
    assert starts.leases == [lease]
