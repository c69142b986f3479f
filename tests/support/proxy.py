"""A TCP proxy on the loopback address that delays, mutes, cuts and halves connections."""

import asyncio
import ssl
from dataclasses import dataclass, field
from typing import Self

from tests.support.waiting import lasting

HOST = "127.0.0.1"
CHUNK_BYTES = 65_536


@dataclass(slots=True, eq=False)
class _Link:
    """One client's connection and ours to the peer."""

    client: asyncio.StreamWriter
    peer: asyncio.StreamWriter
    sent_bytes: int = 0

    def cut(self) -> None:
        for writer in (self.client, self.peer):
            writer.transport.abort()


@dataclass(slots=True)
class Proxy:
    """Stands before a peer, harmless until a knob is turned; `async with`.

    Attributes:
        peer_port: Where the peer listens.
        port: Where we listen; 0 for a free one, known once started.
        tls: What clients speak to us, not to the peer; None for neither.
        delay_s: How late each piece of the peer's answers is handed on.
        cut_after_bytes: What a client may send on one connection before it is cut.
        refuses: Whether new connections are closed at once.
        accepted: Connections so far.
    """

    peer_port: int
    port: int = 0
    tls: ssl.SSLContext | None = None
    delay_s: float = 0.0
    cut_after_bytes: int | None = None
    refuses: bool = False
    accepted: int = 0
    _speaks: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    _links: set[_Link] = field(default_factory=set, repr=False)
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set, repr=False)
    _server: asyncio.Server | None = field(default=None, repr=False)

    async def __aenter__(self) -> Self:
        self._speaks.set()
        self._server = await asyncio.start_server(self._accept, HOST, self.port, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def mute(self) -> None:
        """Take everything and hand nothing on, either way: a black hole."""
        self._speaks.clear()

    def unmute(self) -> None:
        """Hand on what was held back, and what comes."""
        self._speaks.set()

    def cut(self) -> None:
        """Break every connection off."""
        for link in self._links:
            link.cut()

    def half_close(self) -> None:
        """Tell every client that the peer has nothing more to say, and go on listening."""
        for link in self._links:
            link.client.write_eof()

    async def _accept(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.accepted += 1
        if self.refuses:
            client.transport.abort()
            return
        try:
            answers, peer = await asyncio.open_connection(HOST, self.peer_port)
        except OSError:
            client.transport.abort()
            return
        link = _Link(client, peer)
        self._links.add(link)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._ask(link, reader))
                group.create_task(self._answer(link, answers))
        except* OSError:
            pass  # one of the two hung up
        finally:
            link.cut()
            self._links.discard(link)

    async def _ask(self, link: _Link, reader: asyncio.StreamReader) -> None:
        while piece := await reader.read(CHUNK_BYTES):
            await self._speaks.wait()
            if self.cut_after_bytes is not None:
                piece = piece[: max(0, self.cut_after_bytes - link.sent_bytes)]
                if not piece:
                    raise ConnectionAbortedError
            link.sent_bytes += len(piece)
            link.peer.write(piece)
            await link.peer.drain()
        raise ConnectionAbortedError

    async def _answer(self, link: _Link, reader: asyncio.StreamReader) -> None:
        while piece := await reader.read(CHUNK_BYTES):
            await lasting(self.delay_s)
            await self._speaks.wait()
            link.client.write(piece)
            await link.client.drain()
        raise ConnectionAbortedError
