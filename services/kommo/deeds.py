"""Reads what was done to leads: from the list of events, and from the leads' tasks (D7.1).

Events can be filtered by at most ten entities of one kind, and messages to clients are found by
their contact only, though they are shown as the lead's. Tasks are read as such, since the list
of events does not tell whose lead an event of a task is about.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Literal

from contracts.kommo.history import Event, Task
from contracts.kommo.pages import Page
from services.kommo.client import KommoClient
from services.kommo.limiter import Priority

EVENTS = "/api/v4/events"
TASKS = "/api/v4/tasks"
IDS_MAX = 10
EVENTS_PAGE_MAX = 100
TASKS_PAGE_MAX = 250
# Of one request's worth of ids: a lead with a thousand events since its offer is not untouched.
PAGES_MAX = 20


@dataclass(frozen=True, slots=True)
class Deeds:
    """What was done to things.

    Attributes:
        unread: Things with an event that makes no sense.
    """

    events: tuple[Event, ...]
    unread: frozenset[int]


async def events_of(
    client: KommoClient,
    entity: Literal["lead", "contact"],
    ids: Sequence[int],
    *,
    since: datetime,
    priority: Priority = Priority.LOOKUP,
) -> Deeds:
    """All events of leads or contacts since an instant, ten of them per request.

    An event that makes no sense does not say whose it is: the ten are then read one by one.

    Raises:
        MalformedAnswer: The list has no end.
    """

    async def read(some: Sequence[int]) -> Page[Event]:
        wanted = "".join(f"&filter[entity_id][]={each}" for each in some)
        path = f"{EVENTS}?limit={EVENTS_PAGE_MAX}&page=1&filter[entity]={entity}{wanted}"
        path = f"{path}&filter[created_at][from]={int(since.timestamp())}"
        return await client.whole(Event, "events", path, priority=priority, pages_max=PAGES_MAX)

    found: list[Event] = []
    unread: set[int] = set()
    for part in _parts(ids, IDS_MAX):
        page = await read(part)
        found += page.elements
        if page.odd:
            client.tell_odd("events", page.odd)
            unread |= {each for each in part if len(part) == 1 or (await read([each])).odd}
    return Deeds(tuple(found), frozenset(unread))


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
    found = await client.whole(Task, "tasks", path, priority=priority, pages_max=PAGES_MAX)
    client.tell_odd("tasks", found.odd)
    return list(found.elements)


def _parts(ids: Iterable[int], size: int) -> Iterable[list[int]]:
    rest = iter(ids)
    while part := list(islice(rest, size)):
        yield part
