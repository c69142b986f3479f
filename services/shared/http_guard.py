"""uvicorn's connection with the limits it lacks, for every part of a message and every path.

uvicorn bounds neither a head nor its trailers, neither the time of any part nor the number of
connections; it goes on reading after it has answered, and throws away the body of a request that
would like to speak another protocol. None of that needs a secret (S4, F35, I1).
"""

import asyncio
from enum import Enum
from typing import Any

import httptools
import uvicorn
from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from services.shared.http_door import Door
from services.shared.proxies import forwarded_for, is_within, whose

VOUCH = "fairlead.vouch"
HANG_UP = "fairlead.hang_up"
HEADER_PUNCTUATION_BYTES = 4
# Lines between chunks may be this part of a body: chunks of some hundred bytes are honest.
FRAMING_PART = 8


def _answer(status: str) -> bytes:
    return f"HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode()


MALFORMED = _answer("400 Bad Request")
NO_TUNNEL = _answer("405 Method Not Allowed")
TOO_SLOW = _answer("408 Request Timeout")
TOO_LARGE = _answer("431 Request Header Fields Too Large")


class _Part(Enum):
    """What of a request arrives."""

    NOTHING = "nothing"
    HEAD = "head"
    BODY = "body"


def vouch(scope: Scope) -> None:
    """The request has shown a secret that we know: its connection does not give way to others."""
    tell = scope.get("state", {}).get(VOUCH)
    if tell is not None:  # None where something else than `GuardedProtocol` receives
        tell()


def hang_up(scope: Scope) -> None:
    """Whoever asked does not take the answer, and what of it is not taken yet is thrown away."""
    leave = scope.get("state", {}).get(HANG_UP)
    if leave is not None:  # as above
        leave()


