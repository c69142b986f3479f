"""Calls that are waited for only so long, whether or not they let themselves be cancelled."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

from services.shared.errors import Unavailable

log = structlog.get_logger()

LATE_MAX = 8


class Patience:
    """Gives up waiting for a peer, and keeps the call: its outcome is unknown until it ends (F19).

    `asyncio.timeout` would cancel the call and then wait for its clean-up, and a driver whose
    server is frozen waits in there for the server (asyncpg does). A call that is late is left
    alone instead; as nothing new is tried while many are late, they are bounded.
    """

    def __init__(self) -> None:
        self._late: set[asyncio.Task[None]] = set()

    async def call(self, work: Coroutine[Any, Any, None], *, within_s: float) -> None:
        """Return when the work is done.

        Raises:
            services.shared.errors.Unavailable: Not done in time, or too many calls are late
                already. The work goes on, and may still succeed.
        """
        if len(self._late) >= LATE_MAX:
            work.close()
            raise Unavailable("earlier calls have not come back")
        call = asyncio.ensure_future(work)
        try:
            await asyncio.wait({call}, timeout=within_s)
        finally:
            if not call.done():
                self._late.add(call)
                call.add_done_callback(self._came_back)
            elif not call.cancelled():
                call.exception()  # looked at, even if we are cancelled at this very moment
        if not call.done():
            raise Unavailable(f"no answer within {within_s:g} s")
        if call.cancelled():  # by the peer's driver, nobody else has it
            raise Unavailable("the call was cancelled")
        call.result()

    def close(self) -> None:
        """Wait for none of them any more."""
        for call in self._late:
            call.cancel()

    def _came_back(self, call: asyncio.Task[None]) -> None:
        self._late.discard(call)
        failed = call.cancelled() or call.exception() is not None
        log.info("late_call_ended", failed=failed)
