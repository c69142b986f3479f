"""An answer without an end of its own, which ends when it has to (A8.2)."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, aclosing, nullcontext
from typing import Any

import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.shared.errors import Malformed, Unavailable
from services.shared.http_guard import hang_up

log = structlog.get_logger(__name__)

# For the last word to be taken.
FAREWELL_S = 0.5
Ending = Callable[[], Awaitable[object]]


class EndingStream(Response):
    """It ends when its chunks do, when one of its endings comes, or when the reader has gone.

    The process holds one chunk of it: the next one is made when the reader's connection has room.
    No ending waits for a reader who does not read.
    """

    def __init__(
        self,
        chunks: AsyncGenerator[bytes, None],
        *,
        endings: Mapping[str, Ending],
        headers: Mapping[str, str],
        sending: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """Make one.

        Args:
            chunks: Never cut: all of one is sent, or nothing.
            endings: Reason, as the log has it, to what returns when it has to end.
            headers: Of the answer.
            sending: Entered while a chunk is handed over.
        """
        self.status_code = 200
        self.background = None
        self.init_headers(headers)
        self._chunks = chunks
        self._endings = endings
        self._sending = sending

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )
        try:
            reason = await self._ended(receive, send)
        except (Unavailable, Malformed) as error:
            log.warning("stream_broke", reason=str(error))
        else:
            log.info("stream_ended", reason=reason)
        await _take_leave(scope, send)

    async def _ended(self, receive: Receive, send: Send) -> str:
        """Send until it ends; why it did."""
        endings: Mapping[str, Ending] = {
            **self._endings,
            "gone": lambda: _gone(receive),
            "told": lambda: self._send_all(send),
        }
        tasks = {asyncio.ensure_future(_when(each)): reason for reason, each in endings.items()}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        first = next(task for task in tasks if task in done)
        first.result()
        return tasks[first]

    async def _send_all(self, send: Send) -> None:
        async with aclosing(self._chunks) as chunks:
            async for chunk in chunks:
                with self._sending():
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})


async def _when(ending: Ending) -> None:
    await ending()


async def _gone(receive: Receive) -> None:
    message: Any = {}
    while message.get("type") != "http.disconnect":
        message = await receive()


async def _take_leave(scope: Scope, send: Send) -> None:
    """End in order; whoever does not take what was there before is hung up on."""
    last = {"type": "http.response.body", "body": b"", "more_body": False}
    try:
        async with asyncio.timeout(FAREWELL_S):
            await send(last)
    except TimeoutError:
        hang_up(scope)
        await send(last)
