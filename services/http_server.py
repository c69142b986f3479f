"""uvicorn as a part of a process that stops its parts in its own order."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Generator

import uvicorn

from services.acceptor import Acceptor

BACKLOG = 2_048


class Server(uvicorn.Server):
    """A server that leaves signals to the process, and says when it listens."""

    def __init__(self, config: uvicorn.Config, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Capture none: the process stops its roles in its own order."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to accept, and say so."""
        await super().startup([])
        self.servers += [Acceptor(listener, self._protocol) for listener in sockets or ()]  # type: ignore[misc] # all that it does with them
        self._on_started()

    def _protocol(self) -> asyncio.Protocol:
        make = self.config.http_protocol_class
        return make(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )  # type: ignore[call-arg] # as in uvicorn


async def serve_until(
    config: uvicorn.Config,
    *,
    listener: socket.socket,
    stop: asyncio.Event,
    on_bound: Callable[[int], None],
) -> None:
    """Serve until `stop` is set or the task is cancelled.

    Then no connection is taken any more, requests in flight are answered, and it returns with
    the listener closed.

    Args:
        config: What answers, and the limits.
        listener: From `listen`.
        stop: Ends it.
        on_bound: Gets the port once connections are accepted.
    """
    port: int = listener.getsockname()[1]
    server = Server(config, lambda: on_bound(port))
    serving = asyncio.create_task(server.serve([listener]))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        server.should_exit = True
        await _finish(serving)
        listener.close()
    await serving


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
    return socket.create_server(address[:2], family=family, backlog=BACKLOG)
