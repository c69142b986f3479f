"""uvicorn as a part of a process that stops its parts in its own order, within limits.

Every address of ours is served by this, so that none is without its limits.
"""

import asyncio
import contextlib
import resource
import socket
from collections.abc import Callable, Generator
from dataclasses import replace

import structlog
import uvicorn
from starlette.types import ASGIApp

from services.shared.acceptor import Acceptor
from services.shared.http_door import Door
from services.shared.http_guard import GuardedProtocol
from services.shared.http_limits import HttpLimits

log = structlog.get_logger(__name__)

BACKLOG = 2_048
RECEIVE_BYTES = 65_536
# For the database, the log, the spool and the other addresses of a process.
OTHER_FILES = 256


class Server(uvicorn.Server):
    """A server that leaves signals to the process, and says when it listens."""

    def __init__(self, config: uvicorn.Config, door: Door, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._door = door
        self._on_started = on_started

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Capture none: the process stops its roles in its own order."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to accept, and say so."""
        await super().startup([])
        self._door.open()
        self.servers += [Acceptor(listener, self._protocol) for listener in sockets or ()]  # type: ignore[misc] # all that it does with them
        self._on_started()

    def _protocol(self) -> asyncio.Protocol:
        return GuardedProtocol(self.config, self.server_state, self.lifespan.state, door=self._door)


async def serve_until(
    app: ASGIApp,
    limits: HttpLimits,
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
        limits: What others may take of this process.
        listener: From `listen`.
        stop: Ends it.
        on_bound: Gets the port once connections are accepted.
    """
    port: int = listener.getsockname()[1]
    limits = _within_open_files(limits)
    door = Door(limits)
    server = Server(_config(app, limits), door, lambda: on_bound(port))
    serving = asyncio.create_task(server.serve([listener]))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        server.should_exit = True
        await _finish(serving)
        door.close()
        listener.close()
    await serving


def _config(app: ASGIApp, limits: HttpLimits) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=GuardedProtocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        log_level="warning",  # its DEBUG and TRACE lines would carry the path
        access_log=False,  # the path may be a secret
        proxy_headers=False,  # the door believes those of our own proxies alone (S30)
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=limits.keep_alive_s,
        timeout_graceful_shutdown=limits.stop_within_s,
    )


def _within_open_files(limits: HttpLimits) -> HttpLimits:
    """Fewer connections where the process may not open so many files: it could not accept more."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = max(soft - OTHER_FILES, soft // 2)
    if soft == resource.RLIM_INFINITY or limits.connections_max <= most:
        return limits
    log.warning("connections_limited_by_open_files", open_files_max=soft, connections_max=most)
    return replace(limits, connections_max=most)


async def _finish(serving: asyncio.Task[None]) -> None:
    """Let the server stop in its own time (it has a limit), whoever cancels us meanwhile."""
    cancelled: asyncio.CancelledError | None = None
    while not serving.done():
        try:
            await asyncio.wait({serving})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled


def listen(host: str, port: int) -> socket.socket:
    """Take the address; port 0 means any free one.

    Raises:
        OSError: The address cannot be had.
    """
    family, _, _, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.create_server(address[:2], family=family, backlog=BACKLOG)
    # Connections inherit it: so much at once, and so much of the kernel's memory, is each one's.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
    return listener
