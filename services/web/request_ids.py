"""Every answer carries an id under which our logs have it (A6), and what every browser should know.

Pure ASGI, so that streams pass through as they are.
"""

import secrets
from collections.abc import Mapping
from time import perf_counter

import structlog
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = structlog.get_logger(__name__)

REQUEST_ID = "fairlead.request_id"
ANSWERED_WITH = "fairlead.headers"
# Of every answer; a page says its own policy for what it may load (S11, S35).
HEADERS: Mapping[str, str] = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
}
YEAR_S = 31_536_000


def request_id_of(scope: Scope) -> str:
    """The id of a request."""
    found: str = scope["state"][REQUEST_ID]
    return found


def answer_with(scope: Scope, headers: Mapping[str, str]) -> None:
    """Have the answer, whatever it is, carry these headers, too."""
    scope["state"].setdefault(ANSWERED_WITH, {}).update(headers)


class RequestIds:
    """Gives each request its id, tells how it was answered, and completes the headers.

    The line in the log has the route as it is written in the code, never the path: ids in it are
    others' business, and a secret that somebody put there must not be kept (S19).
    """

    def __init__(self, app: ASGIApp, *, is_https: bool) -> None:
        self._app = app
        self._headers = dict(HEADERS)
        if is_https:
            self._headers["strict-transport-security"] = f"max-age={YEAR_S}; includeSubDomains"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = f"req-{secrets.token_hex(8)}"
        scope.setdefault("state", {})[REQUEST_ID] = request_id
        began = perf_counter()
        status = 0

        async def completed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["request-id"] = request_id
                asked = scope["state"].get(ANSWERED_WITH, {})
                for name, value in (*self._headers.items(), *asked.items()):
                    headers.setdefault(name, value)
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, completed)
            except Exception as error:  # told and answered below; nothing more to say about it
                if not status:
                    raise
                log.debug("passed_on", error=type(error).__name__)
            finally:
                route = getattr(scope.get("route"), "path", "")
                took_ms = round((perf_counter() - began) * 1_000, 1)
                log.info(
                    "answered",
                    method=scope["method"],
                    route=route,
                    status=status,
                    took_ms=took_ms,
                )
