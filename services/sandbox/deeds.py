"""What people do to leads besides changing their fields: notes, calls, messages, tasks."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from services.sandbox.cards import CardPatch, Task
from services.sandbox.happenings import Happenings
from services.sandbox.model import Account

DeedKind = Literal["note", "call", "message", "task", "task_completed"]
NOTE_TYPES: Final = {"note": 4, "call": 11}
EVENT_TYPES: Final = {"note": "common_note_added", "call": "outgoing_call"}
LEAD: Final = 2
_TASK_DUE: Final = 1_900_000_000
_HOURS_AHEAD: Final = 3 * 3_600  # of the texts of times in notes, unlike those in tasks


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One deed, as hooks tell it.

    Attributes:
        task: As it is after the deed; of deeds that are none of a task None.
    """

    number: int
    kind: DeedKind
    lead_id: int
    user_id: int
    at: int
    task: Task | None = None


def do(
    account: Account,
    happenings: Happenings,
    kind: DeedKind,
    lead_ids: Iterable[int],
    *,
    user_id: int,
    now: int,
) -> list[Deed]:
    """Do something to leads, in the name of a user; 0 is a robot."""
    return [
        _told(happenings, _done(account, kind, lead_id, user_id, now), account)
        for lead_id in lead_ids
    ]


def _done(account: Account, kind: DeedKind, lead_id: int, user_id: int, now: int) -> Deed:
    task: Task | None = None
    if kind == "task":
        draft: dict[str, Any] = {"entity_id": lead_id, "complete_till": _TASK_DUE}
        draft["responsible_user_id"] = user_id or account.admin_id()
        task_id = account.tasks.add(Task, draft, by=user_id, now=now)
        task = account.tasks.by_id[task_id]
    elif kind == "task_completed":
        task = open_task(account, lead_id)
        assert task is not None, "somebody looked before"  # noqa: S101 - an invariant
        patch = CardPatch(task.id, {"is_completed": True})
        (task,) = account.tasks.change([patch], by=user_id, now=now)
    number = account.new_hook_id()
    return Deed(number=number, kind=kind, lead_id=lead_id, user_id=user_id, at=now, task=task)


def open_task(account: Account, lead_id: int) -> Task | None:
    """The oldest task of the lead that is to be done."""
    tasks: Iterable[Task] = account.tasks.by_id.values()
    wanted = ("leads", lead_id, False)
    return next((t for t in tasks if (t.entity_type, t.entity_id, t.is_completed) == wanted), None)


def _told(happenings: Happenings, deed: Deed, account: Account) -> Deed:
    by = {"created_by": deed.user_id, "created_at": deed.at}
    on_lead = {"entity_id": deed.lead_id, "entity_type": "lead"}
    if deed.task is not None:
        kind = "task_added" if deed.kind == "task" else "task_completed"
        happenings.add(type=kind, entity_id=deed.task.id, entity_type="task", **by)
    elif deed.kind == "message":
        contacts = account.leads[deed.lead_id].contact_ids
        message = ({"message": {"id": f"1508b51c-aab0-428e-9322-{deed.number:012d}"}},)
        happenings.add(
            type="outgoing_chat_message",
            value_after=message,
            contact_id=contacts[0] if contacts else None,
            **on_lead,
            **by,
        )
    else:
        note = ({"note": {"id": deed.number}},)
        happenings.add(type=EVENT_TYPES[deed.kind], value_after=note, **on_lead, **by)
    return deed


def note_item(account: Account, deed: Deed) -> dict[str, Any]:
    """Write a note of a lead as an account webhook has it."""
    text = "Note" if deed.kind == "note" else '{"UNIQ":"1","DURATION":"60","PHONE":"***"}'
    return {
        "note": {
            "text": text,
            "attachement": "",
            "date_create": _text(deed.at + _HOURS_AHEAD),
            "note_type": NOTE_TYPES[deed.kind],
            "element_type": LEAD,
            "element_id": deed.lead_id,
            "account_id": account.id,
            "metadata": '{"event_source":{"id":1,"author_name":"","type":1}}',
            "created_by": deed.user_id,
            "modified_by": deed.user_id,
            "main_user_id": deed.user_id,
            "id": deed.number,
            "created_at": deed.at,
            "updated_at": deed.at,
        }
    }


def task_item(account: Account, deed: Deed) -> dict[str, Any]:
    """Write a task of a lead as an account webhook has it; who closed it is not told."""
    task = deed.task
    assert task is not None, "a deed of a task has one"  # noqa: S101 - the caller looked
    item: dict[str, Any] = {
        "id": task.id,
        "element_id": deed.lead_id,
        "element_type": LEAD,
        "task_type": task.task_type_id,
        "date_create": _text(task.created_at),
        "text": task.text,
        "status": int(task.is_completed),
        "account_id": account.id,
        "created_user_id": task.created_by,
        "last_modified": _text(task.updated_at),
        "responsible_user_id": task.responsible_user_id,
        "complete_till": _text(task.complete_till),
        "created_at": task.created_at,
        "updated_at": task.updated_at,
    }
    if deed.kind == "task_completed":
        item |= {"action_close": 1, "old_text": task.text, "result": {"id": 1, "text": "Done"}}
    return item


def _text(at: int) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}"
