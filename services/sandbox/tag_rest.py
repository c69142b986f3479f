"""API v4: the tags of leads, contacts and companies, as documented."""

from collections.abc import Callable
from typing import Any, get_args

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.sandbox.answers import hal, invalid
from services.sandbox.checking import elements_of, is_text, missing, request_ids
from services.sandbox.exchange import crm_of_request, json_of
from services.sandbox.filters import known_filters
from services.sandbox.notes import Owner
from services.sandbox.paging import base_url, listed, numbers, texts
from services.sandbox.shapes import link


def tag_routes() -> list[Route]:
    """The routes of all kinds."""
    return [
        Route(f"/api/v4/{kind}/tags", endpoint(kind), methods=[method])
        for kind in get_args(Owner)
        for method, endpoint in (("GET", _listing), ("POST", _posting))
    ]


def _listing(kind: str) -> Callable[[Request], Any]:
    async def list_tags(request: Request) -> Response:
        """Answer with a page of tags."""
        params = request.query_params
        known_filters(params, ("id", "name"))
        ids, names = numbers(params, "filter[id]"), frozenset(texts(params, "filter[name]"))
        words = params.get("query", "").casefold()
        found = [
            (tag_id, name)
            for tag_id, name in crm_of_request(request).account.tags[kind].by_id.items()
            if (ids is None or tag_id in ids)
            and (not names or name in names)
            and words in name.casefold()
        ]
        return listed(
            request, "tags", found, lambda tag: {"id": tag[0], "name": tag[1], "color": None}
        )

    return list_tags


def _posting(kind: str) -> Callable[[Request], Any]:
    async def post_tags(request: Request) -> Response:
        """Make tags; one of that name is answered as it is."""
        book = crm_of_request(request).account.tags[kind]
        elements = elements_of(await json_of(request))
        names = request_ids(elements)
        if errors := {
            request_id: [missing("name")]
            for request_id, element in zip(names, elements, strict=True)
            if not is_text(element.get("name")) or not element["name"]
        }:
            raise invalid(errors)
        items = [
            {
                "id": book.named(element["name"]),
                "name": element["name"],
                "color": None,
                "request_id": request_id,
            }
            for request_id, element in zip(names, elements, strict=True)
        ]
        return hal(
            {
                "_total_items": len(items),
                "_links": link(f"{base_url(request)}/api/v4/{kind}/tags"),
                "_embedded": {"tags": items},
            }
        )

    return post_tags
