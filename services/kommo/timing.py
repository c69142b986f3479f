"""Durations: a monotonic clock and a sleep, injected so that tests own the time."""

import asyncio
import time
from typing import Protocol

from services.shared.waiting import set_within


class Timing(Protocol):
    """What measures and waits; never the wall clock, which may jump (F64)."""

    def monotonic(self) -> float:
        """Seconds since some fixed instant; never steps back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds of the same clock."""
        ...

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        """Wait until the event is set, at most that long; tell whether it is."""
        ...


class SystemTiming:
    """The machine's monotonic clock."""

    def monotonic(self) -> float:
        """Seconds of the machine's monotonic clock."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Sleep on the running loop."""
        await asyncio.sleep(seconds)

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        """Wait on the running loop."""
        return await set_within(event, seconds)
