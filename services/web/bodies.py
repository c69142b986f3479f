"""No body is larger than it may be, whatever it says of its length (A7, S4)."""

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BoundedBodies:
    """Ends a request whose body is too large, from within the application, which tells it."""

    STATUS = 413

    def __init__(self, app: ASGIApp, *, bytes_max: int) -> None:
        self._app = app
        self._bytes_max = bytes_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        taken = 0

        async def bounded() -> Message:
            nonlocal taken
            message = await receive()
            if message["type"] == "http.request":
                taken += len(message.get("body", b""))
                if taken > self._bytes_max:
                    raise HTTPException(self.STATUS)
            return message

        await self._app(scope, bounded if scope["type"] == "http" else receive, send)
