"""Pages for whoever writes a client: the reference, and what to do about each problem (A6, A11).

They are made from the document and the catalogue when the role starts, load nothing from anywhere
else, and hold nothing of any account: so they are for everybody, as the document is.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from importlib import resources
from typing import get_args

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.api.document import stored
from services.api.reference import problem_page, reference_page
from services.application.refused import Code
from services.web.faults import problem_of
from services.web.problems import PROBLEM_JSON, STATUS
from services.web.request_ids import request_id_of

# S11: nothing but our own style, no script, no form, no frame around it.
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; "
    "object-src 'none'; form-action 'none'; frame-ancestors 'none'"
)
DOCUMENT = "/api/v1/openapi.json"
STYLE = "/docs/style.css"
# What begins with one of these is for them.
PLACES = (DOCUMENT, "/docs", "/problems/")
KEPT = "public, max-age=300"


def create_pages() -> Starlette:
    """The pages as an application."""
    document = stored()
    reference = reference_page(json.loads(document), style=STYLE, raw=DOCUMENT)
    pages = {code: problem_page(code, style=STYLE) for code in codes()}

    async def problem(request: Request) -> Response:
        page = pages.get(request.path_params["code"])
        if page is None:
            raise HTTPException(404)
        return _page(page)

    routes = {
        DOCUMENT: _fixed(document, "application/json"),
        "/docs": _fixed(reference, "text/html"),
        STYLE: _fixed(_style(), "text/css"),
        "/problems/{code}": problem,
    }
    return Starlette(
        routes=[Route(path, endpoint, methods=["GET"]) for path, endpoint in routes.items()],
        exception_handlers={HTTPException: _told},
    )


def codes() -> tuple[str, ...]:
    """Every code that a problem may have, in order."""
    refused = {each.replace("_", "-") for each in _members(Code)}
    return tuple(sorted({*STATUS, *refused}))


def _members(closed: object) -> tuple[str, ...]:
    found = get_args(closed)
    return tuple(
        value for each in found for value in ((each,) if isinstance(each, str) else _members(each))
    )


def _fixed(content: str, kind: str) -> Callable[[Request], Awaitable[Response]]:
    async def answer(_: Request) -> Response:
        return _page(content, kind)

    return answer


def _page(content: str, kind: str = "text/html") -> Response:
    headers: Mapping[str, str] = {"content-security-policy": POLICY, "cache-control": KEPT}
    return Response(content, media_type=kind, headers=headers)


async def _told(request: Request, error: Exception) -> Response:
    problem = problem_of(error)
    return JSONResponse(
        problem.body(request_id_of(request.scope)),
        problem.status,
        headers=dict(problem.headers),
        media_type=PROBLEM_JSON,
    )


def _style() -> str:
    return resources.files("services.pages").joinpath("style.css").read_text(
        encoding="utf-8"
    ) + resources.files(__package__).joinpath("reference.css").read_text(encoding="utf-8")
