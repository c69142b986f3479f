"""The JSON of contacts, companies and tasks, member by member as in the documentation."""

from collections.abc import Iterable, Sequence
from typing import Any

from services.sandbox.cards import Card, Kind, Task
from services.sandbox.shapes import link


def card_json(
    kind: Kind, card: Card, account_id: int, base: str, lead_ids: Iterable[int] | None
) -> dict[str, Any]:
    """Write a contact or a company; its leads come only with `with=leads`."""
    embedded: dict[str, Any] = {"tags": []}
    if kind == "contacts":
        embedded["companies"] = []
    if lead_ids is not None:
        embedded["leads"] = [
            {"id": lead_id, "_links": link(f"{base}/api/v4/leads/{lead_id}")}
            for lead_id in lead_ids
        ]
    fields = card.custom_fields_values
    people = {"first_name": "", "last_name": ""} if kind == "contacts" else {}
    return {
        "id": card.id,
        "name": card.name,
        **people,
        "responsible_user_id": card.responsible_user_id,
        "group_id": 0,
        "created_by": card.created_by,
        "updated_by": card.updated_by,
        "created_at": card.created_at,
        "updated_at": card.updated_at,
        "closest_task_at": None,
        "is_deleted": card.is_deleted,
        "custom_fields_values": None if fields is None else [dict(field) for field in fields],
        "account_id": account_id,
        "_links": link(f"{base}/api/v4/{kind}/{card.id}?page=1&limit=50"),
        "_embedded": embedded,
    }


def task_json(task: Task, account_id: int, base: str) -> dict[str, Any]:
    """Write a task; an empty result is a list."""
    return {
        "id": task.id,
        "created_by": task.created_by,
        "updated_by": task.updated_by,
        "created_at": task.created_at,
        "updated_at": task.updated_at,
        "responsible_user_id": task.responsible_user_id,
        "group_id": 0,
        "entity_id": task.entity_id,
        "entity_type": task.entity_type,
        "duration": 0,
        "is_completed": task.is_completed,
        "task_type_id": task.task_type_id,
        "text": task.text,
        "result": [],
        "complete_till": task.complete_till,
        "account_id": account_id,
        "_links": link(f"{base}/api/v4/tasks/{task.id}"),
    }


def written_cards(kind: Kind, cards: Sequence[Card | Task], base: str) -> dict[str, Any]:
    """Write the answer to a bulk of changes."""
    items = [
        {
            "id": card.id,
            "updated_at": card.updated_at,
            "_links": link(f"{base}/api/v4/{kind}/{card.id}"),
        }
        for card in cards
    ]
    return {"_links": link(f"{base}/api/v4/{kind}"), "_embedded": {kind: items}}
