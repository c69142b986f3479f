"""Orders of the control API about incoming leads: those that come by themselves."""

from typing import Any, Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.sandbox.crm import Crm
from services.sandbox.model import ROBOT, Author
from services.sandbox.orders import ControlProblem, Order, answered
from services.sandbox.unsorted import IncomingLead, accept, decline, receive


class _Incoming(Order):
    category: Literal["forms", "sip", "mail", "chats"] = "chats"
    source_name: str = "Chat"
    name: str = "Somebody asks"
    contact_name: str = "Somebody"
    pipeline_id: int | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)


class _Decision(Order):
    uid: str
    user_id: int | None = None
    status_id: int | None = None


def unsorted_orders(crm: Crm) -> list[Route]:
    """The routes: an incoming lead comes, and a person accepts or declines it."""

    async def come(request: Request) -> Response:
        order = _Incoming.model_validate_json(await request.body())
        stage = crm.account.incoming_stage(order.pipeline_id)
        if stage is None:
            raise ControlProblem("the pipeline has no incoming leads")
        entry = receive(
            crm,
            {
                "source_uid": "sandbox",
                "source_name": order.source_name,
                "category": order.category,
                "pipeline_id": stage.pipeline_id,
                "metadata": order.metadata,
            },
            {
                "name": order.name,
                "responsible_user_id": crm.account.admin_id(),
                **stage._asdict(),
            },
            {"contacts": [{"name": order.contact_name}]},
            Author("human", ROBOT),
        )
        return answered({"uid": entry.uid, "lead_id": entry.lead_id}, 201)

    async def accepted(request: Request) -> Response:
        order = _Decision.model_validate_json(await request.body())
        entry, user_id = _waiting(crm, order.uid), _person(crm, order.user_id)
        first = crm.account.pipelines[entry.pipeline_id].first_status_id()
        status_id = first if order.status_id is None else order.status_id
        if not crm.account.pipelines[entry.pipeline_id].has(status_id):
            raise ControlProblem(f"no status {status_id} in pipeline {entry.pipeline_id}")
        author = Author("human", user_id)
        accept(crm, entry, user_id=user_id, status_id=status_id, author=author)
        return answered({"lead_id": entry.lead_id})

    async def declined(request: Request) -> Response:
        order = _Decision.model_validate_json(await request.body())
        entry, user_id = _waiting(crm, order.uid), _person(crm, order.user_id)
        decline(crm, entry, user_id=user_id, author=Author("human", user_id))
        return answered({"lead_id": entry.lead_id})

    return [
        Route("/sandbox/unsorted", come, methods=["POST"]),
        Route("/sandbox/unsorted/accept", accepted, methods=["POST"]),
        Route("/sandbox/unsorted/decline", declined, methods=["POST"]),
    ]


def _waiting(crm: Crm, uid: str) -> IncomingLead:
    entry: IncomingLead | None = crm.account.unsorted.get(uid)
    if entry is None or entry.outcome is not None:
        raise ControlProblem(f"no incoming lead {uid[:100]}")
    return entry


def _person(crm: Crm, user_id: int | None) -> int:
    if user_id is None:
        return crm.account.admin_id()
    if user_id not in crm.account.users:
        raise ControlProblem(f"no user {user_id}")
    return user_id