class GuardedProtocol(HttpToolsProtocol):
    """One connection within the limits of its door."""

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        *,
        door: Door,
    ) -> None:
        super().__init__(config=config, server_state=server_state, app_state=app_state)
        self._door = door
        self._limits = door.limits
        self._is_proxy = False
        self._is_known = False
        self._is_over = False
        self._is_upgrade = False
        self._is_new = False
        self._requests = 0
        self._messages = 0
        self._part = _Part.HEAD
        self._began_at = self.loop.time()
        self._arrived = 0  # of the part
        # Of the message that arrives: its head, its body, and all that is no body.
        self._head_size = 0
        self._body_size = 0
        self._loose_size = 0
        self._bodies_size = 0  # of all messages
        self._unread_since: float | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Let the connection in; another one may have to give way."""
        super().connection_made(transport)
        address = None if self.client is None else self.client[0]
        self._is_proxy = address is not None and is_within(address, self._limits.trusted_proxies)
        self._door.enter(self, None if self._is_proxy or address is None else whose(address))

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._is_over = True
        self._door.is_gone(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came, unless the connection is given up."""
        if self._is_over:
            return
        self._unset_keepalive_if_required()
        if self._part is _Part.NOTHING:
            self._expect(_Part.HEAD)
        self._arrived += len(data)
        self._parse(data)

    def on_message_begin(self) -> None:
        """A head starts."""
        super().on_message_begin()
        self._head_size = self._body_size = 0
        self._is_upgrade = False
        if self._part is not _Part.HEAD:
            self._expect(_Part.HEAD)
        self.scope["state"][VOUCH] = self._vouched
        self.scope["state"][HANG_UP] = self._abort

    def on_url(self, url: bytes) -> None:
        """A piece of the address."""
        self._count_head(len(url))
        if not self._is_over:
            super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer, which nobody reads."""
        if self._part is _Part.BODY:
            return
        self._count_head(len(name) + len(value) + HEADER_PUNCTUATION_BYTES)
        if len(self.headers) >= self._limits.headers_max:
            self._refuse("too_many_headers", TOO_LARGE)
        if not self._is_over:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """A head is complete."""
        if self._is_over:
            return
        if self.parser.should_upgrade():
            self._is_upgrade = True  # the parser takes it for the end of all requests
            return
        if len(self.pipeline) >= self._limits.pipelined_max:
            self._refuse("too_many_pipelined", None)
            return
        super().on_headers_complete()
        self._expect(_Part.BODY)
        self._is_new = True
        self._requests += 1
        if self._requests >= self._limits.requests_per_connection_max:
            self.cycle.keep_alive = False
        if self._is_proxy:
            address = forwarded_for(self.headers, self._limits.trusted_proxies)
            self._door.comes_from(self, address)

    def on_body(self, body: bytes) -> None:
        """Part of a body."""
        if self._is_over:
            return
        self._body_size += len(body)
        self._bodies_size += len(body)
        if not self._is_known:
            self._door.holds(self, len(body))
        if not self._is_over:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The end of a request; the next head may start."""
        if self._is_over or self._is_upgrade:
            return
        self._part = _Part.NOTHING
        self._messages += 1
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """An answer is given; whoever is not done asking by now has no more to say."""
        super().on_response_complete()
        self._door.holds_nothing(self)
        if self._is_known:
            self._is_known = False
            self._door.is_at_rest(self)
        if self._is_proxy:
            self._door.comes_from(self, None)
        if self._part is _Part.BODY and self.cycle.response_complete:
            self._is_over = True
            self.transport.close()

    def leave(self, reason: str) -> None:
        """Give way to others."""
        self._refuse(reason, None)

    def look(self, now: float) -> None:
        """Hang up on whoever sends too slowly, or does not take what it asked for."""
        limits = self._limits
        if self.transport.get_write_buffer_size():
            self._unread_since = self._unread_since or now
            if now - self._unread_since > limits.body_read_s:
                self._abort()
            return
        self._unread_since = None
        if self._is_over or self._part is _Part.NOTHING:
            return
        if self.flow.read_paused:  # it is we who are slow
            self._expect(self._part)
            return
        is_head = self._part is _Part.HEAD
        elapsed = now - self._began_at
        wanted = (elapsed - limits.slow_after_s) * limits.bytes_per_s_min
        # Who has not begun yet may think for longer.
        is_slow = self._arrived < wanted and not (is_head and self._arrived == 0)
        if is_slow or elapsed > (limits.head_read_s if is_head else limits.body_read_s):
            self._refuse(
                "head_too_slow" if is_head else "body_too_slow", None if is_head else TOO_SLOW
            )

    def _parse(self, data: bytes) -> None:
        messages, bodies_size = self._messages, self._bodies_size
        self._is_new = False
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._ignore_upgrade(data[upgrade.args[0] :])
            return
        except httptools.HttpParserError:
            self._refuse("malformed", MALFORMED)
            return
        if self._is_new and self._part is _Part.BODY and not self._is_over:
            # Until somebody wants the body; what came with the head is held in memory.
            self.flow.pause_reading()
        if messages != self._messages:
            self._loose_size = 0  # what belongs to the next one nobody knows; it is one read
            return
        # A head that does not end, lines between chunks, trailers: the parser hands them over
        # when they are complete, or not at all.
        self._loose_size += len(data) - (self._bodies_size - bodies_size)
        limit = self._limits.head_bytes_max
        if self._part is _Part.BODY:
            limit += limit + self._body_size // FRAMING_PART
        if self._loose_size > limit:
            self._refuse("too_large_beside_its_body", TOO_LARGE)

    def _ignore_upgrade(self, rest: bytes) -> None:
        """Read the request again, without its wish to speak another protocol.

        A server may ignore the wish, and has to read the body then (RFC 9110, 7.8).
        """
        method = self.parser.get_method()
        if method == b"CONNECT":
            self._refuse("tunnel", NO_TUNNEL)
            return
        version = self.parser.get_http_version().encode()
        head = [b"%b %b HTTP/%b" % (method, self.url, version)]
        head += [b"%b: %b" % header for header in self.headers if header[0] != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as in uvicorn
        self._loose_size = 0
        self._parse(b"\r\n".join((*head, b"", rest)))

    def _expect(self, part: _Part) -> None:
        self._part = part
        self._began_at = self.loop.time()
        self._arrived = 0

    def _count_head(self, size: int) -> None:
        self._head_size += size
        if self._head_size > self._limits.head_bytes_max:
            self._refuse("head_too_large", TOO_LARGE)

    def _vouched(self) -> None:
        if not self._is_over:
            self._is_known = True
            self._door.shows_a_secret(self)

    def _abort(self) -> None:
        self._refuse("answer_not_taken", None)
        self.transport.abort()

    def _refuse(self, reason: str, answer: bytes | None) -> None:
        if self._is_over:
            return
        self._is_over = True
        self._door.leaves(self)
        self._door.tell_refused(reason)
        if answer is not None and self._may_answer():
            self.transport.write(answer)
        self.transport.close()

    def _may_answer(self) -> bool:
        """Whether no other answer is under way, or due before."""
        if self.transport.is_closing() or self.pipeline:
            return False
        if self._part is _Part.BODY:
            return not self.cycle.response_started
        return self.cycle is None or self.cycle.response_complete
