"""Posts a body and returns the status: a minimal HTTP/1.1 client with kept-alive connections.

A thousand hooks must leave at once, on the same core that serves the API. With 64 requests in
flight httpx costs 1.5 ms of that core for each (650 a second), this, on the C parser of uvicorn,
0.02 ms. It knows only what a sender of hooks needs: no redirects, no cookies, the bodies of
answers are counted and thrown away.
"""

import asyncio
from functools import lru_cache
from typing import Final, NamedTuple, cast
from urllib.parse import urlsplit

import httptools

IDLE_MAX_S: Final = 1.0  # below any server's patience, so a connection never dies under a hook
ANSWER_MAX_BYTES: Final = 256 * 1024
NO_ANSWER: Final = 0


class _Address(NamedTuple):
    host: str
    port: int
    tls: bool


class _Target(NamedTuple):
    address: _Address
    request_line: bytes


class Sender:
    """Keeps idle connections per address; the caller bounds how many posts run at once."""

    def __init__(self) -> None:
        self._idle: dict[_Address, list[_Connection]] = {}

    async def post(self, url: str, headers: bytes, body: bytes, *, limit_s: float) -> int:
        """Post a body.

        Args:
            url: Where to.
            headers: Header lines, each with its CRLF, without Host and Content-Length.
            body: The body.
            limit_s: Seconds for everything, connecting included.

        Returns:
            The status, or 0 when there was no connection or no complete answer.

        Raises:
            TimeoutError: The limit has passed; the receiver may have got all of it.
        """
        target = _target(url)
        connection: _Connection | None = None
        try:
            async with asyncio.timeout(limit_s):
                connection = self._taken(target.address) or await _connected(target.address)
                status = await connection.ask(
                    b"%bContent-Length: %d\r\n%b\r\n%b"
                    % (target.request_line, len(body), headers, body)
                )
        except TimeoutError:
            raise
        except OSError:
            return NO_ANSWER
        else:
            return status
        finally:
            if connection is not None:
                self._put_back(target.address, connection)

    def close(self) -> None:
        """Drop the idle connections."""
        for connections in self._idle.values():
            for connection in connections:
                connection.abort()
        self._idle.clear()

    def _taken(self, address: _Address) -> "_Connection | None":
        idle = self._idle.get(address, [])
        fresh_since = asyncio.get_running_loop().time() - IDLE_MAX_S
        while idle:
            connection = idle.pop()
            if connection.is_reusable and connection.idle_since >= fresh_since:
                return connection
            connection.abort()
        return None

    def _put_back(self, address: _Address, connection: "_Connection") -> None:
        if connection.is_reusable:
            connection.idle_since = asyncio.get_running_loop().time()
            self._idle.setdefault(address, []).append(connection)
        else:
            connection.abort()


class _Connection(asyncio.Protocol):
    """One connection with at most one question on it."""

    __slots__ = ("_answer", "_keep", "_parser", "_size", "_status", "_transport", "idle_since")

    def __init__(self) -> None:
        self.idle_since = 0.0
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[int] | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._status = NO_ANSWER
        self._size = 0
        self._keep = False

    @property
    def is_reusable(self) -> bool:
        """Whether the last answer was complete and the connection is still there."""
        return self._keep and self._transport is not None and not self._transport.is_closing()

    async def ask(self, request: bytes) -> int:
        """Send a request and wait for the end of its answer."""
        if self._transport is None:
            return NO_ANSWER
        self._keep = False
        self._status = NO_ANSWER
        self._size = 0
        self._parser = httptools.HttpResponseParser(self)
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def abort(self) -> None:
        """Close without ceremony."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        # Two-way for a stream, though uvloop's class does not say so.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        self._size += len(data)
        if self._parser is None or self._size > ANSWER_MAX_BYTES:
            self._finish(NO_ANSWER)
            self.abort()
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._finish(NO_ANSWER)
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the loop's signature
        """Called by the loop; the end of the stream may be the end of the answer."""
        self._transport = None
        self._keep = False
        self._finish(self._status)

    def on_headers_complete(self) -> None:
        """Called by the parser."""
        if self._parser is not None:
            self._status = self._parser.get_status_code()

    def on_message_complete(self) -> None:
        """Called by the parser."""
        if self._parser is not None:
            # A 1xx that Kommo counts as success is followed by more, which nobody waits for.
            self._keep = self._parser.should_keep_alive() and self._status >= 200  # noqa: PLR2004
            self._finish(self._status)

    def _finish(self, status: int) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(status)


async def _connected(address: _Address) -> _Connection:
    _, connection = await asyncio.get_running_loop().create_connection(
        _Connection, address.host, address.port, ssl=address.tls or None
    )
    return connection


@lru_cache(maxsize=1_000)
def _target(url: str) -> _Target:
    parts = urlsplit(url)
    tls = parts.scheme == "https"
    path = parts.path or "/"
    if parts.query:
        path = f"{path}?{parts.query}"
    address = _Address(parts.hostname or "", parts.port or (443 if tls else 80), tls)
    return _Target(address, f"POST {path} HTTP/1.1\r\nHost: {parts.netloc}\r\n".encode())
