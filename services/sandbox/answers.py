"""How API v4 answers: HAL on success, problem documents otherwise."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

_TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    422: "Unprocessable Entity",
    429: "Too Many Requests",
    500: "ErrInternalServer",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}


class ApiProblem(Exception):
    """A request that is refused; it becomes a problem document.

    Attributes:
        status: The status of the answer.
        detail: The `detail` member.
        extra: Further members, put first.
    """

    def __init__(self, status: int, detail: str, extra: Mapping[str, Any] | None = None) -> None:
        super().__init__(f"{status}: {detail}")
        self.status = status
        self.detail = detail
        self.extra = extra or {}


def hal(content: Mapping[str, Any], status: int = 200) -> Response:
    """Answer with a HAL document."""
    return Response(orjson.dumps(content), status, media_type="application/hal+json")


def bare(content: Sequence[Mapping[str, Any]]) -> Response:
    """Answer with a list that is wrapped in nothing, as one endpoint does."""
    return Response(orjson.dumps(list(content)), media_type="application/hal+json")


def nothing() -> Response:
    """Answer 204: an empty list, or something that does not exist."""
    return Response(status_code=204)


def problem(status: int, detail: str, extra: Mapping[str, Any] | None = None) -> Response:
    """Answer with a problem document."""
    content = {
        **(extra or {}),
        "title": _TITLES.get(status, "Error"),
        "type": f"https://httpstatus.es/{status}",
        "status": status,
        "detail": detail,
    }
    return Response(orjson.dumps(content), status, media_type="application/problem+json")


async def api_problem(_: Request, error: Exception) -> Response:
    """Turn an `ApiProblem` into its answer."""
    assert isinstance(error, ApiProblem), "registered for this class only"  # noqa: S101
    return problem(error.status, error.detail, error.extra)


async def unknown_path(request: Request, _: Exception) -> Response:
    """Answer 404 as Kommo words it."""
    return problem(404, f"Cannot {request.method} {request.url.replace(query='')}")


async def wrong_method(request: Request, _: Exception) -> Response:
    """Answer 405, e.g. for DELETE on leads: the API deletes no lead."""
    return problem(405, f"Method {request.method} is not allowed")


def invalid(errors: Mapping[str, Sequence[Mapping[str, str]]]) -> ApiProblem:
    """Make the 400 of elements that fail validation, by their request id."""
    listed = [{"request_id": key, "errors": list(found)} for key, found in errors.items()]
    return ApiProblem(400, "Request validation failed", {"validation-errors": listed})
