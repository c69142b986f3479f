"""API v4: links between leads, contacts and companies, as documented."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, get_args

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.sandbox.answers import ApiProblem, hal, invalid, nothing
from services.sandbox.checking import (
    Fault,
    elements_of,
    is_integer,
    missing,
    no_choice,
    request_ids,
    wrong_type,
)
from services.sandbox.exchange import author_of, crm_of_request, json_of
from services.sandbox.filters import known_filters
from services.sandbox.links import Link, can_link, cut_link, links_of, set_link
from services.sandbox.model import CrmAccount
from services.sandbox.notes import Owner
from services.sandbox.paging import base_url, numbers, texts
from services.sandbox.shapes import link as self_link

_FILTERS: Final = ("entity_id", "to_entity_id", "to_entity_type", "to_catalog_id")
_Endpoint = Callable[[str, Request], Any]


def link_routes() -> list[Route]:
    """The routes of all three kinds."""
    endpoints: Sequence[tuple[str, str, _Endpoint]] = (
        ("/links", "GET", _list_many),
        ("/{entity_id:int}/links", "GET", _list_one),
        ("/{entity_id:int}/link", "POST", _link),
        ("/{entity_id:int}/unlink", "POST", _unlink),
    )
    return [
        Route(f"/api/v4/{kind}{path}", _bound(endpoint, kind), methods=[method])
        for kind in get_args(Owner)
        for path, method, endpoint in endpoints
    ]


def _bound(endpoint: _Endpoint, kind: str) -> Callable[[Request], Any]:
    async def bound(request: Request) -> Response:
        answer: Response = await endpoint(kind, request)
        return answer

    return bound


async def _list_one(kind: str, request: Request) -> Response:
    """Answer with the links of one; they have no pages."""
    account, entity_id = crm_of_request(request).account, request.path_params["entity_id"]
    if not account.has_entity(kind, entity_id):
        raise ApiProblem(404, "Entity not found")
    return _listed(request, _filtered(request, links_of(account, kind, entity_id)))


async def _list_many(kind: str, request: Request) -> Response:
    """Answer with the links of several, which have to be named."""
    account = crm_of_request(request).account
    ids = numbers(request.query_params, "filter[entity_id]")
    if not ids:
        raise ApiProblem(400, "filter[entity_id] is required")
    found = [
        link
        for entity_id in sorted(ids)
        if account.has_entity(kind, entity_id)
        for link in links_of(account, kind, entity_id)
    ]
    return _listed(request, _filtered(request, found))


def _filtered(request: Request, links: Iterable[Link]) -> list[Link]:
    params = request.query_params
    known_filters(params, _FILTERS)
    ids = numbers(params, "filter[to_entity_id]")
    kinds = frozenset(texts(params, "filter[to_entity_type]"))
    return [
        link
        for link in links
        if (ids is None or link.to_entity_id in ids) and (not kinds or link.to_entity_type in kinds)
    ]


async def _link(kind: str, request: Request) -> Response:
    links, author = await _asked(kind, request), author_of(request)
    for link in links:
        set_link(crm_of_request(request), link, author)
    return _listed(request, links)


async def _unlink(kind: str, request: Request) -> Response:
    links, author = await _asked(kind, request), author_of(request)
    for link in links:
        cut_link(crm_of_request(request), link, author)
    return nothing()


async def _asked(kind: str, request: Request) -> list[Link]:
    """Read what is to be linked to what.

    Raises:
        ApiProblem: One end is unknown, or they cannot be linked; nothing was done.
    """
    account, entity_id = crm_of_request(request).account, request.path_params["entity_id"]
    elements = elements_of(await json_of(request))
    if not account.has_entity(kind, entity_id):
        raise ApiProblem(404, "Entity not found")
    errors = {
        name: wrong
        for name, element in zip(request_ids(elements), elements, strict=True)
        if (wrong := _wrong(account, kind, element))
    }
    if errors:
        raise invalid(errors)
    return [
        Link(
            entity_type=kind,
            entity_id=entity_id,
            to_entity_type=element["to_entity_type"],
            to_entity_id=element["to_entity_id"],
            is_main=(element.get("metadata") or {}).get("is_main"),
        )
        for element in elements
    ]


def _wrong(account: CrmAccount, kind: str, element: Mapping[str, Any]) -> list[Fault]:
    absent = [name for name in ("to_entity_id", "to_entity_type") if name not in element]
    if absent:
        return [missing(name) for name in absent]
    to_kind, to_id = element["to_entity_type"], element["to_entity_id"]
    metadata = element.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        return [wrong_type("metadata", "object")]
    if not isinstance(to_kind, str) or not can_link(kind, to_kind):
        return [no_choice("to_entity_type")]
    if not is_integer(to_id) or not account.has_entity(to_kind, to_id):
        return [no_choice("to_entity_id")]
    return []


def _listed(request: Request, links: Sequence[Link]) -> Response:
    return hal(
        {
            "_total_items": len(links),
            "_links": self_link(f"{base_url(request)}{request.url.path}"),
            "_embedded": {"links": [_written(link) for link in links]},
        }
    )


def _written(link: Link) -> dict[str, Any]:
    is_contact = link.to_entity_type == "contacts"
    metadata = {"main_contact": bool(link.is_main)} if is_contact else None
    return {
        "entity_id": link.entity_id,
        "entity_type": link.entity_type,
        "to_entity_id": link.to_entity_id,
        "to_entity_type": link.to_entity_type,
        "metadata": metadata,
    }
