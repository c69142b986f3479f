"""The life of a process of roles: until a signal tells it to end, then in order (F13)."""

import asyncio
import os
import signal
from collections.abc import Collection
from typing import Any

CANCEL_AGAIN_S = 2.0


def stop_on_signals() -> asyncio.Event:
    """Set at the first SIGTERM or SIGINT; a second ends the process at once, and loses nothing."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def told() -> None:
        if stop.is_set():
            os._exit(130)  # nothing is kept only in memory
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told)
    return stop


async def stopping(stop: asyncio.Event) -> str | None:
    """Why a process that was told to end is not ready."""
    return "stopping" if stop.is_set() else None


async def end(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel them until all have ended; their errors are for whoever awaits them.

    Once is not enough: before Python 3.12, `asyncio.wait_for` drops a cancellation that comes
    together with what it waits for, and the role goes on as if nobody had told it (F13).
    """
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=CANCEL_AGAIN_S)
