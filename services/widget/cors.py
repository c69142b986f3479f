"""Calls from Kommo's pages: of accounts that have the integration, and without cookies (S13)."""

import asyncio
from collections.abc import Awaitable, Callable
from math import inf
from time import monotonic

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

Origins = Callable[[], Awaitable[frozenset[str]]]

KNOWN_S = 30.0
# An account that has just let the integration in is not kept waiting; whoever makes origins up
# causes no more questions than this.
UNKNOWN_S = 1.0
PREFLIGHT_S = 600
METHODS = "GET, POST, PUT, DELETE"
ALLOWED = "x-auth-token, authorization, content-type, idempotency-key"
TOLD = "retry-after, request-id, idempotency-replayed"


class KnownOrigins:
    """The pages that may call, read again every half minute, and when another one calls."""

    def __init__(self, read: Origins, clock: Callable[[], float] = monotonic) -> None:
        self._read = read
        self._clock = clock
        self._known: frozenset[str] = frozenset()
        self._read_at = -inf
        self._reading = asyncio.Lock()

    async def has(self, origin: str) -> bool:
        """Whether it is one of them.

        Raises:
            services.shared.errors.Unavailable: The database does not answer.
        """
        if self._is_stale(origin):
            async with self._reading:
                if self._is_stale(origin):
                    self._known = await self._read()
                    self._read_at = self._clock()
        return origin in self._known

    def _is_stale(self, origin: str) -> bool:
        kept_s = KNOWN_S if origin in self._known else UNKNOWN_S
        return self._clock() >= self._read_at + kept_s


class CrossOrigin:
    """Answers a browser that asks whether a page may call, and says so in each answer.

    No cookie counts here, so none is ever asked for; and what differs by page says that it does.
    """

    def __init__(self, app: ASGIApp, origins: KnownOrigins) -> None:
        self._app = app
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = headers.get("origin", "")
        is_known = bool(origin) and await self._origins.has(origin)

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                answer.add_vary_header("Origin")
                if is_known:
                    answer["access-control-allow-origin"] = origin
                    answer["access-control-expose-headers"] = TOLD
            await send(message)

        if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            await _preflight(is_known=is_known)(scope, receive, marked)
        else:
            await self._app(scope, receive, marked)


def _preflight(*, is_known: bool) -> Response:
    if not is_known:
        return Response(status_code=403)
    return Response(
        status_code=204,
        headers={
            "access-control-allow-methods": METHODS,
            "access-control-allow-headers": ALLOWED,
            "access-control-max-age": str(PREFLIGHT_S),
        },
    )
