"""What hooks tell of the work on a lead: notes, calls, tasks and messages (D7.1).

An item that tells nothing of a lead, or not who did what and when, is none of these; it is read
leniently then, as everything the engine does not use. So are our own notes and tasks, which have
our mark in their text (D12.2).
"""

from datetime import datetime

from contracts.kommo.items import Item
from contracts.kommo.marks import mark_of
from contracts.kommo.notifications import (
    Deed,
    DeedNotification,
    Notification,
    OtherNotification,
    TaskNotification,
    TaskRemovedNotification,
)

LEAD_ELEMENTS = ("2", "lead", "leads")
NOTE_TYPES: dict[str, Deed] = {"4": "note", "5": "note", "11": "call"}  # 10 is an incoming call
YES = "1"


def read_note(item: Item, entity: str, action: str) -> Notification:
    """Read a note: a text, a file, or an outgoing call."""
    note = item.child("note")
    deed = NOTE_TYPES.get(note.optional_text("note_type") or "")
    if mark_of(note.optional_text("text")) is not None:
        deed = None
    by = note.optional_author("created_by")
    return _deed(note, deed, by, "created_at") or _other(note, entity, action)


def read_task(item: Item, entity: str, action: str) -> Notification:
    """Read a task: as it is now, and that it was made, or closed by somebody the hook names."""
    if action == "add":
        by = item.optional_author("created_user_id")
        is_ours = mark_of(item.optional_text("text")) is not None
        found = None if is_ours else _deed(item, "task_added", by, "created_at")
    elif action == "update" and item.optional_text("action_close") == YES:
        by = item.optional_author("modified_by")
        is_ours = mark_of(item.child("result").optional_text("text")) is not None
        found = None if is_ours else _deed(item, "task_completed", by, "updated_at")
    else:
        found = None
    return _task(item, found) or found or _other(item, entity, action)


def read_removed_task(item: Item, entity: str, action: str) -> Notification:
    """Read that a task is gone."""
    task_id = item.optional_id("id")
    if task_id is None:
        return _other(item, entity, action)
    return TaskRemovedNotification(task_id=task_id)


def _task(item: Item, deed: DeedNotification | None) -> TaskNotification | None:
    """How the task is now; None when the item does not say which it is, or as of when."""
    task_id = item.optional_id("id")
    modified_at = item.optional_instant("updated_at", "created_at")
    if task_id is None or modified_at is None:
        return None
    is_closed = YES in (item.optional_text("status"), item.optional_text("action_close"))
    return TaskNotification(
        task_id=task_id,
        responsible_user_id=item.optional_id("responsible_user_id"),
        is_open=not is_closed,
        due_at=_due_at(item),
        modified_at=modified_at,
        account_id=item.optional_id("account_id"),
        deed=deed,
    )


def _due_at(item: Item) -> datetime | None:
    """`complete_till` is a text in UTC, unlike the other times."""
    try:
        till = f"{item.optional_text('complete_till')} +0000"
        return datetime.strptime(till, "%Y-%m-%d %H:%M:%S %z")
    except ValueError:
        return item.optional_instant("complete_before")


def read_message(item: Item, entity: str, action: str) -> Notification:
    """Read a message that a user sent to the client; a bot's has no user."""
    by = item.child("author").optional_author("user_id")
    return _deed(item, "message", by, "created_at") or _other(item, entity, action)


def _deed(item: Item, deed: Deed | None, by: int | None, when: str) -> DeedNotification | None:
    is_lead = item.optional_text("element_type", "entity_type") in LEAD_ELEMENTS
    lead_id = item.optional_id("element_id") or item.optional_id("entity_id")
    happened_at = item.optional_instant(when)
    if deed is None or not is_lead or lead_id is None or by is None or happened_at is None:
        return None
    return DeedNotification(
        deed=deed,
        lead_id=lead_id,
        by=by,
        happened_at=happened_at,
        account_id=item.optional_id("account_id"),
    )


def _other(item: Item, entity: str, action: str) -> OtherNotification:
    names = ("element_id",) if action == "note" else ("id", "uid", "talk_id", "message_id")
    return OtherNotification(entity=entity, action=action, entity_id=item.optional_text(*names))
