"""What every route of the API asks of its request."""

from typing import Any

import orjson
from starlette.requests import Request

from services.sandbox.answers import ApiProblem
from services.sandbox.crm import Crm
from services.sandbox.model import ROBOT, Author


def crm_of_request(request: Request) -> Crm:
    """Find the account the server runs."""
    crm: Crm = request.app.state.crm
    return crm


def user_id_of(request: Request) -> int:
    """Name the user of the token."""
    user_id: int = request.scope["sandbox_user_id"]
    return user_id


def need_admin(request: Request) -> None:
    """Let only administrators pass.

    Raises:
        ApiProblem: The user of the token is none.
    """
    user = crm_of_request(request).account.users.get(user_id_of(request))
    if user is None or not user.is_admin:
        raise ApiProblem(403, "Access denied")


def client_id_of(request: Request) -> str | None:
    """Name the integration of the token; None for one that was put into the account by hand."""
    client_id: str | None = request.scope.get("sandbox_client_id")
    return client_id


def author_of(request: Request) -> Author:
    """Name whom a change by the API is ascribed to."""
    robot = crm_of_request(request).knobs.api_author == "robot"
    return Author("api", ROBOT if robot else user_id_of(request))


def parts_of(request: Request) -> frozenset[str]:
    """List what `with` asks for."""
    return frozenset(request.query_params.get("with", "").split(","))


async def json_of(request: Request) -> Any:  # noqa: ANN401 - whatever a client may send
    """Read the body.

    Raises:
        ApiProblem: It is empty, or no JSON.
    """
    body = await request.body()
    if not body:
        raise ApiProblem(400, "Request data can not be empty")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise ApiProblem(400, "Invalid request body") from None
