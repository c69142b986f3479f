"""The JSON of the account, its users, pipelines and webhooks, as documented."""

from collections.abc import Collection
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

from contracts.stage import LOST, WON
from services.sandbox.cards import TASK_TYPES
from services.sandbox.model import INCOMING, CrmAccount, Pipeline, Status, Subscription, User
from services.sandbox.shapes import link

_SORT_OF_CLOSED = {WON: 10_000, LOST: 11_000}
_ALL = {"view": "A", "edit": "A", "add": "A", "delete": "A", "export": "A"}
_NONE = dict.fromkeys(_ALL, "D")


def account_json(
    account: CrmAccount, base: str, current_user_id: int, parts: Collection[str]
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
    content |= {name: part for name, part in _account_facts(account).items() if name in parts}
    content["_links"] = link(f"{base}/api/v4/account")
    embedded = {name: part for name, part in _account_parts(account).items() if name in parts}
    if embedded:
        content["_embedded"] = embedded
    return content


def _account_facts(account: CrmAccount) -> dict[str, Any]:
    return {
        "amojo_id": str(uuid5(NAMESPACE_DNS, account.domain)),
        "uuid": str(uuid5(NAMESPACE_DNS, f"account.{account.domain}")),
        "version": 16,
        "drive_url": f"https://drive.{account.domain}",
        "is_api_filter_enabled": True,
    }


def _account_parts(account: CrmAccount) -> dict[str, Any]:
    return {
        "amojo_rights": {"can_direct": True, "can_create_groups": True},
        "users_groups": [{"id": 0, "name": "Sales Office", "uuid": None}],
        "task_types": [
            {"id": kind, "name": name, "color": None, "icon_id": None, "code": code}
            for kind, (name, code) in TASK_TYPES.items()
        ],
        "entity_names": {
            "leads": {
                "en": {
                    "singular_form": {"default": "lead"},
                    "plural_form": {"default": "leads"},
                    "gender": "f",
                }
            }
        },
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
    """Write a user with their rights."""
    content: dict[str, Any] = {
        "id": user.id,
        "name": user.name,
        "email": user.email,
        "lang": "en",
        "rights": {
            "leads": _NONE if user.sees_no_leads else _ALL,
            "contacts": _ALL,
            "companies": _ALL,
            "tasks": {"edit": "A", "delete": "A"},
            "mail_access": False,
            "catalog_access": False,
            "status_rights": [
                {
                    "entity_type": "leads",
                    "pipeline_id": pipeline_id,
                    "status_id": status_id,
                    "rights": {"view": "D", "edit": "D", "delete": "D"},
                }
                for pipeline_id, status_id in user.hidden_stages
            ],
            "is_admin": user.is_admin,
            "is_free": user.is_free,
            "is_active": user.is_active,
            "group_id": user.group_id or None,
            "role_id": None,
        },
        "_links": link(f"{base}/api/v4/users/{user.id}"),
    }
    facts = {
        "uuid": str(uuid5(NAMESPACE_DNS, user.email)),
        "amojo_id": str(uuid5(NAMESPACE_DNS, f"amojo.{user.email}")),
        "user_rank": None,
        "phone_number": None,
    }
    content |= {name: fact for name, fact in facts.items() if name in parts}
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
