"""Orders of the control API about leads, and what people do to them."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from contracts.stage import Stage
from services.sandbox.crm import Crm
from services.sandbox.deeds import DeedKind, open_task
from services.sandbox.model import CrmChange, LeadPatch
from services.sandbox.orders import (
    LEADS_MAX,
    ControlProblem,
    Order,
    answered,
    known_leads,
    need_stage,
    person,
    routes_of,
)

# A bulk is cut here so that the loop breathes; a multiple of any sensible body of hooks.
_PART = 1_000

_Item = TypeVar("_Item")


class _LeadDraft(Order):
    name: str = "Site request"
    pipeline_id: int | None = None
    status_id: int | None = None
    responsible_user_id: int | None = None
    price: int = 0
    tags: tuple[tuple[int, str], ...] = ()
    contact_ids: tuple[int, ...] = ()
    company_id: int | None = None
    source_id: int | None = None
    custom_fields_values: tuple[dict[str, Any], ...] | None = None


class _CreateLeads(Order):
    count: int = Field(default=0, ge=0, le=LEADS_MAX)
    leads: list[_LeadDraft] = Field(default_factory=list, max_length=LEADS_MAX)
    user_id: int | None = None
    silent: bool = False


class _SomeLeads(Order):
    lead_ids: list[int] = Field(max_length=LEADS_MAX)
    user_id: int | None = None


class _MoveLeads(_SomeLeads):
    pipeline_id: int
    status_id: int


class _HandOver(_SomeLeads):
    responsible_user_id: int


class _Do(_SomeLeads):
    kind: DeedKind
    silent: bool = False


def lead_orders(crm: Crm) -> list[Route]:
    """The routes."""
    board = _LeadBoard(crm)
    return routes_of(
        {
            "/sandbox/leads": {"GET": board.leads, "POST": board.create_leads},
            "/sandbox/leads/move": {"POST": board.move_leads},
            "/sandbox/leads/responsible": {"POST": board.hand_over},
            "/sandbox/leads/delete": {"POST": board.delete_leads},
            "/sandbox/leads/restore": {"POST": board.restore_leads},
            "/sandbox/leads/deeds": {"POST": board.do},
        }
    )


class _LeadBoard:
    """The endpoints."""

    def __init__(self, crm: Crm) -> None:
        self._crm = crm

    async def leads(self, _: Request) -> Response:
        """List all leads: id, pipeline, status, responsible, updated_at, deleted."""
        return answered(
            {
                "leads": [
                    (
                        lead.id,
                        lead.pipeline_id,
                        lead.status_id,
                        lead.responsible_user_id,
                        lead.updated_at,
                        lead.is_deleted,
                    )
                    for lead in self._crm.account.leads.values()
                ]
            }
        )

    async def create_leads(self, request: Request) -> Response:
        """Make leads as a person, or silently as if they had been there before."""
        order = _CreateLeads.model_validate_json(await request.body())
        first = len(self._crm.account.leads) + 1
        drafts = [self._draft(number) for number in range(first, first + order.count)]
        for lead in order.leads:
            given = {key: value for key, value in lead if value is not None}
            drafts.append({**self._draft(0), **given})
        for draft in drafts:
            need_stage(self._crm, Stage(_whole(draft["pipeline_id"]), _whole(draft["status_id"])))
        author = person(self._crm, order.user_id)
        changes = await _in_parts(
            drafts, lambda part: self._crm.create(part, author, silent=order.silent)
        )
        return answered({"lead_ids": [change.lead.id for change in changes]}, 201)

    async def move_leads(self, request: Request) -> Response:
        """Move leads to a stage as one bulk action of a person; hooks and triggers fire."""
        order = _MoveLeads.model_validate_json(await request.body())
        need_stage(self._crm, Stage(order.pipeline_id, order.status_id))
        fields = {"pipeline_id": order.pipeline_id, "status_id": order.status_id}
        return await self._changed(order, fields)

    async def hand_over(self, request: Request) -> Response:
        """Make a user responsible for leads, as a person."""
        order = _HandOver.model_validate_json(await request.body())
        if order.responsible_user_id not in self._crm.account.users:
            raise ControlProblem(f"no user {order.responsible_user_id}")
        return await self._changed(order, {"responsible_user_id": order.responsible_user_id})

    async def _changed(self, order: _SomeLeads, fields: dict[str, Any]) -> Response:
        author = person(self._crm, order.user_id)
        patches = [LeadPatch(lead_id, fields) for lead_id in known_leads(self._crm, order.lead_ids)]
        changes = await _in_parts(patches, lambda part: self._crm.change(part, author))
        return answered({"changed": len(changes)})

    async def delete_leads(self, request: Request) -> Response:
        """Bin leads."""
        order = _SomeLeads.model_validate_json(await request.body())
        author = person(self._crm, order.user_id)
        lead_ids = known_leads(self._crm, order.lead_ids)
        changes = await _in_parts(lead_ids, lambda part: self._crm.delete(part, author))
        return answered({"changed": len(changes)})

    async def restore_leads(self, request: Request) -> Response:
        """Take leads out of the bin."""
        order = _SomeLeads.model_validate_json(await request.body())
        author = person(self._crm, order.user_id)
        lead_ids = known_leads(self._crm, order.lead_ids)
        changes = await _in_parts(lead_ids, lambda part: self._crm.restore(part, author))
        return answered({"changed": len(changes)})

    async def do(self, request: Request) -> Response:
        """Write notes, call, send messages, make or complete tasks, as a person or robot (0)."""
        order = _Do.model_validate_json(await request.body())
        lead_ids = known_leads(self._crm, order.lead_ids)
        account = self._crm.account
        done_already = [i for i in lead_ids if open_task(account, i) is None]
        if order.kind == "task_completed" and done_already:
            raise ControlProblem(f"no open task of leads {done_already[:10]}")
        user_id = account.admin_id() if order.user_id is None else order.user_id
        done = self._crm.do(order.kind, lead_ids, user_id=user_id, silent=order.silent)
        return answered({"done": done})

    def _draft(self, number: int) -> dict[str, object]:
        """Describe a fresh lead in the first column of the main pipeline."""
        account = self._crm.account
        main = next(pipeline for pipeline in account.pipelines.values() if pipeline.is_main)
        return {
            "name": f"Site request {number}",
            "pipeline_id": main.id,
            "status_id": main.first_status_id(),
            "responsible_user_id": account.admin_id(),
        }


async def _in_parts(
    items: Sequence[_Item], act: Callable[[Sequence[_Item]], list[CrmChange]]
) -> list[CrmChange]:
    changes: list[CrmChange] = []
    for start in range(0, len(items), _PART):
        changes.extend(act(items[start : start + _PART]))
        await asyncio.sleep(0)
    return changes


def _whole(value: object) -> int:
    assert isinstance(value, int), "drafts name stages by number"  # noqa: S101
    return value
