"""uvicorn with the limits it lacks: size and time of a request's head, connections in all (F35)."""

import asyncio
import socket
from collections.abc import Callable
from typing import ClassVar

import structlog
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from services.http_server import BACKLOG, serve_until
from services.ingress.settings import IngressSettings

log = structlog.get_logger()

TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)


class GuardedProtocol(HttpToolsProtocol):
    """Counts the bytes of a head as they come, and gives it a time limit from its start.

    uvicorn has neither: a connection that never sends a byte would stay open for ever, and
    a head that never ends would be collected in memory for ever.
    """

    settings: ClassVar[IngressSettings]

    _head_bytes = 0
    _in_head = True
    _is_refused = False
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Take the connection, or hang up on one too many."""
        super().connection_made(transport)
        if len(self.connections) > self.settings.connections_max:
            self._refuse("connections_exhausted", None)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._head_arrived()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came, unless the connection is given up."""
        if self._is_refused:
            return
        if self._in_head:
            self._await_head()
            self._head_bytes += len(data)
        super().data_received(data)
        # One read may hold the end of a head and much of a body; the exact sum is taken
        # when the head is complete. This catches the head that never is.
        if self._in_head and self._head_bytes > self.settings.header_bytes_max:
            self._refuse("header_too_large", TOO_LARGE)

    def on_message_begin(self) -> None:
        """A head starts."""
        super().on_message_begin()
        self._await_head()

    def on_headers_complete(self) -> None:
        """A head is complete."""
        self._in_head = False
        self._head_arrived()
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > self.settings.header_bytes_max:
            self._refuse("header_too_large", TOO_LARGE)
        if not self._is_refused:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Part of a body."""
        if not self._is_refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The end of a request; the next head may start."""
        self._in_head, self._head_bytes = True, 0
        if not self._is_refused:
            super().on_message_complete()

    def _await_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self.settings.header_read_s, self._give_up)

    def _head_arrived(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up(self) -> None:
        self._refuse("header_too_slow", None)

    def _refuse(self, reason: str, answer: bytes | None) -> None:
        if self._is_refused:
            return
        self._is_refused = True
        log.info("connection_refused", reason=reason)
        if answer is not None and not self.transport.is_closing():
            self.transport.write(answer)
        self.transport.close()


def guarded_protocol(settings: IngressSettings) -> type[GuardedProtocol]:
    """The protocol with the limits of these settings; uvicorn makes its instances itself."""
    return type("GuardedProtocol", (GuardedProtocol,), {"settings": settings})


async def serve_http(
    app: ASGIApp,
    settings: IngressSettings,
    *,
    listener: socket.socket,
    stop: asyncio.Event,
    on_bound: Callable[[int], None],
) -> None:
    """Serve until `stop` is set or the task is cancelled.

    Then no connection is taken any more, requests in flight are answered, and it returns with
    the listener closed.

    Args:
        app: What answers.
        settings: The limits.
        listener: From `listen`.
        stop: Ends it.
        on_bound: Gets the port once connections are accepted.
    """
    config = uvicorn.Config(
        app,
        http=guarded_protocol(settings),
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        log_level="warning",  # its DEBUG and TRACE lines would carry the path
        access_log=False,  # the path is a secret
        proxy_headers=False,  # nothing here depends on the sender's address (S30)
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=settings.keep_alive_s,
        timeout_graceful_shutdown=settings.stop_within_s,
    )
    await serve_until(config, listener=listener, stop=stop, on_bound=on_bound)
