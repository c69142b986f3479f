"""The hands of the person at the screen, and the window into the journal: `/sandbox/...`.

Outside the limit and without a token, because the server listens on loopback only. Nothing here
is Kommo's.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, TypeVar, get_args

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from contracts.stage import Stage
from services.sandbox.cards import Card, CardPatch, Kind, Task
from services.sandbox.crm import Crm
from services.sandbox.deeds import DeedKind, open_task
from services.sandbox.journal import redacted
from services.sandbox.model import Author, Change, LeadPatch, Trigger
from services.sandbox.sample import inbox_draft

# A bulk is cut here so that the loop breathes; a multiple of any sensible body of hooks.
_PART = 1_000
_LEADS_MAX = 200_000
_ROWS_DEFAULT = 1_000

_Item = TypeVar("_Item")


class _Order(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _LeadDraft(_Order):
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


class _CardDraft(_Order):
    responsible_user_id: int
    name: str = ""
    custom_fields_values: tuple[dict[str, Any], ...] | None = None


class _TaskDraft(_Order):
    responsible_user_id: int
    entity_id: int
    entity_type: Literal["leads", "contacts", "companies"] = "leads"
    is_completed: bool = False
    complete_till: int = 1_900_000_000


class _CreateCards(_Order):
    contacts: list[_CardDraft] = Field(default_factory=list, max_length=_LEADS_MAX)
    companies: list[_CardDraft] = Field(default_factory=list, max_length=_LEADS_MAX)
    tasks: list[_TaskDraft] = Field(default_factory=list, max_length=_LEADS_MAX)


class _HandOverCards(_Order):
    kind: Kind
    ids: list[int] = Field(max_length=_LEADS_MAX)
    responsible_user_id: int


class _CreateLeads(_Order):
    count: int = Field(default=0, ge=0, le=_LEADS_MAX)
    leads: list[_LeadDraft] = Field(default_factory=list, max_length=_LEADS_MAX)
    user_id: int | None = None
    silent: bool = False


class _SomeLeads(_Order):
    lead_ids: list[int] = Field(max_length=_LEADS_MAX)
    user_id: int | None = None


class _MoveLeads(_SomeLeads):
    pipeline_id: int
    status_id: int


class _HandOver(_SomeLeads):
    responsible_user_id: int


class _Do(_SomeLeads):
    kind: DeedKind
    silent: bool = False


class TriggerOrder(_Order):
    """A trigger to put on a stage."""

    pipeline_id: int
    status_id: int
    url: str = Field(pattern=r"^https?://[^/\s]+")
    kind: Literal["plain", "widget"] = "plain"
    settings: dict[str, str] = Field(default_factory=dict)
    fire_for_present: bool = False


class ControlProblem(Exception):
    """An order that cannot be carried out; nothing was done."""


def control_app(crm: Crm) -> Starlette:
    """Build the control API."""
    board = _Board(crm)
    paths: list[tuple[str, dict[str, Callable[[Request], Any]]]] = [
        ("/sandbox/summary", {"GET": board.summary}),
        ("/sandbox/journal/{kind}", {"GET": board.journal}),
        ("/sandbox/leads", {"GET": board.leads, "POST": board.create_leads}),
        ("/sandbox/leads/move", {"POST": board.move_leads}),
        ("/sandbox/leads/responsible", {"POST": board.hand_over}),
        ("/sandbox/leads/delete", {"POST": board.delete_leads}),
        ("/sandbox/leads/restore", {"POST": board.restore_leads}),
        ("/sandbox/cards", {"GET": board.cards, "POST": board.create_cards}),
        ("/sandbox/cards/responsible", {"POST": board.hand_over_cards}),
        ("/sandbox/leads/deeds", {"POST": board.do}),
        ("/sandbox/users/{user_id:int}/{order}", {"POST": board.change_user}),
        ("/sandbox/triggers", {"GET": board.triggers, "POST": board.add_trigger}),
        ("/sandbox/triggers/{trigger_id:int}", {"PUT": board.replace_trigger}),
        ("/sandbox/triggers/{trigger_id:int}", {"DELETE": board.delete_trigger}),
        ("/sandbox/webhooks", {"GET": board.webhooks}),
        ("/sandbox/webhooks/{webhook_id:int}/enable", {"POST": board.enable_webhook}),
        ("/sandbox/knobs", {"GET": board.knobs, "PUT": board.turn_knobs}),
    ]
    routes = [
        Route(path, endpoint, methods=[method])
        for path, endpoints in paths
        for method, endpoint in endpoints.items()
    ]
    return Starlette(
        routes=routes,
        exception_handlers={ValidationError: _invalid_order, ControlProblem: _impossible_order},
    )


def _json(content: object, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")


async def _invalid_order(_: Request, error: Exception) -> Response:
    return _json({"error": str(error)}, 422)


async def _impossible_order(_: Request, error: Exception) -> Response:
    return _json({"error": str(error)}, 409)


class _Board:
    """The endpoints."""

    def __init__(self, crm: Crm) -> None:
        self._crm = crm

    async def summary(self, _: Request) -> Response:
        """Count what has happened so far."""
        crm = self._crm
        counts = Counter(crm.journal.counts)
        return _json(
            {
                **dict(sorted(counts.items())),
                "leads_total": len(crm.account.leads),
                "leads_patched_by_api": len(crm.journal.patched),
                "leads_patched_differently": len(crm.journal.patched_differently),
                "hooks_pending": crm.deliveries.pending,
            }
        )

    async def journal(self, request: Request) -> Response:
        """List rows of one journal, oldest first, from `after` on."""
        rows: Iterable[Any]
        match request.path_params["kind"]:
            case "requests":
                rows = self._crm.journal.requests
            case "deliveries":
                rows = self._crm.journal.deliveries
            case "responsibles":
                rows = self._crm.journal.responsibles
            case kind:
                raise ControlProblem(f"no journal is called {kind}")
        params = request.query_params
        after, limit = _number(params.get("after"), 0), _number(params.get("limit"), _ROWS_DEFAULT)
        tests = _row_tests(dict(params))
        found = []
        for row in rows:
            if row.seq > after and all(test(row) for test in tests):
                found.append(row)
                if len(found) >= limit:
                    break
        return _json({"rows": found})

    async def leads(self, _: Request) -> Response:
        """List all leads: id, pipeline, status, responsible, updated_at, deleted."""
        return _json(
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
        drafts = [inbox_draft(number) for number in range(first, first + order.count)]
        for lead in order.leads:
            given = {key: value for key, value in lead if value is not None}
            drafts.append({**inbox_draft(0), **given})
        for draft in drafts:
            self._need_stage(Stage(_whole(draft["pipeline_id"]), _whole(draft["status_id"])))
        author = self._person(order.user_id)
        changes = await _in_parts(
            drafts, lambda part: self._crm.create(part, author, silent=order.silent)
        )
        return _json({"lead_ids": [change.lead.id for change in changes]}, 201)

    async def move_leads(self, request: Request) -> Response:
        """Move leads to a stage as one bulk action of a person; hooks and triggers fire."""
        order = _MoveLeads.model_validate_json(await request.body())
        self._need_stage(Stage(order.pipeline_id, order.status_id))
        fields = {"pipeline_id": order.pipeline_id, "status_id": order.status_id}
        return await self._changed(order, fields)

    async def hand_over(self, request: Request) -> Response:
        """Make a user responsible for leads, as a person."""
        order = _HandOver.model_validate_json(await request.body())
        if order.responsible_user_id not in self._crm.account.users:
            raise ControlProblem(f"no user {order.responsible_user_id}")
        return await self._changed(order, {"responsible_user_id": order.responsible_user_id})

    async def _changed(self, order: _SomeLeads, fields: dict[str, Any]) -> Response:
        author = self._person(order.user_id)
        patches = [LeadPatch(lead_id, fields) for lead_id in self._known(order.lead_ids)]
        changes = await _in_parts(patches, lambda part: self._crm.change(part, author))
        return _json({"changed": len(changes)})

    async def delete_leads(self, request: Request) -> Response:
        """Bin leads."""
        order = _SomeLeads.model_validate_json(await request.body())
        author = self._person(order.user_id)
        lead_ids = self._known(order.lead_ids)
        changes = await _in_parts(lead_ids, lambda part: self._crm.delete(part, author))
        return _json({"changed": len(changes)})

    async def restore_leads(self, request: Request) -> Response:
        """Take leads out of the bin."""
        order = _SomeLeads.model_validate_json(await request.body())
        author = self._person(order.user_id)
        lead_ids = self._known(order.lead_ids)
        changes = await _in_parts(lead_ids, lambda part: self._crm.restore(part, author))
        return _json({"changed": len(changes)})

    async def cards(self, _: Request) -> Response:
        """List who is responsible for each contact, company and task."""
        kinds: tuple[Kind, ...] = get_args(Kind)
        return _json(
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
        drafts: dict[Kind, tuple[type[Any], Sequence[_Order]]] = {
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
        return _json(made, 201)

    async def hand_over_cards(self, request: Request) -> Response:
        """Make a user responsible for contacts, companies or tasks, as a person."""
        order = _HandOverCards.model_validate_json(await request.body())
        box = self._crm.account.box(order.kind)
        if unknown := [card_id for card_id in order.ids if card_id not in box.by_id]:
            raise ControlProblem(f"no {order.kind} {unknown[:10]}")
        fields = {"responsible_user_id": order.responsible_user_id}
        patches = [CardPatch(card_id, fields) for card_id in order.ids]
        box.change(patches, by=self._crm.account.admin_id(), now=int(time.time()))
        return _json({"changed": len(patches)})

    async def do(self, request: Request) -> Response:
        """Write notes, call, send messages, make or complete tasks, as a person or robot (0)."""
        order = _Do.model_validate_json(await request.body())
        lead_ids = self._known(order.lead_ids)
        account = self._crm.account
        done_already = [i for i in lead_ids if open_task(account, i) is None]
        if order.kind == "task_completed" and done_already:
            raise ControlProblem(f"no open task of leads {done_already[:10]}")
        user_id = account.admin_id() if order.user_id is None else order.user_id
        done = self._crm.do(order.kind, lead_ids, user_id=user_id, silent=order.silent)
        return _json({"done": done})

    async def change_user(self, request: Request) -> Response:
        """Activate, deactivate or delete a user; his leads keep his id."""
        users, user_id = self._crm.account.users, request.path_params["user_id"]
        if user_id not in users:
            raise ControlProblem(f"no user {user_id}")
        match request.path_params["order"]:
            case "activate":
                users[user_id].is_active = True
            case "deactivate":
                users[user_id].is_active = False
            case "delete":
                del users[user_id]
            case order:
                raise ControlProblem(f"no order {order} for users")
        return _json({"user_id": user_id})

    async def triggers(self, _: Request) -> Response:
        """List the triggers, their secret paths left out."""
        return _json(
            {
                "triggers": [
                    {
                        "id": trigger.id,
                        "pipeline_id": trigger.stage.pipeline_id,
                        "status_id": trigger.stage.status_id,
                        "url": redacted(trigger.destination),
                        "kind": trigger.kind,
                        "settings": dict(trigger.settings),
                    }
                    for trigger in self._crm.account.triggers.values()
                ]
            }
        )

    async def add_trigger(self, request: Request) -> Response:
        """Put a trigger on a stage."""
        order = TriggerOrder.model_validate_json(await request.body())
        trigger = self._trigger(self._crm.account.new_hook_id(), order)
        self._crm.add_trigger(trigger, fire_for_present=order.fire_for_present)
        return _json({"id": trigger.id}, 201)

    async def replace_trigger(self, request: Request) -> Response:
        """Change a trigger."""
        order = TriggerOrder.model_validate_json(await request.body())
        trigger = self._trigger(self._known_trigger_id(request), order)
        self._crm.add_trigger(trigger, fire_for_present=order.fire_for_present)
        return _json({"id": trigger.id})

    async def delete_trigger(self, request: Request) -> Response:
        """Take a trigger off its stage."""
        trigger_id = self._known_trigger_id(request)
        del self._crm.account.triggers[trigger_id]
        return _json({"id": trigger_id})

    def _trigger(self, trigger_id: int, order: TriggerOrder) -> Trigger:
        stage = Stage(order.pipeline_id, order.status_id)
        self._need_stage(stage)
        return Trigger(
            id=trigger_id,
            stage=stage,
            destination=order.url,
            kind=order.kind,
            settings=order.settings,
        )

    def _known_trigger_id(self, request: Request) -> int:
        trigger_id: int = request.path_params["trigger_id"]
        if trigger_id not in self._crm.account.triggers:
            raise ControlProblem(f"no trigger {trigger_id}")
        return trigger_id

    async def webhooks(self, _: Request) -> Response:
        """List the account webhooks, their secret paths left out."""
        return _json(
            {
                "webhooks": [
                    {
                        "id": subscription.id,
                        "destination": redacted(subscription.destination),
                        "settings": list(subscription.settings),
                        "disabled": subscription.disabled,
                    }
                    for subscription in self._crm.account.subscriptions.values()
                ]
            }
        )

    async def enable_webhook(self, request: Request) -> Response:
        """Press Save in the settings of a webhook that was switched off."""
        webhook_id: int = request.path_params["webhook_id"]
        for subscription in self._crm.account.subscriptions.values():
            if subscription.id == webhook_id:
                self._crm.deliveries.forgive(subscription)
                return _json({"id": webhook_id})
        raise ControlProblem(f"no webhook {webhook_id}")

    async def knobs(self, _: Request) -> Response:
        """Show all knobs as they stand."""
        return _json(self._crm.knobs.model_dump())

    async def turn_knobs(self, request: Request) -> Response:
        """Turn the given knobs, all or none."""
        try:
            values = orjson.loads(await request.body())
        except orjson.JSONDecodeError:
            values = None
        if not isinstance(values, dict):
            raise ControlProblem("knobs come as a JSON object")
        self._crm.knobs.turn(values)
        return _json(self._crm.knobs.model_dump())

    def _person(self, user_id: int | None) -> Author:
        return Author("human", self._crm.account.admin_id() if user_id is None else user_id)

    def _need_stage(self, stage: Stage) -> None:
        if not self._crm.account.has_stage(stage):
            raise ControlProblem(f"no status {stage.status_id} in pipeline {stage.pipeline_id}")

    def _known(self, lead_ids: Iterable[int]) -> list[int]:
        known = list(dict.fromkeys(lead_ids))
        unknown = [lead_id for lead_id in known if lead_id not in self._crm.account.leads]
        if unknown:
            raise ControlProblem(f"no leads {unknown[:10]}")
        return known


async def _in_parts(
    items: Sequence[_Item], act: Callable[[Sequence[_Item]], list[Change]]
) -> list[Change]:
    changes: list[Change] = []
    for start in range(0, len(items), _PART):
        changes.extend(act(items[start : start + _PART]))
        await asyncio.sleep(0)
    return changes


def _row_tests(params: dict[str, str]) -> list[Callable[[Any], bool]]:
    """Filters of journals: `lead_id`, and any column by its exact value; `path` by its start."""
    tests: list[Callable[[Any], bool]] = []
    for name, value in params.items():
        if name in {"after", "limit"}:
            continue
        tests.append(_row_test(name, value))
    return tests


def _row_test(name: str, value: str) -> Callable[[Any], bool]:
    match name:
        case "lead_id":
            wanted = _number(value, 0)
            return lambda row: (
                row.lead_id == wanted
                if hasattr(row, "lead_id")
                else wanted in getattr(row, "lead_ids", ())
            )
        case "path":
            return lambda row: getattr(row, "path", "").startswith(value)
        case "method" | "status" | "hook" | "via" | "source" | "attempt" | "number" | "new" | "old":
            return lambda row: str(getattr(row, name, None)) == value
        case _:
            raise ControlProblem(f"journals cannot be filtered by {name}")


def _number(text: str | None, default: int) -> int:
    if text is None:
        return default
    if not text.isascii() or not text.isdigit():
        raise ControlProblem(f"{text[:20]!r} is no number")
    return int(text[:18])


def _whole(value: object) -> int:
    assert isinstance(value, int), "drafts name stages by number"  # noqa: S101
    return value
