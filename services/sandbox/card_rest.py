"""API v4: contacts, companies and tasks, as documented."""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, get_args

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.sandbox.answers import ApiProblem, hal, nothing
from services.sandbox.card_shapes import card_json, task_json, written_cards
from services.sandbox.cards import Box, Kind
from services.sandbox.crm import Crm
from services.sandbox.exchange import author_of, crm_of_request, json_of, parts_of
from services.sandbox.paging import base_url, numbers, page_links, page_of, span
from services.sandbox.validation import card_patches_of, elements_of

_SETS = ("responsible_user_id", "created_by", "updated_by", "entity_id")
_SPANS = ("created_at", "updated_at")
_FLAGS = {"0": False, "1": True}


def card_routes() -> list[Route]:
    """The routes of all kinds."""
    return [
        route
        for kind in get_args(Kind)
        for route in (
            Route(f"/api/v4/{kind}", _listing(kind), methods=["GET"]),
            Route(f"/api/v4/{kind}", _patching(kind), methods=["PATCH"]),
            Route(f"/api/v4/{kind}/{{card_id:int}}", _showing(kind), methods=["GET"]),
        )
    ]


def _listing(kind: Kind) -> Callable[[Request], Any]:
    async def list_cards(request: Request) -> Response:
        """Answer with a page; 204 when there is none, and never a total."""
        crm, page = crm_of_request(request), page_of(request)
        found = sorted(_meant(crm.account.box(kind), request.query_params), key=lambda c: c.id)
        shown = found[page.start : page.start + page.limit]
        if not shown:
            return nothing()
        return hal(
            {
                "_page": page.number,
                "_links": page_links(request, page, has_more=page.start + page.limit < len(found)),
                "_embedded": {kind: _shown(crm, kind, shown, request)},
            }
        )

    return list_cards


def _showing(kind: Kind) -> Callable[[Request], Any]:
    async def get_card(request: Request) -> Response:
        """Answer with one; 204 when there is none."""
        crm = crm_of_request(request)
        card = crm.account.box(kind).by_id.get(request.path_params["card_id"])
        if card is None or card.is_deleted:
            return nothing()
        return hal(_shown(crm, kind, [card], request)[0])

    return get_card


def _patching(kind: Kind) -> Callable[[Request], Any]:
    async def patch_cards(request: Request) -> Response:
        """Change up to 250, all or none; the answer shows little more than their ids."""
        crm = crm_of_request(request)
        elements = elements_of(await json_of(request))
        patches = card_patches_of(crm.account, crm.knobs, kind, elements)
        box = crm.account.box(kind)
        meant = box.change(patches, by=author_of(request).user_id, now=int(time.time()))
        return hal(written_cards(kind, meant, base_url(request)))

    return patch_cards


def _meant(box: Box, params: QueryParams) -> Iterable[Any]:
    ids = numbers(params, "filter[id]")
    cards = box.by_id.values() if ids is None else (box.by_id[i] for i in ids if i in box.by_id)
    tests = [_is_one_of(n, wanted) for n in _SETS if (wanted := numbers(params, f"filter[{n}]"))]
    for name in _SPANS:
        low, high = span(params, f"filter[{name}]")
        tests.append(_is_within(name, low, high))
    if (entity_type := params.get("filter[entity_type]")) is not None:
        tests.append(lambda task: task.entity_type == entity_type)
    elif "filter[entity_id]" in {key.removesuffix("[]") for key in params}:
        raise ApiProblem(400, "filter[entity_id] needs filter[entity_type]")
    if (flag := params.get("filter[is_completed]")) is not None:
        tests.append(lambda task: task.is_completed == _FLAGS.get(flag, task.is_completed))
    return (card for card in cards if not card.is_deleted and all(test(card) for test in tests))


def _is_one_of(name: str, wanted: frozenset[int]) -> Callable[[Any], bool]:
    return lambda card: getattr(card, name, None) in wanted


def _is_within(name: str, low: int | None, high: int | None) -> Callable[[Any], bool]:
    return lambda card: (
        (low is None or getattr(card, name) >= low)
        and (high is None or getattr(card, name) <= high)
    )


def _shown(crm: Crm, kind: Kind, cards: Sequence[Any], request: Request) -> list[dict[str, Any]]:
    account, base = crm.account, base_url(request)
    if kind == "tasks":
        return [task_json(task, account.id, base) for task in cards]
    leads = account.leads_by_card(kind) if "leads" in parts_of(request) else None
    return [
        card_json(kind, card, account.id, base, None if leads is None else leads.get(card.id, ()))
        for card in cards
    ]
