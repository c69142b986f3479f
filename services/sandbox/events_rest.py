"""API v4: the list of events, as documented.

A message in a talk is found only by the contact it went to, and shown as the lead's: a known oddity
that the documentation tells of.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.sandbox.answers import ApiProblem, hal, nothing
from services.sandbox.event_filters import value_tests
from services.sandbox.event_types import TYPES
from services.sandbox.exchange import crm_of_request
from services.sandbox.filters import known_filters
from services.sandbox.happenings import Happening
from services.sandbox.paging import base_url, numbers, page_links, page_of, span, texts
from services.sandbox.shapes import link

PAGE_MAX: Final = 100
IDS_MAX: Final = 10
_FILTERS: Final = (
    "id",
    "created_at",
    "created_by",
    "entity",
    "entity_id",
    "type",
    "value_before",
    "value_after",
)
PATHS: Final = {"lead": "leads", "contact": "contacts", "company": "companies", "task": "tasks"}

_Test = Callable[[Happening], bool]


def event_routes() -> list[Route]:
    """The routes of events."""
    return [
        Route("/api/v4/events", list_events),
        Route("/api/v4/events/types", list_types),
        Route("/api/v4/events/{event_id}", get_event),
    ]


async def list_events(request: Request) -> Response:
    """Answer with a page, the newest first; 204 when there is none."""
    crm, page = crm_of_request(request), page_of(request)
    if page.limit > PAGE_MAX:
        raise ApiProblem(422, f"Limit {PAGE_MAX} per page")
    tests = _tests(request.query_params)
    found = [each for each in reversed(crm.happenings.kept) if all(test(each) for test in tests)]
    shown = found[page.start : page.start + page.limit]
    if not shown:
        return nothing()
    base, account_id = base_url(request), crm.account.id
    return hal(
        {
            "_page": page.number,
            "_links": page_links(request, page, has_more=page.start + page.limit < len(found)),
            "_embedded": {"events": [event_json(each, account_id, base) for each in shown]},
        }
    )


async def list_types(request: Request) -> Response:
    """Answer with all types; texts are English whatever `language_code` is."""
    items = [{"key": k, "type": number, "lang": text} for k, (text, number) in TYPES.items()]
    return hal(
        {
            "_total_items": len(items),
            "_links": link(f"{base_url(request)}/api/v4/events/types"),
            "_embedded": {"events_types": items},
        }
    )


async def get_event(request: Request) -> Response:
    """Answer with one event; 204 when there is none."""
    crm, wanted = crm_of_request(request), request.path_params["event_id"]
    for each in reversed(crm.happenings.kept):
        if each.id == wanted:
            return hal(event_json(each, crm.account.id, base_url(request)))
    return nothing()


def event_json(happening: Happening, account_id: int, base: str) -> Mapping[str, Any]:
    """Write one event."""
    entity_id, kind = happening.entity_id, happening.entity_type
    entity = {"id": entity_id, "_links": link(f"{base}/api/v4/{PATHS[kind]}/{entity_id}")}
    content = {
        "id": happening.id,
        "type": happening.type,
        "entity_id": entity_id,
        "entity_type": kind,
        "created_by": happening.created_by,
        "created_at": happening.created_at,
        "value_after": list(happening.value_after),
        "value_before": list(happening.value_before),
        "account_id": account_id,
        "_links": link(f"{base}/api/v4/events/{happening.id}"),
        "_embedded": {"entity": entity},
    }
    if happening.contact_id is not None:
        content["linked_talk_contact_id"] = happening.contact_id
    return content


def _tests(params: QueryParams) -> list[_Test]:
    known_filters(params, _FILTERS)
    low, high = span(params, "filter[created_at]")
    entities = frozenset(texts(params, "filter[entity]"))
    entity_ids = numbers(params, "filter[entity_id]")
    types = frozenset(texts(params, "filter[type]"))
    authors = numbers(params, "filter[created_by]")
    if entity_ids is not None and len(entities) != 1:
        raise ApiProblem(400, "filter[entity_id] needs exactly one filter[entity]")
    if any(some is not None and len(some) > IDS_MAX for some in (entity_ids, authors)):
        raise ApiProblem(400, f"a filter takes at most {IDS_MAX} ids")
    tests: list[_Test] = [
        lambda each: (
            (low is None or each.created_at >= low) and (high is None or each.created_at <= high)
        )
    ]
    if entities:
        tests.append(lambda each: each.found_as[0] in entities)
    if entity_ids is not None:
        tests.append(lambda each: each.found_as[1] in entity_ids)
    if ids := frozenset(texts(params, "filter[id]")):
        tests.append(lambda each: each.id in ids)
    if types:
        tests.append(lambda each: each.type in types)
    if authors is not None:
        tests.append(lambda each: each.created_by in authors)
    for name in ("value_before", "value_after"):
        tests.extend(value_tests(params, name))
    return tests
