"""What people do to leads besides changing their fields: notes, calls, messages, tasks."""

from collections.abc import Iterable
from typing import Any, Final, Literal

from services.sandbox.cards import CardPatch, Task
from services.sandbox.desk import CardDesk
from services.sandbox.model import Author, CrmAccount

DeedKind = Literal["note", "call", "message", "task", "task_completed"]
_TASK_DUE: Final = 1_900_000_000
_CALL: Final = {"duration": 60, "phone": "***", "source": "phone", "link": ""}


def do(
    desk: CardDesk, kind: DeedKind, lead_ids: Iterable[int], author: Author, *, silent: bool = False
) -> int:
    """Do something to leads, in the name of a user; 0 is a robot. How many it was done to."""
    ids = list(lead_ids)
    user_id = author.user_id
    owner = {"entity_type": "leads", "responsible_user_id": user_id or desk.account.admin_id()}
    drafts: list[dict[str, Any]] = [{**owner, "entity_id": lead_id} for lead_id in ids]
    match kind:
        case "note":
            notes = [{**d, "note_type": "common", "params": {"text": "Note"}} for d in drafts]
            desk.add_notes(notes, author, silent=silent)
        case "call":
            calls = [{**d, "note_type": "call_out", "params": _CALL} for d in drafts]
            desk.add_notes(calls, author, silent=silent)
        case "task":
            tasks = [{**draft, "complete_till": _TASK_DUE} for draft in drafts]
            desk.add_tasks(tasks, author, silent=silent)
        case "task_completed":
            done = {"is_completed": True, "result": "Done"}
            patches = [CardPatch(_task(desk.account, lead_id).id, done) for lead_id in ids]
            desk.change_tasks(patches, author, silent=silent)
        case "message":
            _write_messages(desk, ids, user_id)
    return len(ids)


def open_task(account: CrmAccount, lead_id: int) -> Task | None:
    """The oldest task of the lead that is to be done."""
    tasks: Iterable[Task] = account.tasks.by_id.values()
    wanted = ("leads", lead_id, False)
    return next((t for t in tasks if (t.entity_type, t.entity_id, t.is_completed) == wanted), None)


def _task(account: CrmAccount, lead_id: int) -> Task:
    task = open_task(account, lead_id)
    assert task is not None, "somebody looked before"  # noqa: S101 - an invariant
    return task


def _write_messages(desk: CardDesk, lead_ids: Iterable[int], user_id: int) -> None:
    """Write to the client in a chat: Kommo documents no subscription to outgoing messages."""
    for lead_id in lead_ids:
        number = desk.account.new_hook_id()
        contacts = desk.account.leads[lead_id].contact_ids
        desk.happenings.add(
            type="outgoing_chat_message",
            entity_id=lead_id,
            entity_type="lead",
            created_by=user_id,
            created_at=desk.clock.second(),
            value_after=({"message": {"id": f"1508b51c-aab0-428e-9322-{number:012d}"}},),
            contact_id=contacts[0] if contacts else None,
        )
