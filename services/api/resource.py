"""What every route has in common: its place, and the problems that it may answer with."""

from typing import Any

from fastapi import APIRouter

from services.api.tags import TaggedRoute
from services.web.problems import PROBLEM_JSON, ProblemBody

PREFIX = "/api/v1"


def problem(description: str) -> dict[str, Any]:
    """An answer that is a problem."""
    return {
        "model": ProblemBody,
        "description": description,
        "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/ProblemBody"}}},
    }


# Of every route; what is special to one, it says itself.
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: problem(description)
    for status, description in {
        400: "Something of the request cannot be read, or is missing.",
        401: "No key that counts was sent.",
        403: "The key may not do this.",
        404: "There is nothing of that id, or nothing that the key may see.",
        415: "The body is of a kind that is not taken here.",
        422: "A parameter or a field is not what it may be.",
        429: "Too many requests.",
        503: "The database or the log is away, or behind.",
    }.items()
}


def resource(tag: str) -> APIRouter:
    """A router for the routes of one resource, which `app.py` takes as they are."""
    return APIRouter(prefix=PREFIX, tags=[tag], responses=PROBLEMS, route_class=TaggedRoute)
