"""A receiver of hooks on loopback."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httptools
import pytest

from contracts.kommo.forms import decode_form
from services.sandbox.app import Sandbox, running_sandbox


@dataclass
class Received:
    """One hook as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def tree(self) -> Any:
        return decode_form(self.body).tree


@dataclass
class Receiver:
    """Collects hooks; `statuses` are used up one by one, then `status`; None never answers."""

    base_url: str = ""
    status: int | None = 200
    statuses: list[int | None] = field(default_factory=list)
    hooks: list[Received] = field(default_factory=list)
    connections: int = 0

    def at(self, path: str) -> list[Received]:
        return [hook for hook in self.hooks if hook.path == path]

    def next_status(self) -> int | None:
        return self.statuses.pop(0) if self.statuses else self.status


class _Connection(asyncio.Protocol):
    def __init__(self, receiver: Receiver, transports: set[asyncio.Transport]) -> None:
        self.receiver = receiver
        self.transports = transports
        self.begin()

    def begin(self) -> None:
        self.parser = httptools.HttpRequestParser(self)
        self.path, self.headers, self.body = "", {}, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.transports.add(self.transport)
        self.receiver.connections += 1

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self.transports.discard(self.transport)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self.path += url.decode()

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode().lower()] = value.decode()

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        now = asyncio.get_running_loop().time()
        self.receiver.hooks.append(Received(self.path, self.headers, self.body, now))
        status = self.receiver.next_status()
        if status is not None:
            self.transport.write(b"HTTP/1.1 %d X\r\nContent-Length: 2\r\n\r\nok" % status)
        self.begin()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    transports: set[asyncio.Transport] = set()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(receiver, transports), "127.0.0.1", 0)
    receiver.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield receiver
    server.close()
    for transport in list(transports):
        transport.abort()
    await server.wait_closed()


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """A sandbox without a limit in the way; the limit has tests of its own."""
    async with running_sandbox() as running:
        running.knobs.turn({"requests_per_second": 10_000})
        yield running
