"""API v4: leads, as documented."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.sandbox.answers import ApiProblem, hal, nothing
from services.sandbox.checking import elements_of, object_of, request_ids
from services.sandbox.exchange import author_of, crm_of_request, json_of, parts_of, user_id_of
from services.sandbox.lead_input import drafts_of, patches_of
from services.sandbox.lead_query import lead_query
from services.sandbox.model import CrmLead
from services.sandbox.paging import base_url, listed
from services.sandbox.shapes import lead_json, link, made_json, written_json, written_list


def lead_routes() -> list[Route]:
    """The routes of leads."""
    return [
        Route("/api/v4/leads", list_leads, methods=["GET"]),
        Route("/api/v4/leads", patch_leads, methods=["PATCH"]),
        Route("/api/v4/leads", post_leads, methods=["POST"]),
        Route("/api/v4/leads/{lead_id:int}", get_lead, methods=["GET"]),
        Route("/api/v4/leads/{lead_id:int}", patch_lead, methods=["PATCH"]),
    ]


async def list_leads(request: Request) -> Response:
    """Answer with a page of leads; 204 when there is none, and never a total."""
    account = crm_of_request(request).account
    found = lead_query(account, request.query_params).find(account)
    return listed(request, "leads", found, _writer(request))


async def get_lead(request: Request) -> Response:
    """Answer with one lead; 204 when there is none."""
    account = crm_of_request(request).account
    lead = account.leads.get(request.path_params["lead_id"])
    parts = parts_of(request)
    if lead is None or (lead.is_deleted and "only_deleted" not in parts):
        return nothing()
    return hal(_writer(request)(lead))


async def patch_leads(request: Request) -> Response:
    """Change up to 250 leads, all or none; the answer shows little more than their ids."""
    elements = elements_of(await json_of(request))
    if 0 < crm_of_request(request).knobs.timeout_above < len(elements):
        raise ApiProblem(504, "The request took too long")
    leads = _patched(request, elements)
    return hal(written_list(base_url(request), "leads", leads))


async def patch_lead(request: Request) -> Response:
    """Change one lead."""
    element = object_of(await json_of(request))
    (lead,) = _patched(request, [{**element, "id": request.path_params["lead_id"]}])
    return hal(written_json(base_url(request), "leads", lead, element.get("request_id")))


def _patched(request: Request, elements: list[Any]) -> list[CrmLead]:
    crm = crm_of_request(request)
    patches = patches_of(crm.account, crm.knobs, elements)
    for patch in patches:
        crm.journal.note_patch(patch.lead_id, patch.fields)
    crm.change(patches, author_of(request))
    return [crm.account.leads[patch.lead_id] for patch in patches]


async def post_leads(request: Request) -> Response:
    """Make leads."""
    crm, elements = crm_of_request(request), elements_of(await json_of(request))
    drafts = drafts_of(crm.account, crm.knobs, elements, user_id_of(request))
    changes = crm.create(drafts, author_of(request))
    base = base_url(request)
    items = [
        {
            "id": change.lead.id,
            "request_id": name,
            "_links": link(f"{base}/api/v4/leads/{change.lead.id}"),
        }
        for change, name in zip(changes, request_ids(elements), strict=True)
    ]
    return hal(made_json(base, "leads", items))


def _writer(request: Request) -> Callable[[CrmLead], Mapping[str, Any]]:
    account = crm_of_request(request).account
    due = account.closest_tasks("leads")
    return partial(lead_json, account, base_url(request), parts_of(request), due)
