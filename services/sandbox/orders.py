"""What the control API is told, and how it answers."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from contracts.stage import Stage
from services.sandbox.crm import Crm
from services.sandbox.model import Author

LEADS_MAX = 200_000
Endpoints = Mapping[str, Mapping[str, Callable[[Request], Any]]]


class Order(BaseModel):
    """The body of an order; a member that it does not know is an error."""

    model_config = ConfigDict(extra="forbid")


class ControlProblem(Exception):
    """An order that cannot be carried out; nothing was done."""


def answered(content: object, status: int = 200) -> Response:
    """Answer with JSON."""
    return Response(orjson.dumps(content), status, media_type="application/json")


def routes_of(paths: Endpoints) -> list[Route]:
    """The routes of paths with an endpoint for each method."""
    return [
        Route(path, endpoint, methods=[method])
        for path, endpoints in paths.items()
        for method, endpoint in endpoints.items()
    ]


def person(crm: Crm, user_id: int | None) -> Author:
    """Who does something at the screen: the administrator unless it is said."""
    return Author("human", crm.account.admin_id() if user_id is None else user_id)


def need_stage(crm: Crm, stage: Stage) -> None:
    """Refuse a column that is not there.

    Raises:
        ControlProblem: It is not.
    """
    if not crm.account.has_stage(stage):
        raise ControlProblem(f"no status {stage.status_id} in pipeline {stage.pipeline_id}")


def known_leads(crm: Crm, lead_ids: Iterable[int]) -> list[int]:
    """Each lead once.

    Raises:
        ControlProblem: Some do not exist.
    """
    known = list(dict.fromkeys(lead_ids))
    unknown = [lead_id for lead_id in known if lead_id not in crm.account.leads]
    if unknown:
        raise ControlProblem(f"no leads {unknown[:10]}")
    return known
