"""What is not known is refused: a misspelt filter must not answer with everything (A1.2, S33)."""

from typing import get_origin

from fastapi import Request
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query
from fastapi.routing import APIRoute

from services.web.models import NUL
from services.web.problems import FieldError, HttpProblem


def route_of(request: Request) -> APIRoute:
    """The route of a request."""
    route = request.scope["route"]
    assert isinstance(route, APIRoute), "the API has no others"  # noqa: S101
    return route


def known_query(request: Request) -> None:
    """See that every parameter of the query is one of the route's, and comes as often as it may.

    Raises:
        HttpProblem: One is not.
    """
    route = route_of(request)
    fields = {
        field.alias: field
        for field in get_flat_params(route.dependant)
        if isinstance(field.field_info, Query)
    }
    errors: list[FieldError] = []
    for name in dict.fromkeys(request.query_params):
        pointer = f"query.{name}" if name.isidentifier() else "query"
        if name not in fields:
            expected = ", ".join(sorted(fields)) or "none"
            errors.append(
                FieldError(pointer=pointer, code="unknown", detail=f"Expected some of: {expected}.")
            )
        elif (
            len(request.query_params.getlist(name)) > 1
            and get_origin(fields[name].field_info.annotation) is not list
        ):
            errors.append(FieldError(pointer=pointer, code="repeated", detail="May be given once."))
        elif any(NUL in value for value in request.query_params.getlist(name)):
            # No text of the database may have one.
            errors.append(FieldError(pointer=pointer, code="not-text", detail="Expected text."))
    if errors:
        raise HttpProblem("unprocessable", "The query has what this does not know.", errors=errors)
