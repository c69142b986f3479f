"""API v4: accounts, users, pipelines, leads and webhooks, as documented; cards are beside it."""

from typing import Any
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.sandbox.answers import (
    ApiProblem,
    api_problem,
    hal,
    nothing,
    problem,
    unknown_path,
    wrong_method,
)
from services.sandbox.card_rest import card_routes
from services.sandbox.crm import Crm
from services.sandbox.events_rest import event_routes
from services.sandbox.exchange import author_of, crm_of_request, json_of, parts_of, user_id_of
from services.sandbox.lead_query import lead_query
from services.sandbox.model import Lead, Subscription
from services.sandbox.paging import Page, base_url, page_links, page_of
from services.sandbox.shapes import (
    account_json,
    lead_json,
    link,
    pipeline_json,
    status_json,
    user_json,
    webhook_json,
    written_leads,
)
from services.sandbox.validation import drafts_of, elements_of, patches_of, request_ids

_WEBHOOKS_MAX = 100
_LEAD_EVENTS = ("add", "update", "delete", "restore", "status", "responsible", "note")
_CARD_EVENTS = ("add", "update", "delete", "restore", "responsible", "note")
EVENTS = frozenset(
    [f"{event}_lead" for event in _LEAD_EVENTS]
    + [f"{event}_{card}" for event in _CARD_EVENTS for card in ("contact", "company")]
    + [f"{event}_task" for event in ("add", "update", "delete", "responsible")]
    + [f"{event}_unsorted" for event in ("add", "update", "delete")]
    + ["add_talk", "update_talk", "add_message", "add_chat_template_review"]
)


def rest_app(crm: Crm) -> Starlette:
    """Build the API; tokens, limits and faults are the gate's."""
    routes = [
        Route("/api/v4/account", get_account),
        Route("/api/v4/users", list_users),
        Route("/api/v4/users/{user_id:int}", get_user),
        Route("/api/v4/leads/pipelines", list_pipelines),
        Route("/api/v4/leads/pipelines/{pipeline_id:int}", get_pipeline),
        Route("/api/v4/leads/pipelines/{pipeline_id:int}/statuses", list_statuses),
        Route("/api/v4/leads/pipelines/{pipeline_id:int}/statuses/{status_id:int}", get_status),
        Route("/api/v4/leads", list_leads, methods=["GET"]),
        Route("/api/v4/leads", patch_leads, methods=["PATCH"]),
        Route("/api/v4/leads", post_leads, methods=["POST"]),
        Route("/api/v4/leads/{lead_id:int}", get_lead, methods=["GET"]),
        Route("/api/v4/leads/{lead_id:int}", patch_lead, methods=["PATCH"]),
        *card_routes(),
        *event_routes(),
        Route("/api/v4/webhooks", list_webhooks, methods=["GET"]),
        Route("/api/v4/webhooks", post_webhook, methods=["POST"]),
        Route("/api/v4/webhooks", delete_webhook, methods=["DELETE"]),
    ]
    app = Starlette(
        routes=routes,
        exception_handlers={ApiProblem: api_problem, 404: unknown_path, 405: wrong_method},
    )
    app.router.redirect_slashes = False
    app.state.crm = crm
    return app


def _need_admin(request: Request) -> None:
    user = crm_of_request(request).account.users.get(user_id_of(request))
    if user is None or not user.is_admin:
        raise ApiProblem(403, "Access denied")


async def get_account(request: Request) -> Response:
    """Answer with the account and the parts asked for."""
    account = crm_of_request(request).account
    return hal(account_json(account, base_url(request), user_id_of(request), parts_of(request)))


