"""The ways in which a test lets time pass: until something holds, or since that is the test."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from inspect import isawaitable

# A bound for what never comes: it costs only a test that fails, so a starved machine has its time.
WITHIN_S = 180.0
ASKED_HERE_S = 0.005
ASKED_ELSEWHERE_S = 0.1


async def until(
    condition: Callable[[], object | Awaitable[object]],
    within_s: float = WITHIN_S,
    every_s: float = ASKED_ELSEWHERE_S,
) -> None:
    """Wait for what nobody tells us of.

    Args:
        condition: Asked again and again. One that has to be awaited asks another process.
        within_s: The deadline, for a busy machine.
        every_s: The pause before another process is asked again.

    Raises:
        TimeoutError: It does not hold in time.
    """
    async with asyncio.timeout(within_s):
        while True:
            answer = condition()
            is_elsewhere = isawaitable(answer)
            if await answer if is_elsewhere else answer:
                return
            await asyncio.sleep(every_s if is_elsewhere else ASKED_HERE_S)


async def more(counted: Callable[[], int], times: int = 3) -> None:
    """Wait until it was counted so often again: what would have come of it has come."""
    goal = counted() + times
    await until(lambda: counted() >= goal)


def until_now(condition: Callable[[], object], within_s: float = WITHIN_S) -> None:
    """The same for a test that is no coroutine, or has to hold up its loop."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(ASKED_HERE_S)


async def lasting(seconds: float) -> None:
    """What the test does takes so long: a fault, a pause between two blows, a slow peer.

    Never a wait for something: that is `until`.
    """
    await asyncio.sleep(seconds)
