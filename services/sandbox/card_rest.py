"""API v4: contacts and companies, as documented."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, get_args

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.sandbox.answers import hal, nothing
from services.sandbox.card_input import card_drafts_of, card_patches_of
from services.sandbox.card_query import find_cards
from services.sandbox.card_shapes import card_json
from services.sandbox.cards import Card, CardKind, CardPatch
from services.sandbox.checking import elements_of, object_of, request_ids
from services.sandbox.exchange import author_of, crm_of_request, json_of, parts_of, user_id_of
from services.sandbox.paging import base_url, listed
from services.sandbox.shapes import made_json, written_json, written_list

_Endpoint = Callable[[Request], Any]


def card_routes() -> list[Route]:
    """The routes of both kinds."""
    endpoints: Sequence[tuple[str, str, Callable[[CardKind, Request], Any]]] = (
        ("", "GET", _list),
        ("", "POST", _post),
        ("", "PATCH", _patch),
        ("/{card_id:int}", "GET", _get),
        ("/{card_id:int}", "PATCH", _patch_one),
    )
    return [
        Route(f"/api/v4/{kind}{path}", _bound(endpoint, kind), methods=[method])
        for kind in get_args(CardKind)
        for path, method, endpoint in endpoints
    ]


def _bound(endpoint: Callable[[CardKind, Request], Any], kind: CardKind) -> _Endpoint:
    async def bound(request: Request) -> Response:
        answer: Response = await endpoint(kind, request)
        return answer

    return bound


async def _list(kind: CardKind, request: Request) -> Response:
    found = find_cards(crm_of_request(request).account, kind, request.query_params)
    return listed(request, kind, found, _writer(kind, request))


async def _get(kind: CardKind, request: Request) -> Response:
    card = crm_of_request(request).account.box(kind).shown(request.path_params["card_id"])
    return nothing() if card is None else hal(_writer(kind, request)(card))


async def _post(kind: CardKind, request: Request) -> Response:
    crm, elements = crm_of_request(request), elements_of(await json_of(request))
    drafts = card_drafts_of(crm.account, crm.knobs, kind, elements, user_id_of(request))
    cards = crm.desk.add_cards(kind, drafts, author_of(request))
    base = base_url(request)
    items = [
        {"id": card.id, "request_id": name, **_link(base, kind, card)}
        for card, name in zip(cards, request_ids(elements), strict=True)
    ]
    return hal(made_json(base, kind, items))


async def _patch(kind: CardKind, request: Request) -> Response:
    """Change up to 250, all or none; the answer shows little more than their ids."""
    crm, elements = crm_of_request(request), elements_of(await json_of(request))
    patches = card_patches_of(crm.account, crm.knobs, kind, elements)
    cards = crm.desk.change_cards(kind, patches, author_of(request))
    return hal(written_list(base_url(request), kind, cards))


async def _patch_one(kind: CardKind, request: Request) -> Response:
    crm, element = crm_of_request(request), object_of(await json_of(request))
    element = {**element, "id": request.path_params["card_id"]}
    patches: list[CardPatch] = card_patches_of(crm.account, crm.knobs, kind, [element])
    (card,) = crm.desk.change_cards(kind, patches, author_of(request))
    return hal(written_json(base_url(request), kind, card, element.get("request_id")))


def _link(base: str, kind: CardKind, card: Card) -> Mapping[str, Any]:
    return {"_links": {"self": {"href": f"{base}/api/v4/{kind}/{card.id}"}}}


def _writer(kind: CardKind, request: Request) -> Callable[[Card], Mapping[str, Any]]:
    """Write one; its leads come only with `with=leads`."""
    account, base = crm_of_request(request).account, base_url(request)
    leads = account.leads_by_card(kind) if "leads" in parts_of(request) else None
    due = account.closest_tasks(kind)
    staff = account.contacts_by_company() if kind == "companies" else {}
    contacts = staff if "contacts" in parts_of(request) else None
    return partial(card_json, kind, account.id, base, leads, contacts, due)
