"""What hooks tell of the work on a lead: notes, calls, tasks and messages (D7.1).

An item that tells nothing of a lead, or not who did what and when, is none of these; it is read
leniently then, as everything the engine does not use.
"""

from contracts.kommo.items import Item
from contracts.kommo.notifications import (
    Deed,
    DeedNotification,
    Notification,
    OtherNotification,
)

LEAD_ELEMENTS = ("2", "lead", "leads")
NOTE_TYPES: dict[str, Deed] = {"4": "note", "5": "note", "11": "call"}  # 10 is an incoming call
YES = "1"


def read_note(item: Item, entity: str, action: str) -> Notification:
    """Read a note: a text, a file, or an outgoing call."""
    note = item.child("note")
    deed = NOTE_TYPES.get(note.optional_text("note_type") or "")
    by = note.optional_author("created_by")
    return _deed(note, deed, by, "created_at") or _other(note, entity, action)


def read_task(item: Item, entity: str, action: str) -> Notification:
    """Read a task that was made, or closed by somebody whom the hook names."""
    if action == "add":
        by = item.optional_author("created_user_id")
        found = _deed(item, "task_added", by, "created_at")
    elif action == "update" and item.optional_text("action_close") == YES:
        by = item.optional_author("modified_by")
        found = _deed(item, "task_completed", by, "updated_at")
    else:
        found = None
    return found or _other(item, entity, action)


def read_message(item: Item, entity: str, action: str) -> Notification:
    """Read a message that a user sent to the client; a bot's has no user."""
    by = item.child("author").optional_author("user_id")
    return _deed(item, "message", by, "created_at") or _other(item, entity, action)


def _deed(item: Item, deed: Deed | None, by: int | None, when: str) -> Notification | None:
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
