"""The JSON of contacts, companies, tasks and notes, member by member as in the documentation."""

from collections.abc import Mapping, Sequence
from typing import Any

from services.sandbox.cards import Card, Kind, Task
from services.sandbox.notes import Note
from services.sandbox.shapes import link, tags_json, values_json

_Links = Mapping[int, Sequence[int]]


def card_json(
    kind: Kind,
    account_id: int,
    base: str,
    leads: _Links | None,
    contacts: _Links | None,
    due: Mapping[int, int],
    card: Card,
) -> dict[str, Any]:
    """Write a contact or a company; its leads, and a company's contacts, only when asked for.

    Args:
        kind: Which of the two.
        account_id: Whose it is.
        base: The address of the account.
        leads: The leads of each card; None if they are not to be shown.
        contacts: The contacts of each company; None if they are not to be shown.
        due: When the next task of each card is due.
        card: What to write.
    """
    embedded: dict[str, Any] = {"tags": tags_json(card.tags)}
    if kind == "contacts":
        embedded["companies"] = (
            [] if card.company_id is None else _linked(base, "companies", [card.company_id])
        )
    if leads is not None:
        embedded["leads"] = _linked(base, "leads", leads.get(card.id, ()))
    if contacts is not None:
        embedded["contacts"] = _linked(base, "contacts", contacts.get(card.id, ()))
    people = (
        {"first_name": card.first_name, "last_name": card.last_name} if kind == "contacts" else {}
    )
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
        "closest_task_at": due.get(card.id),
        "is_deleted": card.is_deleted,
        "custom_fields_values": values_json(card.custom_fields_values),
        "account_id": account_id,
        "_links": link(f"{base}/api/v4/{kind}/{card.id}?page=1&limit=50"),
        "_embedded": embedded,
    }


def _linked(base: str, kind: str, ids: Sequence[int]) -> list[dict[str, Any]]:
    return [{"id": each, "_links": link(f"{base}/api/v4/{kind}/{each}")} for each in ids]


def task_json(account_id: int, base: str, task: Task) -> dict[str, Any]:
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
        "duration": task.duration,
        "is_completed": task.is_completed,
        "task_type_id": task.task_type_id,
        "text": task.text,
        "result": [] if task.result is None else {"text": task.result},
        "complete_till": task.complete_till,
        "account_id": account_id,
        "_links": link(f"{base}/api/v4/tasks/{task.id}"),
    }


def note_json(account_id: int, base: str, note: Note) -> dict[str, Any]:
    """Write a note."""
    return {
        "id": note.id,
        "entity_id": note.entity_id,
        "created_by": note.created_by,
        "updated_by": note.updated_by,
        "created_at": note.created_at,
        "updated_at": note.updated_at,
        "responsible_user_id": note.responsible_user_id,
        "group_id": 0,
        "note_type": note.note_type,
        "params": dict(note.params),
        "is_pinned": note.is_pinned,
        "account_id": account_id,
        "_links": link(f"{base}/api/v4/{note.entity_type}/{note.entity_id}/notes/{note.id}"),
    }
