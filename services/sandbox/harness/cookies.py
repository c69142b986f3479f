"""The API as pages ask it: with the cookie of whoever is looking, and with their rights."""

from http.cookies import SimpleCookie
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

COOKIE: Final = "session_id"


def by_cookie(api: ASGIApp) -> ASGIApp:
    """Let the cookie stand for the token that a request does not carry."""

    async def asked(scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        held = SimpleCookie(headers.get(b"cookie", b"").decode("latin-1")).get(COOKIE)
        if held is not None and b"authorization" not in headers:
            bearer = (b"authorization", f"Bearer {held.value}".encode("latin-1"))
            scope = {**scope, "headers": [*scope["headers"], bearer]}
        await api(scope, receive, send)

    return asked
