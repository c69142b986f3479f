"""Reads what was done to leads: from the list of events, and from the leads' tasks (D7.1).

Events can be filtered by at most ten entities of one kind, and messages to clients are found by
their contact only, though they are shown as the lead's. Tasks are read as such, since the list
of events does not tell whose lead an event of a task is about.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice
from typing import Literal

from contracts.kommo.history import Event, EventsPage, Task, TasksPage
from services.kommo.client import KommoClient
from services.kommo.limiter import Priority

EVENTS = "/api/v4/events"
TASKS = "/api/v4/tasks"
IDS_MAX = 10
EVENTS_PAGE_MAX = 100
TASKS_PAGE_MAX = 250
# Of one request's worth of ids: a lead with a thousand events since its offer is not untouched.
PAGES_MAX = 20


async def events_of(
    client: KommoClient,
    entity: Literal["lead", "contact"],
    ids: Sequence[int],
    *,
    since: datetime,
    priority: Priority = Priority.LOOKUP,
) -> list[Event]:
    """All events of leads or contacts since an instant, ten of them per request.

    Raises:
        MalformedAnswer: The list has no end.
    """
    found: list[Event] = []
    for part in _parts(ids, IDS_MAX):
        wanted = "".join(f"&filter[entity_id][]={each}" for each in part)
        path = f"{EVENTS}?limit={EVENTS_PAGE_MAX}&page=1&filter[entity]={entity}{wanted}"
        path = f"{path}&filter[created_at][from]={int(since.timestamp())}"
        pages = client.pages(EventsPage, path, priority=priority, pages_max=PAGES_MAX)
        found += [event async for page in pages for event in page.elements if event is not None]
    return found


async def tasks_of(
    client: KommoClient,
    lead_ids: Sequence[int],
    *,
    since: datetime,
    priority: Priority = Priority.LOOKUP,
) -> list[Task]:
    """All tasks of leads that were made or changed since an instant.

    Raises:
        MalformedAnswer: The list has no end.
    """
    wanted = "".join(f"&filter[entity_id][]={each}" for each in lead_ids)
    path = f"{TASKS}?limit={TASKS_PAGE_MAX}&page=1&filter[entity_type]=leads{wanted}"
    path = f"{path}&filter[updated_at][from]={int(since.timestamp())}"
    pages = client.pages(TasksPage, path, priority=priority, pages_max=PAGES_MAX)
    return [task async for page in pages for task in page.elements if task is not None]


def _parts(ids: Iterable[int], size: int) -> Iterable[list[int]]:
    rest = iter(ids)
    while part := list(islice(rest, size)):
        yield part
