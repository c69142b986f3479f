"""The bodies of hooks, field by field in the order seen in captures.

Source:
    Kommo's pages on webhooks and on the digital pipeline; where captures of real bodies differ
    from the documented examples (position of the account block, percent codes), the captures.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from contracts.kommo.forms import FormValue, encode_form
from services.sandbox.knobs import Knobs
from services.sandbox.model import Action, CrmAccount, CrmChange, CrmLead, Trigger
from services.sandbox.notices import Notice
from services.sandbox.values import as_form, hook_field

FORM = b"application/x-www-form-urlencoded"
JSON = b"application/json"
LEAD_ELEMENT_TYPE = 2


def account_body(
    account: CrmAccount, knobs: Knobs, groups: Iterable[tuple[Action, Iterable[CrmChange]]]
) -> bytes:
    """Write one body of an account webhook with all its groups of leads."""
    leads: dict[str, FormValue] = {
        action.value: [account_item(account.id, action, change) for change in changes]
        for action, changes in groups
    }
    return _with_account(account, knobs, {"leads": leads})


def notice_body(account: CrmAccount, knobs: Knobs, notices: Sequence[Notice]) -> bytes:
    """Write one body of items of the same section and action."""
    section, action = notices[0].section, notices[0].action
    items = [as_form(notice.item) for notice in notices]
    return _with_account(account, knobs, {section: {action: items}})


def _with_account(account: CrmAccount, knobs: Knobs, items: dict[str, FormValue]) -> bytes:
    block: dict[str, FormValue] = {
        "subdomain": account.subdomain,
        "id": account.id,
        "_links": {"self": knobs.account_link.replace("{subdomain}", account.subdomain)},
    }
    if knobs.account_block == "first":
        return encode_form({"account": block, **items})
    return encode_form({**items, "account": block})


def account_item(account_id: int, action: Action, change: CrmChange) -> dict[str, Any]:
    """Write one lead of an account webhook under the names of API v2."""
    lead = change.lead
    if action is Action.DELETE:
        return {"id": lead.id, "status_id": lead.status_id, "pipeline_id": lead.pipeline_id}
    return {
        "id": lead.id,
        "name": lead.name,
        "status_id": lead.status_id,
        "old_status_id": _old_status_id(action, change),
        "price": lead.price,
        "responsible_user_id": lead.responsible_user_id,
        "last_modified": lead.updated_at,
        "modified_user_id": change.author.user_id,
        "created_user_id": lead.created_by,
        "date_create": lead.created_at,
        "pipeline_id": lead.pipeline_id,
        "tags": [{"id": tag_id, "name": name} for tag_id, name in lead.tags],
        "account_id": account_id,
        "custom_fields": [hook_field(field) for field in lead.custom_fields_values or ()],
        "old_responsible_user_id": (
            change.old_responsible_user_id if action is Action.RESPONSIBLE else None
        ),
        "created_at": lead.created_at,
        "updated_at": lead.updated_at,
    }


def _old_status_id(action: Action, change: CrmChange) -> int | None:
    if change.old_stage is None or action not in {Action.UPDATE, Action.STATUS}:
        return None
    return change.old_stage.status_id


def pipeline_body(
    account: CrmAccount, knobs: Knobs, trigger: Trigger, change: CrmChange, now: int
) -> tuple[bytes, bytes]:
    """Write the hook of a trigger.

    Returns:
        The body and its content type.
    """
    if trigger.kind == "plain":
        tree = plain_tree(account, change)
    else:
        tree = widget_tree(account, trigger, change, now)
    if knobs.dp_json:
        return orjson.dumps(tree), JSON
    return encode_form(tree), FORM


def plain_tree(account: CrmAccount, change: CrmChange) -> dict[str, Any]:
    """Write the action "API: send webhook": minimal, account block last, no time at all."""
    lead = change.lead
    item = {"id": lead.id, "status_id": lead.status_id, "pipeline_id": lead.pipeline_id}
    action = Action.ADD
    if change.old_stage is not None:
        action = Action.STATUS
        item["old_status_id"] = change.old_stage.status_id
        item["old_pipeline_id"] = change.old_stage.pipeline_id
    return {
        "leads": {action.value: [item]},
        "account": {"id": account.id, "subdomain": account.subdomain},
    }


def widget_tree(
    account: CrmAccount, trigger: Trigger, change: CrmChange, now: int
) -> dict[str, Any]:
    """Write the hook of a widget's trigger with the settings of this very trigger."""
    lead: CrmLead = change.lead
    created = change.old_stage is None
    return {
        "event": {
            "type": 1 if created else 14,
            "type_code": "lead_added" if created else "lead_status_changed",
            "time": now,
            "data": {
                "id": lead.id,
                "element_type": LEAD_ELEMENT_TYPE,
                "status_id": lead.status_id,
                "pipeline_id": lead.pipeline_id,
                "direction_of_movement": "went_to_trigger",
            },
        },
        "action": {"settings": {"widget": {"settings": dict(trigger.settings)}}},
        "subdomain": account.subdomain,
        "account_id": account.id,
    }
