"""API v4: subscriptions to account webhooks, as documented; for administrators only."""

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.sandbox.account_shapes import webhook_json
from services.sandbox.answers import ApiProblem, hal, nothing, problem
from services.sandbox.checking import is_integer
from services.sandbox.exchange import crm_of_request, json_of, need_admin, user_id_of
from services.sandbox.model import Subscription

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


def webhook_routes() -> list[Route]:
    """The routes of webhooks."""
    return [
        Route("/api/v4/webhooks", list_webhooks, methods=["GET"]),
        Route("/api/v4/webhooks", post_webhook, methods=["POST"]),
        Route("/api/v4/webhooks", delete_webhook, methods=["DELETE"]),
    ]


async def list_webhooks(request: Request) -> Response:
    """Answer with the account's webhooks, or the one with the given address."""
    need_admin(request)
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
    need_admin(request)
    crm, body = crm_of_request(request), await json_of(request)
    destination, settings, sort = _subscription(body)
    now = crm.clock.second()
    known = crm.account.subscriptions.get(destination)
    if known is not None:
        known.settings = settings
        known.updated_at = now
        known.sort = known.sort if sort is None else sort
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
            sort=1 if sort is None else sort,
        )
        crm.account.subscriptions[destination] = known
    return hal(webhook_json(known, crm.account.id), 201)


def _subscription(body: object) -> tuple[str, tuple[str, ...], int | None]:
    if not isinstance(body, dict):
        raise ApiProblem(400, "Invalid request body")
    destination, settings = body.get("destination"), body.get("settings")
    if not isinstance(destination, str) or not _is_url(destination):
        raise ApiProblem(400, "Invalid URL")
    if not isinstance(settings, list) or not settings:
        raise ApiProblem(400, "Invalid settings")
    if not all(isinstance(event, str) and event in EVENTS for event in settings):
        raise ApiProblem(400, "Invalid settings")
    sort = body.get("sort")
    if sort is not None and not is_integer(sort):
        raise ApiProblem(400, "Invalid sort")
    return destination, tuple(dict.fromkeys(settings)), sort


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


async def delete_webhook(request: Request) -> Response:
    """Unsubscribe an address."""
    need_admin(request)
    body = await json_of(request)
    destination = body.get("destination") if isinstance(body, dict) else None
    subscriptions = crm_of_request(request).account.subscriptions
    if not isinstance(destination, str) or destination not in subscriptions:
        return problem(404, "Webhook not found")
    # What is still under way to it stops, too.
    subscriptions.pop(destination).disabled = True
    return nothing()
