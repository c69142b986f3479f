"""The JSON of API v4, member by member as in the documentation's examples."""

from collections.abc import Collection, Sequence
from typing import Any

from contracts.stage import LOST, WON
from services.sandbox.model import INCOMING, Account, Lead, Pipeline, Status, Subscription, User

_SORT_OF_CLOSED = {WON: 10_000, LOST: 11_000}
_ALL = {"view": "A", "edit": "A", "add": "A", "delete": "A", "export": "A"}


def link(href: str) -> dict[str, Any]:
    """Write a self link."""
    return {"self": {"href": href}}


def account_json(
    account: Account, base: str, current_user_id: int, parts: Collection[str]
) -> dict[str, Any]:
    """Write the account; `version` and the embedded parts come only when asked for."""
    content: dict[str, Any] = {
        "id": account.id,
        "name": account.name,
        "subdomain": account.subdomain,
        "created_at": 1_700_000_000,
        "created_by": 0,
        "updated_at": 1_700_000_000,
        "updated_by": 0,
        "current_user_id": current_user_id,
        "country": "BR",
        "currency": "BRL",
        "currency_symbol": "R$",
        "customers_mode": "disabled",
        "is_unsorted_on": True,
        "mobile_feature_version": 0,
        "is_loss_reason_enabled": True,
        "is_helpbot_enabled": False,
        "is_technical_account": False,
        "contact_name_display_order": 1,
    }
    if "version" in parts:
        content["version"] = 16
    content["_links"] = link(f"{base}/api/v4/account")
    embedded = {name: part for name, part in _account_parts(account).items() if name in parts}
    if embedded:
        content["_embedded"] = embedded
    return content


def _account_parts(account: Account) -> dict[str, Any]:
    return {
        "users_groups": [{"id": 0, "name": "Sales Office", "uuid": None}],
        "task_types": [
            {"id": 1, "name": "Follow-up", "color": None, "icon_id": None, "code": "FOLLOW_UP"},
            {"id": 2, "name": "Meeting", "color": None, "icon_id": None, "code": "MEETING"},
        ],
        "datetime_settings": {
            "date_pattern": "d.m.Y H:i",
            "short_date_pattern": "d.m.Y",
            "short_time_pattern": "H:i",
            "date_formant": "d.m.Y",  # misspelt by Kommo
            "time_format": "H:i:s",
            "timezone": account.timezone,
            "timezone_offset": account.timezone_offset,
        },
    }


def user_json(user: User, base: str, parts: Collection[str]) -> dict[str, Any]:
    """Write a user with his rights."""
    content: dict[str, Any] = {
        "id": user.id,
        "name": user.name,
        "email": user.email,
        "lang": "en",
        "rights": {
            "leads": _ALL,
            "contacts": _ALL,
            "companies": _ALL,
            "tasks": {"edit": "A", "delete": "A"},
            "mail_access": False,
            "catalog_access": False,
            "status_rights": [],
            "is_admin": user.is_admin,
            "is_free": user.is_free,
            "is_active": user.is_active,
            "group_id": user.group_id or None,
            "role_id": None,
        },
        "_links": link(f"{base}/api/v4/users/{user.id}"),
    }
    embedded: dict[str, Any] = {}
    if "role" in parts:
        embedded["roles"] = []
    if "group" in parts:
        embedded["groups"] = [{"id": user.group_id, "name": "Sales Office"}]
    if embedded:
        content["_embedded"] = embedded
    return content


def pipeline_json(pipeline: Pipeline, account_id: int, base: str) -> dict[str, Any]:
    """Write a pipeline with its statuses, won and lost included."""
    return {
        "id": pipeline.id,
        "name": pipeline.name,
        "sort": pipeline.sort,
        "is_main": pipeline.is_main,
        "is_unsorted_on": any(status.type == INCOMING for status in pipeline.statuses),
        "is_archive": False,
        "account_id": account_id,
        "_links": link(f"{base}/api/v4/leads/pipelines/{pipeline.id}"),
        "_embedded": {
            "statuses": [
                status_json(status, pipeline.id, account_id, base) for status in pipeline.statuses
            ]
        },
    }


