"""The JSON of API v4, member by member as in the documentation's examples."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol

from services.sandbox.catalogue import LossReason
from services.sandbox.model import CrmAccount, CrmLead


def link(href: str) -> dict[str, Any]:
    """Write a self link."""
    return {"self": {"href": href}}


def _reason_json(reason: LossReason, base: str) -> dict[str, Any]:
    return {
        "id": reason.id,
        "name": reason.name,
        "sort": reason.sort,
        "created_at": reason.created_at,
        "updated_at": reason.updated_at,
        "_links": link(f"{base}/api/v4/leads/loss_reasons/{reason.id}"),
    }


def lead_json(
    account: CrmAccount, base: str, parts: Collection[str], due: Mapping[int, int], lead: CrmLead
) -> dict[str, Any]:
    """Write a lead.

    Args:
        account: Whose it is.
        base: The address of the account.
        parts: What `with` asks for.
        due: When the next task of each lead is due.
        lead: What to write.
    """
    embedded: dict[str, Any] = {
        "tags": tags_json(lead.tags),
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
        reason = account.loss_reasons.by_id.get(lead.loss_reason_id or 0)
        embedded["loss_reason"] = [] if reason is None else [_reason_json(reason, base)]
    if "catalog_elements" in parts:
        embedded["catalog_elements"] = []
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
        "closest_task_at": due.get(lead.id),
        "is_deleted": lead.is_deleted,
        "custom_fields_values": values_json(lead.custom_fields_values),
        "score": None,
        "account_id": account.id,
        "labor_cost": None,
        "is_price_computed": False,
        "_links": link(f"{base}/api/v4/leads/{lead.id}?page=1&limit=50"),
        "_embedded": embedded,
    }
    if "source_id" in parts:
        content["source_id"] = lead.source_id
    if "is_price_modified_by_robot" in parts:
        content["is_price_modified_by_robot"] = False
    return content


def tags_json(tags: Iterable[tuple[int, str]]) -> list[dict[str, Any]]:
    """Write tags."""
    return [{"id": tag_id, "name": name, "color": None} for tag_id, name in tags]


def values_json(fields: Iterable[Mapping[str, Any]] | None) -> list[dict[str, Any]] | None:
    """Write custom fields; none are null, not a list."""
    return None if fields is None else [dict(field) for field in fields]


class Stamped(Protocol):
    """Whatever was changed."""

    @property
    def id(self) -> int:
        """Its id."""
        ...

    @property
    def updated_at(self) -> int:
        """When it was changed."""
        ...


def written_json(
    base: str, path: str, thing: Stamped, request_id: str | None = None
) -> dict[str, Any]:
    """Write what was changed: little more than its id."""
    named = {} if request_id is None else {"request_id": str(request_id)}
    href = f"{base}/api/v4/{path}/{thing.id}"
    return {"id": thing.id, "updated_at": thing.updated_at, **named, "_links": link(href)}


def written_list(base: str, key: str, things: Iterable[Stamped]) -> dict[str, Any]:
    """Write the answer to a bulk of changes."""
    return made_json(base, key, [written_json(base, key, thing) for thing in things])


def made_json(
    base: str, key: str, items: Sequence[Mapping[str, Any]], *, path: str | None = None
) -> dict[str, Any]:
    """Write the answer to a bulk: the list without pages.

    Args:
        base: The address of the account.
        key: What the list is called in `_embedded`.
        items: As written already.
        path: Where the list is, if it is not called like that.
    """
    return {"_links": link(f"{base}/api/v4/{path or key}"), "_embedded": {key: list(items)}}
