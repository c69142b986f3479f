"""The calls that write notes and tasks, find them again, and complete tasks (D12.2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contracts.kommo.told import Made, OpenTask, WrittenNote, WrittenTask
from services.kommo.client import PAGE_MAX, KommoClient
from services.kommo.errors import MalformedAnswer
from services.kommo.limiter import Priority

NOTES = "/api/v4/leads/notes"
TASKS = "/api/v4/tasks"
NOTE_TYPE = "extended_service_message"
SERVICE = "Fairlead"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTask:
    """A task to be made.

    Attributes:
        order_id: Names it in the answer.
    """

    order_id: str
    lead_id: int
    manager_id: int
    text: str
    due_at: datetime


async def write_notes(
    client: KommoClient, texts: Mapping[str, tuple[int, str]], *, priority: Priority
) -> dict[str, int]:
    """Write notes on leads, all in one request.

    Args:
        client: Of the account.
        texts: Order to the lead and what the note says, 1 to 250.
        priority: Place in the queue.

    Returns:
        Order to the note's id; one that is absent was not confirmed.
    """
    body: list[dict[str, Any]] = [
        {
            "entity_id": lead_id,
            "note_type": NOTE_TYPE,
            "params": {"service": SERVICE, "text": text},
            "request_id": order_id,
        }
        for order_id, (lead_id, text) in texts.items()
    ]
    return _made(await client.make(Made, "notes", NOTES, body, priority=priority), texts)


async def make_tasks(
    client: KommoClient, tasks: Sequence[NewTask], *, priority: Priority
) -> dict[str, int]:
    """Make tasks of leads, all in one request; the answer as with notes."""
    body: list[dict[str, Any]] = [
        {
            "entity_id": task.lead_id,
            "entity_type": "leads",
            "responsible_user_id": task.manager_id,
            "text": task.text,
            "complete_till": int(task.due_at.timestamp()),
            "request_id": task.order_id,
        }
        for task in tasks
    ]
    wanted = {task.order_id for task in tasks}
    return _made(await client.make(Made, "tasks", TASKS, body, priority=priority), wanted)


async def find_notes(
    client: KommoClient, lead_ids: Sequence[int], *, since: datetime, priority: Priority
) -> dict[str, int]:
    """Our own notes of leads that were written since an instant: order to id.

    Raises:
        MalformedAnswer: The list has no end, or is one of other leads: then nothing is known.
    """
    path = _listed(NOTES, lead_ids, f"&filter[note_type][]={NOTE_TYPE}", since)
    found = await client.whole(WrittenNote, "notes", path, priority=priority)
    return _ours(found.elements, lead_ids, since)


async def find_tasks(
    client: KommoClient, lead_ids: Sequence[int], *, since: datetime, priority: Priority
) -> dict[str, int]:
    """Our own tasks of leads that were made since an instant; otherwise as with notes."""
    path = _listed(TASKS, lead_ids, "&filter[entity_type]=leads", since)
    found = await client.whole(WrittenTask, "tasks", path, priority=priority)
    return _ours(found.elements, lead_ids, since)


async def open_tasks(
    client: KommoClient, lead_ids: Sequence[int], *, priority: Priority
) -> list[OpenTask]:
    """Our own tasks of leads that nobody has completed; it raises as with notes."""
    leads = "".join(f"&filter[entity_id][]={each}" for each in lead_ids)
    more = f"&filter[entity_type]=leads&filter[is_completed]=0{leads}"
    path = f"{TASKS}?limit={PAGE_MAX}&page=1{more}"
    found = (await client.whole(OpenTask, "tasks", path, priority=priority)).elements
    _check_leads(found, lead_ids)
    return [each for each in found if each.order_id is not None and not each.is_completed]


async def complete_tasks(
    client: KommoClient, results: Mapping[int, str], *, priority: Priority
) -> set[int]:
    """Complete tasks, all in one request.

    Args:
        client: Of the account.
        results: Task to what came of it, 1 to 250.
        priority: Place in the queue.

    Returns:
        Those that Kommo confirms.
    """
    done = {
        task_id: {"is_completed": True, "result": {"text": text}}
        for task_id, text in results.items()
    }
    return set(await client.change("tasks", done, priority=priority))


def _listed(path: str, lead_ids: Sequence[int], more: str, since: datetime) -> str:
    leads = "".join(f"&filter[entity_id][]={each}" for each in lead_ids)
    changed = f"&filter[updated_at][from]={int(since.timestamp())}"
    return f"{path}?limit={PAGE_MAX}&page=1{more}{leads}{changed}"


def _made(made: Sequence[Made], wanted: Mapping[str, Any] | set[str]) -> dict[str, int]:
    return {each.request_id: each.id for each in made if each.request_id in wanted}


def _ours(
    found: Sequence[WrittenNote | WrittenTask], lead_ids: Sequence[int], since: datetime
) -> dict[str, int]:
    _check_leads(found, lead_ids)
    return {
        each.order_id: each.id
        for each in found
        # Older ones are of decisions that a restored database does not know any more (F79).
        if each.order_id is not None and each.created_at >= since
    }


def _check_leads(found: Sequence[WrittenNote | WrittenTask], lead_ids: Sequence[int]) -> None:
    asked = set(lead_ids)
    if any(each.entity_id not in asked for each in found):
        # Kommo ignores filters it does not know; an absence would then mean nothing.
        raise MalformedAnswer("a list has things of leads that were not asked for")
