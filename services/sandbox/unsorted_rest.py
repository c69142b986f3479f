"""API v4: incoming leads, as documented."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.sandbox.answers import ApiProblem, hal
from services.sandbox.checking import elements_of, object_of
from services.sandbox.exchange import author_of, crm_of_request, json_of, user_id_of
from services.sandbox.filters import known_filters, membership, within
from services.sandbox.model import CrmAccount
from services.sandbox.paging import base_url, listed, order_of, texts
from services.sandbox.shapes import link
from services.sandbox.unsorted import Category, IncomingLead, accept, decline, receive
from services.sandbox.unsorted_input import incoming_drafts_of

_PATH: Final = "/api/v4/leads/unsorted"
_CATEGORIES: Final = ("sip", "mail", "forms", "chats")


def unsorted_routes() -> list[Route]:
    """The routes of incoming leads: only forms and calls can be made."""
    return [
        Route(_PATH, list_unsorted, methods=["GET"]),
        Route(f"{_PATH}/summary", summary, methods=["GET"]),
        Route(f"{_PATH}/forms", _posting("forms"), methods=["POST"]),
        Route(f"{_PATH}/sip", _posting("sip"), methods=["POST"]),
        Route(f"{_PATH}/{{uid}}", get_unsorted, methods=["GET"]),
        Route(f"{_PATH}/{{uid}}/accept", post_accept, methods=["POST"]),
        Route(f"{_PATH}/{{uid}}/decline", delete_decline, methods=["DELETE"]),
        Route(f"{_PATH}/{{uid}}/link", post_link, methods=["POST"]),
    ]


async def list_unsorted(request: Request) -> Response:
    """Answer with a page of those that wait."""
    account, params = crm_of_request(request).account, request.query_params
    known_filters(params, ("uid", "category", "pipeline_id"))
    found = [entry for entry in _meant(account, params) if entry.outcome is None]
    order, descending = order_of(params, ("created_at", "updated_at"))
    if order != "id":
        # An entry that waits has not been changed since it came.
        found.sort(key=lambda entry: (entry.created_at, entry.lead_id), reverse=descending)
    return listed(request, "unsorted", found, partial(_written, request))


def _meant(account: CrmAccount, params: QueryParams) -> Sequence[IncomingLead]:
    uids, categories = (frozenset(texts(params, f"filter[{n}]")) for n in ("uid", "category"))
    tests = [*membership(params, "pipeline_id"), *within(params, "created_at")]
    return [
        entry
        for entry in account.unsorted.values()
        if (not uids or entry.uid in uids)
        and (not categories or entry.category in categories)
        and all(test(entry) for test in tests)
    ]


async def get_unsorted(request: Request) -> Response:
    """Answer with one that waits."""
    return hal(_written(request, _waiting(request)))


def _posting(category: Category) -> Callable[[Request], Any]:
    async def post_unsorted(request: Request) -> Response:
        """Let incoming leads come, all or none."""
        crm, elements = crm_of_request(request), elements_of(await json_of(request))
        user_id, author = user_id_of(request), author_of(request)
        drafts = incoming_drafts_of(crm.account, crm.knobs, category, elements, user_id)
        entries = [receive(crm, *draft, author) for draft in drafts]
        items = [
            {
                "uid": entry.uid,
                "account_id": crm.account.id,
                "request_id": entry.request_id,
                "_links": _self(request, entry),
                "_embedded": _embedded(request, entry),
            }
            for entry in entries
        ]
        return hal(
            {
                "_total_items": len(items),
                "_links": link(f"{base_url(request)}{_PATH}/{category}"),
                "_embedded": {"unsorted": items},
            }
        )

    return post_unsorted


async def post_accept(request: Request) -> Response:
    """Accept one: it goes to a user, into a column of its pipeline, by default the first."""
    crm, entry = crm_of_request(request), _waiting(request)
    order = object_of(await json_of(request) if await request.body() else {})
    pipeline = crm.account.pipelines[entry.pipeline_id]
    user_id = order.get("user_id", user_id_of(request))
    status_id = order.get("status_id", pipeline.first_status_id())
    user = crm.account.users.get(user_id)
    if user is None or not user.is_active:
        raise ApiProblem(400, "User not found")
    if not pipeline.has(status_id):
        raise ApiProblem(400, "Status not found")
    accepted = accept(crm, entry, user_id=user_id, status_id=status_id, author=author_of(request))
    return hal(_outcome(request, accepted))


async def delete_decline(request: Request) -> Response:
    """Decline one."""
    crm, entry = crm_of_request(request), _waiting(request)
    order = object_of(await json_of(request) if await request.body() else {})
    user_id = order.get("user_id", user_id_of(request))
    return hal(_outcome(request, decline(crm, entry, user_id=user_id, author=author_of(request))))


async def post_link(request: Request) -> Response:
    """Make an incoming chat a part of a lead that exists: it is no lead of its own any more."""
    crm, entry = crm_of_request(request), _waiting(request)
    given = object_of(await json_of(request)).get("link")
    target = given if isinstance(given, dict) else {}
    lead_id = target.get("entity_id")
    if entry.category != "chats":
        raise ApiProblem(400, "Only chats can be linked")
    if target.get("entity_type") != "leads" or not crm.account.has_entity("leads", lead_id or 0):
        raise ApiProblem(400, "Entity not found")
    decline(crm, entry, user_id=user_id_of(request), author=author_of(request))
    leads = [{"id": lead_id, "_links": link(f"{base_url(request)}/api/v4/leads/{lead_id}")}]
    return hal({"uid": entry.uid, "_embedded": {"leads": leads}})


async def summary(request: Request) -> Response:
    """Count what came and what became of it."""
    params = request.query_params
    known_filters(params, ("uid", "created_at", "pipeline_id"))
    entries = _meant(crm_of_request(request).account, params)
    outcomes = Counter(entry.outcome for entry in entries)
    categories = Counter(entry.category for entry in entries)
    waits = [e.sorted_at - e.created_at for e in entries if e.sorted_at is not None]
    return hal(
        {
            "total": len(entries),
            "accepted": outcomes["accept"],
            "declined": outcomes["decline"],
            "average_sort_time": sum(waits) // len(waits) if waits else 0,
            "categories": {name: {"total": categories[name]} for name in _CATEGORIES},
            "_links": link(f"{base_url(request)}{_PATH}/summary"),
        }
    )


def _waiting(request: Request) -> IncomingLead:
    entry: IncomingLead | None = crm_of_request(request).account.unsorted.get(
        request.path_params["uid"]
    )
    if entry is None or entry.outcome is not None:
        raise ApiProblem(404, "Unsorted not found")
    return entry


def _written(request: Request, entry: IncomingLead) -> dict[str, Any]:
    return {
        "uid": entry.uid,
        "source_uid": entry.source_uid,
        "source_name": entry.source_name,
        "category": entry.category,
        "pipeline_id": entry.pipeline_id,
        "created_at": entry.created_at,
        "metadata": dict(entry.metadata),
        "account_id": crm_of_request(request).account.id,
        "_links": _self(request, entry),
        "_embedded": _embedded(request, entry),
    }


def _outcome(request: Request, entry: IncomingLead) -> dict[str, Any]:
    return {
        "uid": entry.uid,
        "pipeline_id": entry.pipeline_id,
        "category": entry.category,
        "created_at": entry.created_at,
        "_embedded": _embedded(request, entry),
    }


def _self(request: Request, entry: IncomingLead) -> dict[str, Any]:
    return link(f"{base_url(request)}{_PATH}/{entry.uid}")


def _embedded(request: Request, entry: IncomingLead) -> dict[str, Any]:
    base = base_url(request)
    linked = {
        "contacts": entry.contact_ids,
        "leads": (entry.lead_id,),
        "companies": entry.company_ids,
    }
    return {
        kind: [{"id": each, "_links": link(f"{base}/api/v4/{kind}/{each}")} for each in ids]
        for kind, ids in linked.items()
    }
