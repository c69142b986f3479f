"""Entity tags: whoever has an answer already is told so, and gets it no second time (A4).

A list has a weak one, of the version and of what was asked, so that it is compared before anything
is read. Everything else has a strong one, of the bytes of the answer.
"""

from base64 import urlsafe_b64encode
from collections.abc import Callable, Coroutine, Mapping
from hashlib import sha256
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from services.api.versions import old_of
from services.web.request_ids import answer_with

OK, NOT_MODIFIED = 200, 304
CACHE = "private, no-cache"
DIGEST_LENGTH = 22
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class NotModified(Exception):
    """They have it already."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__("not modified")
        self.headers = headers


class TaggedRoute(APIRoute):
    """A route whose answers tell how long they may be kept: not without asking.

    They tell, too, how long there will be any, once that is known (A10).
    """

    def get_route_handler(self) -> Handler:
        """What answers."""
        inner, path = super().get_route_handler(), self.path

        async def answer(request: Request) -> Response:
            if (old := old_of(path)) is not None:
                answer_with(request.scope, old.headers())
            try:
                response = await inner(request)
            except NotModified as known:
                return Response(status_code=NOT_MODIFIED, headers=dict(known.headers))
            response.headers.setdefault("cache-control", CACHE)
            if request.method == "GET" and response.status_code == OK:
                return _tagged(request, response)
            return response

        return answer


def digest(*parts: str | bytes) -> str:
    """A short digest, as tags have it."""
    each = b"\0".join(part.encode() if isinstance(part, str) else part for part in parts)
    return urlsafe_b64encode(sha256(each).digest()).decode()[:DIGEST_LENGTH]


def is_known(request: Request, tag: str) -> bool:
    """Whether whoever asks has the answer of this tag; weak and strong ones compare alike."""
    told = ",".join(request.headers.getlist("if-none-match"))
    known = {each.strip().removeprefix("W/") for each in told.split(",")}
    return "*" in known or tag.removeprefix("W/") in known


def _tagged(request: Request, response: Response) -> Response:
    body = getattr(response, "body", None)
    if body is None:  # a stream, whose bytes nobody has yet
        return response
    if "etag" not in response.headers:
        response.headers["etag"] = f'"{digest(response.headers["content-type"], body)}"'
    if not is_known(request, response.headers["etag"]):
        return response
    kept = ("etag", "cache-control", "fairlead-version", "vary", "link")
    return Response(
        status_code=NOT_MODIFIED,
        headers={name: response.headers[name] for name in kept if name in response.headers},
    )
