"""Durations: a monotonic clock and a sleep, injected so that tests own the time."""

import asyncio
import time
from typing import Protocol


class Timing(Protocol):
    """What measures and waits; never the wall clock, which may jump (F64)."""

    def monotonic(self) -> float:
        """Seconds since some fixed instant; never steps back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds of the same clock."""
        ...


class SystemTiming:
    """The machine's monotonic clock."""

    def monotonic(self) -> float:
        """Seconds of the machine's monotonic clock."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Sleep on the running loop."""
        await asyncio.sleep(seconds)


async def wait_for(event: asyncio.Event, seconds: float, timing: Timing) -> bool:
    """Wait until the event is set, at most that long; tell whether it is."""
    if event.is_set() or seconds <= 0:
        return event.is_set()
    signal = asyncio.create_task(event.wait())
    pause = asyncio.create_task(timing.sleep(seconds))
    try:
        await asyncio.wait((signal, pause), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (signal, pause):
            task.cancel()
    return event.is_set()
