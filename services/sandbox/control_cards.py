"""Orders of the control API about contacts, companies and tasks."""

import time
from typing import Any, Literal, get_args

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.sandbox.cards import Card, CardPatch, Kind, Task
from services.sandbox.crm import Crm
from services.sandbox.orders import LEADS_MAX, ControlProblem, Order, answered, person, routes_of


class _CardDraft(Order):
    responsible_user_id: int
    name: str = ""
    custom_fields_values: tuple[dict[str, Any], ...] | None = None


class _TaskDraft(Order):
    responsible_user_id: int
    entity_id: int
    entity_type: Literal["leads", "contacts", "companies"] = "leads"
    is_completed: bool = False
    complete_till: int = 1_900_000_000


class _CreateCards(Order):
    contacts: list[_CardDraft] = Field(default_factory=list, max_length=LEADS_MAX)
    companies: list[_CardDraft] = Field(default_factory=list, max_length=LEADS_MAX)
    tasks: list[_TaskDraft] = Field(default_factory=list, max_length=LEADS_MAX)


class _HandOverCards(Order):
    kind: Kind
    ids: list[int] = Field(max_length=LEADS_MAX)
    responsible_user_id: int


class _SomeCards(Order):
    kind: Kind
    ids: list[int] = Field(max_length=LEADS_MAX)


def card_orders(crm: Crm) -> list[Route]:
    """The routes."""
    board = _CardBoard(crm)
    return routes_of(
        {
            "/sandbox/cards": {"GET": board.cards, "POST": board.create_cards},
            "/sandbox/cards/responsible": {"POST": board.hand_over_cards},
            "/sandbox/cards/delete": {"POST": board.delete_cards},
        }
    )


class _CardBoard:
    """The endpoints."""

    def __init__(self, crm: Crm) -> None:
        self._crm = crm

    async def cards(self, _: Request) -> Response:
        """List who is responsible for each contact, company and task."""
        kinds: tuple[Kind, ...] = get_args(Kind)
        return answered(
            {
                kind: [
                    (card.id, card.responsible_user_id)
                    for card in self._crm.account.box(kind).by_id.values()
                ]
                for kind in kinds
            }
        )

    async def create_cards(self, request: Request) -> Response:
        """Make contacts, companies and tasks; leads are linked to them as they are made."""
        order = _CreateCards.model_validate_json(await request.body())
        account, now = self._crm.account, int(time.time())
        drafts: dict[Kind, tuple[type[Any], list[Any]]] = {
            "contacts": (Card, order.contacts),
            "companies": (Card, order.companies),
            "tasks": (Task, order.tasks),
        }
        made = {
            kind: [
                account.box(kind).add(shape, dict(draft), by=account.admin_id(), now=now)
                for draft in wanted
            ]
            for kind, (shape, wanted) in drafts.items()
        }
        return answered(made, 201)

    async def hand_over_cards(self, request: Request) -> Response:
        """Make a user responsible for contacts, companies or tasks, as a person."""
        order = _HandOverCards.model_validate_json(await request.body())
        box = self._crm.account.box(order.kind)
        if unknown := [card_id for card_id in order.ids if card_id not in box.by_id]:
            raise ControlProblem(f"no {order.kind} {unknown[:10]}")
        fields = {"responsible_user_id": order.responsible_user_id}
        patches = [CardPatch(card_id, fields) for card_id in order.ids]
        author, desk = person(self._crm, None), self._crm.desk
        if order.kind == "tasks":
            desk.change_tasks(patches, author)
        else:
            desk.change_cards(order.kind, patches, author)
        return answered({"changed": len(patches)})

    async def delete_cards(self, request: Request) -> Response:
        """Bin contacts, companies or tasks, as a person."""
        order = _SomeCards.model_validate_json(await request.body())
        box = self._crm.account.box(order.kind)
        if unknown := [card_id for card_id in order.ids if card_id not in box.by_id]:
            raise ControlProblem(f"no {order.kind} {unknown[:10]}")
        self._crm.desk.delete(order.kind, order.ids, person(self._crm, None))
        return answered({"changed": len(order.ids)})
