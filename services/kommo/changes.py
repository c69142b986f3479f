"""Reads who became responsible for leads, from the account's list of events."""

from datetime import datetime
from math import ceil

from contracts.kommo.history import ResponsibleChange
from contracts.kommo.pages import Page
from services.kommo.client import KommoClient
from services.kommo.deeds import EVENTS, EVENTS_PAGE_MAX
from services.kommo.limiter import Priority

KIND = "entity_responsible_changed"


async def responsible_changes(
    client: KommoClient,
    start: datetime,
    end: datetime,
    *,
    priority: Priority = Priority.SWEEP,
) -> Page[ResponsibleChange]:
    """All changes of leads' responsibles in a time, in no order that is promised.

    Args:
        client: Of the account.
        start: Kommo counts whole seconds: of the one in which it falls, all is read.
        end: The same.
        priority: Of each call.

    Raises:
        MalformedAnswer: The list has no end.
    """
    low, high = int(start.timestamp()), ceil(end.timestamp()) - 1
    path = f"{EVENTS}?limit={EVENTS_PAGE_MAX}&page=1&filter[entity]=lead&filter[type]={KIND}"
    path = f"{path}&filter[created_at][from]={low}&filter[created_at][to]={high}"
    return await client.whole(ResponsibleChange, "events", path, priority=priority)