async def list_users(request: Request) -> Response:
    """Answer with a page of users; for administrators only."""
    _need_admin(request)
    crm, page = crm_of_request(request), page_of(request)
    users = [u for u in crm.account.users.values() if u.is_active or crm.knobs.show_deactivated]
    shown = users[page.start : page.start + page.limit]
    if not shown:
        return nothing()
    base, parts = base_url(request), parts_of(request)
    return hal(
        {
            "_total_items": len(users),
            "_page": page.number,
            "_page_count": -(-len(users) // page.limit),
            "_links": page_links(request, page, has_more=page.start + page.limit < len(users)),
            "_embedded": {"users": [user_json(user, base, parts) for user in shown]},
        }
    )


async def get_user(request: Request) -> Response:
    """Answer with one user; for administrators only."""
    _need_admin(request)
    user = crm_of_request(request).account.users.get(request.path_params["user_id"])
    if user is None:
        return problem(404, "User not found")
    return hal(user_json(user, base_url(request), parts_of(request)))


async def list_pipelines(request: Request) -> Response:
    """Answer with all pipelines."""
    account, base = crm_of_request(request).account, base_url(request)
    pipelines = [pipeline_json(p, account.id, base) for p in account.pipelines.values()]
    return hal(
        {
            "_total_items": len(pipelines),
            "_links": link(f"{base}/api/v4/leads/pipelines"),
            "_embedded": {"pipelines": pipelines},
        }
    )


async def get_pipeline(request: Request) -> Response:
    """Answer with one pipeline, as a bare object."""
    account = crm_of_request(request).account
    pipeline = account.pipelines.get(request.path_params["pipeline_id"])
    if pipeline is None:
        return problem(404, "Pipeline not found")
    return hal(pipeline_json(pipeline, account.id, base_url(request)))


async def list_statuses(request: Request) -> Response:
    """Answer with the columns of a pipeline."""
    account, base = crm_of_request(request).account, base_url(request)
    pipeline = account.pipelines.get(request.path_params["pipeline_id"])
    if pipeline is None:
        return problem(404, "Pipeline not found")
    statuses = [status_json(s, pipeline.id, account.id, base) for s in pipeline.statuses]
    return hal(
        {
            "_total_items": len(statuses),
            "_links": link(f"{base}{request.url.path}"),
            "_embedded": {"statuses": statuses},
        }
    )


async def get_status(request: Request) -> Response:
    """Answer with one column."""
    account, base = crm_of_request(request).account, base_url(request)
    pipeline = account.pipelines.get(request.path_params["pipeline_id"])
    for status in pipeline.statuses if pipeline else ():
        if pipeline and status.id == request.path_params["status_id"]:
            return hal(status_json(status, pipeline.id, account.id, base))
    return problem(404, "Status not found")


async def list_leads(request: Request) -> Response:
    """Answer with a page of leads; 204 when there is none, and never a total."""
    crm, page = crm_of_request(request), page_of(request)
    found = lead_query(request.query_params).find(crm.account)
    return _lead_page(request, found, page)


def _lead_page(request: Request, found: list[Lead], page: Page) -> Response:
    shown = found[page.start : page.start + page.limit]
    if not shown:
        return nothing()
    account_id, base = crm_of_request(request).account.id, base_url(request)
    parts = parts_of(request)
    return hal(
        {
            "_page": page.number,
            "_links": page_links(request, page, has_more=page.start + page.limit < len(found)),
            "_embedded": {"leads": [lead_json(lead, account_id, base, parts) for lead in shown]},
        }
    )


async def get_lead(request: Request) -> Response:
    """Answer with one lead; 204 when there is none."""
    account = crm_of_request(request).account
    lead = account.leads.get(request.path_params["lead_id"])
    parts = parts_of(request)
    if lead is None or (lead.is_deleted and "only_deleted" not in parts):
        return nothing()
    return hal(lead_json(lead, account.id, base_url(request), parts))


async def patch_leads(request: Request) -> Response:
    """Change up to 250 leads, all or none; the answer shows little more than their ids."""
    elements = elements_of(await json_of(request))
    leads = _patched(request, elements)
    return hal(written_leads(leads, base_url(request)))


async def patch_lead(request: Request) -> Response:
    """Change one lead."""
    element = await json_of(request)
    if not isinstance(element, dict):
        raise ApiProblem(400, "Invalid request body")
    (lead,) = _patched(request, [{**element, "id": request.path_params["lead_id"]}])
    href = f"{base_url(request)}/api/v4/leads/{lead.id}"
    return hal({"id": lead.id, "updated_at": lead.updated_at, "_links": link(href)})


def _patched(request: Request, elements: list[Any]) -> list[Lead]:
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
    leads = [change.lead for change in changes]
    return hal(written_leads(leads, base_url(request), request_ids(elements)))


async def list_webhooks(request: Request) -> Response:
    """Answer with the account's webhooks, or the one with the given address."""
    _need_admin(request)
    account = crm_of_request(request).account
    wanted = request.query_params.get("filter[destination]")
    found = [
        webhook_json(subscription, account.id)
        for subscription in account.subscriptions.values()
        if wanted is None or subscription.destination == wanted
    ]
    return hal({"_total_items": len(found), "_embedded": {"webhooks": found}})


async def post_webhook(request: Request) -> Response:
    """Subscribe an address, or give it other settings; a switched-off one stays off."""
    _need_admin(request)
    crm, body = crm_of_request(request), await json_of(request)
    destination, settings = _subscription(body)
    now = crm.clock.second()
    known = crm.account.subscriptions.get(destination)
    if known is not None:
        known.settings = settings
        known.updated_at = now
    elif len(crm.account.subscriptions) >= _WEBHOOKS_MAX:
        raise ApiProblem(422, f"Limit {_WEBHOOKS_MAX} webhooks per account")
    else:
        known = Subscription(
            id=crm.account.new_hook_id(),
            destination=destination,
            settings=settings,
            created_at=now,
            updated_at=now,
            created_by=user_id_of(request),
        )
        crm.account.subscriptions[destination] = known
    return hal(webhook_json(known, crm.account.id), 201)


def _subscription(body: object) -> tuple[str, tuple[str, ...]]:
    if not isinstance(body, dict):
        raise ApiProblem(400, "Invalid request body")
    destination, settings = body.get("destination"), body.get("settings")
    if not isinstance(destination, str) or not _is_url(destination):
        raise ApiProblem(400, "Invalid URL")
    if not isinstance(settings, list) or not settings:
        raise ApiProblem(400, "Invalid settings")
    if not all(isinstance(event, str) and event in EVENTS for event in settings):
        raise ApiProblem(400, "Invalid settings")
    return destination, tuple(dict.fromkeys(settings))


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


async def delete_webhook(request: Request) -> Response:
    """Unsubscribe an address."""
    _need_admin(request)
    body = await json_of(request)
    destination = body.get("destination") if isinstance(body, dict) else None
    subscriptions = crm_of_request(request).account.subscriptions
    if not isinstance(destination, str) or destination not in subscriptions:
        return problem(404, "Webhook not found")
    # What is still under way to it stops, too.
    subscriptions.pop(destination).disabled = True
    return nothing()