def status_json(status: Status, pipeline_id: int, account_id: int, base: str) -> dict[str, Any]:
    """Write one column."""
    return {
        "id": status.id,
        "name": status.name,
        "sort": _SORT_OF_CLOSED.get(status.id, status.sort),
        "is_editable": status.type != INCOMING and status.id not in _SORT_OF_CLOSED,
        "pipeline_id": pipeline_id,
        "color": status.color,
        "type": status.type,
        "account_id": account_id,
        "_links": link(f"{base}/api/v4/leads/pipelines/{pipeline_id}/statuses/{status.id}"),
    }


def lead_json(lead: Lead, account_id: int, base: str, parts: Collection[str]) -> dict[str, Any]:
    """Write a lead; no custom fields are null, not a list."""
    fields = lead.custom_fields_values
    embedded: dict[str, Any] = {
        "tags": [{"id": tag_id, "name": name, "color": None} for tag_id, name in lead.tags],
        "companies": []
        if lead.company_id is None
        else [
            {
                "id": lead.company_id,
                "_links": link(f"{base}/api/v4/companies/{lead.company_id}?page=1&limit=50"),
            }
        ],
    }
    if "contacts" in parts:
        embedded["contacts"] = [
            {
                "id": contact_id,
                "is_main": place == 0,
                "_links": link(f"{base}/api/v4/contacts/{contact_id}?page=1&limit=50"),
            }
            for place, contact_id in enumerate(lead.contact_ids)
        ]
    if "loss_reason" in parts:
        embedded["loss_reason"] = []
    content = {
        "id": lead.id,
        "name": lead.name,
        "price": lead.price,
        "responsible_user_id": lead.responsible_user_id,
        "group_id": 0,
        "status_id": lead.status_id,
        "pipeline_id": lead.pipeline_id,
        "loss_reason_id": lead.loss_reason_id,
        "created_by": lead.created_by,
        "updated_by": lead.updated_by,
        "created_at": lead.created_at,
        "updated_at": lead.updated_at,
        "closed_at": lead.closed_at,
        "closest_task_at": None,
        "is_deleted": lead.is_deleted,
        "custom_fields_values": None if fields is None else [dict(field) for field in fields],
        "score": None,
        "account_id": account_id,
        "labor_cost": None,
        "is_price_computed": False,
        "_links": link(f"{base}/api/v4/leads/{lead.id}?page=1&limit=50"),
        "_embedded": embedded,
    }
    if "source_id" in parts:
        content["source_id"] = lead.source_id
    return content


def written_leads(
    leads: Sequence[Lead], base: str, request_ids: Sequence[str] | None = None
) -> dict[str, Any]:
    """Write the answer to a bulk: ids only; `request_id` and no `updated_at` on creation."""
    items: list[dict[str, Any]] = []
    for place, lead in enumerate(leads):
        item: dict[str, Any] = {"id": lead.id}
        if request_ids is None:
            item["updated_at"] = lead.updated_at
        else:
            item["request_id"] = request_ids[place]
        items.append({**item, "_links": link(f"{base}/api/v4/leads/{lead.id}")})
    return {"_links": link(f"{base}/api/v4/leads"), "_embedded": {"leads": items}}


def webhook_json(subscription: Subscription, account_id: int) -> dict[str, Any]:
    """Write a webhook; its whole address is shown, as Kommo shows it to the administrator."""
    return {
        "id": subscription.id,
        "destination": subscription.destination,
        "created_at": subscription.created_at,
        "updated_at": subscription.updated_at,
        "account_id": account_id,
        "created_by": subscription.created_by,
        "sort": subscription.sort,
        "disabled": subscription.disabled,
        "settings": list(subscription.settings),
    }
