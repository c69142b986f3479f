"""Waiting for one of ours, for a bounded time."""

import asyncio
import contextlib


async def set_within(event: asyncio.Event, seconds: float) -> bool:
    """Wait until the event is set, at most that long; tell whether it is."""
    # Not wait_for: on Python 3.11 it may swallow a cancellation that comes with the event.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()
