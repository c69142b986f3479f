"""Bodies: none is larger than it may be, and what is answered before one has come gets there.

A connection that is closed while its client still sends is reset, and the answer with it. So who is
told no by the head of a request alone is heard to the end first, within bounds.
"""

import asyncio
from contextlib import suppress

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# A slow one is cut off, and may miss its answer.
HEARD_WITHIN_S = 2.0
# Beyond what a body may have: who sends too much is told so, unless it is far too much.
HEARD_BYTES_MAX = 8_388_608


class BoundedBodies:
    """Ends a request whose body is too large, from within the application (A7, S4)."""

    STATUS = 413

    def __init__(self, app: ASGIApp, *, bytes_max: int) -> None:
        self._app = app
        self._bytes_max = bytes_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _Body(receive, self._bytes_max)
        # It sends nothing before it is asked to, which reading would do.
        is_held = any(name == b"expect" for name, _ in scope["headers"])

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start" and not is_held:
                await body.hear_out()
            await send(message)

        await self._app(scope, body.receive, answer)


class _Body:
    """The body of one request."""

    def __init__(self, receive: Receive, bytes_max: int) -> None:
        self._receive = receive
        self._bytes_max = bytes_max
        self._taken = 0
        self._is_over = False

    async def receive(self) -> Message:
        message = await self._take()
        if self._taken > self._bytes_max:
            raise HTTPException(BoundedBodies.STATUS)
        return message

    async def hear_out(self) -> None:
        """Take what still comes, and keep nothing of it."""
        heard_max = self._bytes_max + HEARD_BYTES_MAX
        with suppress(TimeoutError):
            async with asyncio.timeout(HEARD_WITHIN_S):
                while not self._is_over and self._taken <= heard_max:
                    await self._take()

    async def _take(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._taken += len(message.get("body", b""))
        self._is_over = not message.get("more_body", False)
        return message
