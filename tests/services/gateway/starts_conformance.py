"""What noting the starts of an address promises: in the table, and in the simulation."""

import asyncio
from typing import Protocol

import pytest

from services.kommo.starts import ASKS_S, WINDOW_S, Asker, Starts

MOST = 7
HOUR_S = 3_600.0


class Noted(Protocol):
    """Starts of an address, and the clock they are noted by."""

    def process(self) -> Starts:
        """As one of the processes that share them sees them."""
        ...

    async def set_clock(self, by_s: float) -> None:
        """Set the clock forward or back."""
        ...

    async def passes(self, seconds: float) -> None:
        """Let so many seconds go by."""
        ...


async def take_all(starts: Starts) -> None:
    """Take as many as there may be."""
    for _ in range(MOST):
        assert await starts.take(MOST) == 0.0
    assert await starts.take(MOST) > 0.0


class StartsConformance:
    """Run by each adapter with a fixture `noted`."""

    async def test_F47_all_processes_together_start_no_more_than_allowed(
        self, noted: Noted
    ) -> None:
        processes = (noted.process(), noted.process())

        waits = await asyncio.gather(*(each.take(MOST) for each in processes * 10))

        assert waits.count(0.0) == MOST
        assert all(0 < wait_s <= WINDOW_S for wait_s in waits if wait_s)

    async def test_F47_a_start_is_possible_again_when_the_told_time_has_passed(
        self, noted: Noted
    ) -> None:
        own = noted.process()
        await take_all(own)
        async with asyncio.timeout(60):
            while (wait_s := await own.take(MOST)) > 0:
                await noted.passes(wait_s)

    async def test_F47_a_pause_outlives_the_process_and_is_never_shortened(
        self, noted: Noted
    ) -> None:
        await noted.process().pause(300)
        await noted.process().pause(5)

        assert 290 < await noted.process().take(MOST) <= 300

    @pytest.mark.parametrize("by_s", [-2.0, -600.0, -HOUR_S])
    async def test_F64_a_clock_that_is_set_back_stops_nothing(
        self, noted: Noted, by_s: float
    ) -> None:
        await take_all(noted.process())
        await noted.set_clock(by_s)

        wait_s = await noted.process().take(MOST)

        # Nobody knows how long ago those were, so the limit holds.
        assert 0.0 < wait_s <= WINDOW_S + 0.001
        await noted.passes(WINDOW_S + 0.001)
        await take_all(noted.process())

    async def test_F64_a_clock_that_is_set_back_lengthens_a_pause_by_itself_at_most(
        self, noted: Noted
    ) -> None:
        await noted.process().pause(30)
        await noted.set_clock(-HOUR_S)

        first = await noted.process().take(MOST)
        await noted.passes(0.05)
        second = await noted.process().take(MOST)

        assert 29 < second < first <= 30

    @pytest.mark.parametrize("by_s", [60.0, HOUR_S])
    async def test_F64_a_clock_that_is_set_forward_lets_no_pause_last(
        self, noted: Noted, by_s: float
    ) -> None:
        await noted.process().pause(30)
        await noted.set_clock(by_s)

        await take_all(noted.process())
        await noted.set_clock(-by_s)

        assert 0.0 < await noted.process().take(MOST) <= 30

    async def test_F70_over_all_processes_the_callers_take_turns(self, noted: Noted) -> None:
        """One that always asks for more starts delays another one by a start each time."""
        many, few = noted.process(), noted.process()
        busy, other = Asker("https://busy.kommo.com"), Asker("https://other.kommo.com")
        for _ in range(MOST):
            assert await many.take(MOST, None, busy) == 0.0
        assert await few.take(MOST, None, other) > 0.0
        assert await many.take(MOST, None, busy) > 0.0
        await noted.passes(WINDOW_S + 0.01)

        assert 0.0 < await many.take(MOST, None, busy) < ASKS_S
        assert await few.take(MOST, None, other) == 0.0
        assert await many.take(MOST, None, busy) == 0.0
        assert await few.take(MOST, None, other) == 0.0

    async def test_F70_what_is_urgent_goes_before_bulk_over_all_processes(
        self, noted: Noted
    ) -> None:
        many, few = noted.process(), noted.process()
        urgent = Asker("https://busy.kommo.com")
        bulk = Asker("https://other.kommo.com", is_urgent=False)
        for _ in range(MOST):
            assert await many.take(MOST, None, urgent) == 0.0
        assert await many.take(MOST, None, urgent) > 0.0
        await noted.passes(WINDOW_S + 0.01)

        assert await few.take(MOST, None, bulk) > 0.0
        assert await many.take(MOST, None, urgent) == 0.0
        assert await few.take(MOST, None, bulk) == 0.0

    async def test_F70_who_waits_no_more_holds_nobody_up(self, noted: Noted) -> None:
        busy, gone = Asker("https://busy.kommo.com"), Asker("https://gone.kommo.com")
        for _ in range(MOST):
            assert await noted.process().take(MOST, None, busy) == 0.0
        assert await noted.process().take(MOST, None, gone) > 0.0
        await noted.passes(WINDOW_S + ASKS_S + 0.05)

        assert await noted.process().take(MOST, None, busy) == 0.0
