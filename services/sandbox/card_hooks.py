"""Hooks about contacts, companies and tasks, under the names of API v2."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from services.sandbox.cards import Card, CardChange, CardKind, Kind, Task
from services.sandbox.instants import as_text
from services.sandbox.notes import OWNERS, SINGULAR
from services.sandbox.notices import Notice
from services.sandbox.values import hook_field

_NO_OWNER: Final = 0


def card_notice(
    account_id: int, kind: CardKind, change: CardChange, lead_ids: Iterable[int]
) -> Notice:
    """Tell that a contact or a company was made or changed; both are `contacts`.

    Args:
        account_id: Whose they are.
        kind: Which of the two.
        change: `old` is None for a new one.
        lead_ids: The leads that it is linked to.
    """
    old, card = change
    kind_name = SINGULAR[kind]
    is_handed_over = old is not None and old.responsible_user_id != card.responsible_user_id
    asked = {f"add_{kind_name}" if old is None else f"update_{kind_name}"}
    if is_handed_over:
        asked.add(f"responsible_{kind_name}")
    return Notice(
        settings=frozenset(asked),
        section="contacts",
        action="add" if old is None else "update",
        item=_card_item(
            account_id,
            kind_name,
            card,
            lead_ids,
            old.responsible_user_id if is_handed_over else None,
        ),
    )


def _card_item(
    account_id: int, kind: str, card: Card, lead_ids: Iterable[int], old_user_id: int | None
) -> dict[str, Any]:
    return {
        "id": card.id,
        "name": card.name,
        "responsible_user_id": card.responsible_user_id,
        "old_responsible_user_id": old_user_id,
        "date_create": card.created_at,
        "last_modified": card.updated_at,
        "created_user_id": card.created_by,
        "modified_user_id": card.updated_by,
        "linked_company_id": card.company_id,
        "account_id": account_id,
        "custom_fields": [hook_field(field) for field in card.custom_fields_values or ()],
        "tags": [{"id": tag_id, "name": name} for tag_id, name in card.tags],
        "linked_leads_id": {str(lead_id): {"ID": lead_id} for lead_id in lead_ids},
        "created_at": card.created_at,
        "updated_at": card.updated_at,
        "type": kind,
    }


def gone_notice(kind: Kind, entity_id: int) -> Notice:
    """Tell that a person has deleted a contact, a company or a task: little more than its id."""
    name = SINGULAR[kind]
    is_task = kind == "tasks"
    return Notice(
        settings=frozenset({f"delete_{name}"}),
        section="task" if is_task else "contacts",
        action="delete",
        item={"id": entity_id} if is_task else {"id": entity_id, "type": name},
    )


def task_notice(account_id: int, change: CardChange) -> Notice:
    """Tell that a task was made or changed; closing and handing over are `update`, too."""
    old, task = change
    is_handed_over = old is not None and old.responsible_user_id != task.responsible_user_id
    asked = {"add_task" if old is None else "update_task"}
    if is_handed_over:
        asked.add("responsible_task")
    item = _task_item(account_id, task)
    if old is not None:
        item |= _task_update(old, task, is_handed_over=is_handed_over)
    return Notice(
        settings=frozenset(asked),
        section="task",
        action="add" if old is None else "update",
        item=item,
        lead_id=task.entity_id if task.entity_type == "leads" else None,
    )


def _task_item(account_id: int, task: Task) -> dict[str, Any]:
    """Write a task; its texts of times are in UTC, unlike those of notes."""
    return {
        "id": task.id,
        "element_id": task.entity_id or _NO_OWNER,
        "element_type": OWNERS.get(task.entity_type or "", _NO_OWNER),
        "task_type": task.task_type_id,
        "date_create": as_text(task.created_at),
        "text": task.text,
        "status": int(task.is_completed),
        "account_id": account_id,
        "created_user_id": task.created_by,
        "last_modified": as_text(task.updated_at),
        "responsible_user_id": task.responsible_user_id,
        "complete_till": as_text(task.complete_till),
        "created_at": task.created_at,
        "updated_at": task.updated_at,
        "complete_before": task.complete_till,
    }


def _task_update(old: Task, task: Task, *, is_handed_over: bool) -> Mapping[str, Any]:
    """What an update adds; who closed a task is not told."""
    is_closed_now = task.is_completed and not old.is_completed
    more: dict[str, Any] = {"action_close": int(is_closed_now), "old_text": old.text}
    if task.result is not None:
        more["result"] = {"id": task.id, "text": task.result}
    if is_handed_over:
        more |= {
            "main_user": task.responsible_user_id,
            "modified_by": task.updated_by,
            "old_responsible_user_id": old.responsible_user_id,
        }
    return more
