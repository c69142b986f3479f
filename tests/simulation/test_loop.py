"""The loop keeps asyncio's promises within a process, and only there."""

import asyncio
from collections.abc import Coroutine
from random import Random
from typing import Any

import pytest

from tests.simulation.loop import SimulatedLoop, Stuck


def run(work: Coroutine[Any, Any, None], loop: SimulatedLoop) -> None:
    loop.run(work)
    assert loop.errors == []


def test_a_week_passes_without_waiting() -> None:
    loop = SimulatedLoop(Random(1))

    async def work() -> None:
        await asyncio.sleep(604_800)

    run(work(), loop)
    assert loop.time() == 604_800


def test_within_a_process_order_is_that_of_asyncio_and_between_processes_it_is_drawn() -> None:
    def order(seed: int) -> list[str]:
        loop, seen = SimulatedLoop(Random(seed)), list[str]()

        async def work() -> None:
            for name in ("a", "b", "c"):
                process = loop.process(name)
                for number in range(3):
                    loop.call_soon(seen.append, f"{name}{number}", context=process.context)
            await asyncio.sleep(1)

        run(work(), loop)
        return seen

    orders = [order(seed) for seed in range(20)]
    assert all([x for x in seen if x[0] == "a"] == ["a0", "a1", "a2"] for seen in orders)
    assert len(set(map(tuple, orders))) > 10
    assert order(7) == orders[7]


def test_F1_a_killed_process_runs_nothing_any_more_not_even_a_finally() -> None:
    loop, seen = SimulatedLoop(Random(1)), list[str]()
    at_death, later = list[str](), list[str]()
    victim = loop.process("victim")

    async def live() -> None:
        try:
            for number in range(10):
                seen.append(str(number))
                await asyncio.sleep(1)
        finally:
            seen.append("finally")

    async def work() -> None:
        victim.spawn(live())
        victim.on_death.append(lambda: seen.append("died"))
        await asyncio.sleep(2.5)
        victim.kill()
        at_death.extend(seen)
        await asyncio.sleep(20)
        later.extend(seen)

    run(work(), loop)

    assert at_death == later == ["0", "1", "2", "died"]


def test_a_process_dies_before_the_step_it_was_told() -> None:
    loop, seen = SimulatedLoop(Random(1)), list[int]()
    victim = loop.process("victim")
    victim.dies_at = 3

    async def work() -> None:
        for number in range(5):
            loop.call_soon(seen.append, number, context=victim.context)
        await asyncio.sleep(1)

    run(work(), loop)
    assert (seen, victim.is_alive) == ([0, 1], False)


def test_F14_a_frozen_process_goes_on_late_with_all_that_came_due() -> None:
    loop, seen = SimulatedLoop(Random(1)), list[float]()
    sleeper = loop.process("sleeper")

    async def live() -> None:
        while True:
            await asyncio.sleep(1)
            seen.append(loop.time())

    async def work() -> None:
        sleeper.spawn(live())
        await asyncio.sleep(2.5)
        sleeper.freeze()
        await asyncio.sleep(10)
        sleeper.thaw()
        await asyncio.sleep(1.5)

    run(work(), loop)
    assert seen == [1.0, 2.0, 12.5, 13.5]


def test_what_can_never_go_on_is_told() -> None:
    loop = SimulatedLoop(Random(1))

    async def work() -> None:
        await loop.create_future()

    with pytest.raises(Stuck, match="nothing is left"):
        loop.run(work())
