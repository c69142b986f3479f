"""Which leads were given to somebody since they came into their stage, as Kommo remembers it (F79).

Where our own memory is lost, Kommo's list of events still tells who was made responsible when: by
us, whose decision is lost, or by a person. Either way the lead is not to be given out again.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from contracts.kommo.history import Event
from services.kommo.client import KommoClient
from services.kommo.deeds import events_of
from services.kommo.limiter import Priority

# Leads in one request.
ASKED_AT_ONCE = 10
HANDOVER = "entity_responsible_changed"
ENTRIES = ("lead_added", "lead_status_changed")


async def taken_since(
    client: KommoClient, lead_ids: Sequence[int], since: datetime
) -> frozenset[int]:
    """Those of the leads that changed hands since an instant, and did not move afterwards.

    Costs a request per ten leads.

    Raises:
        MalformedAnswer: The list of events has no end.
        Exception: As any reading of Kommo.
    """
    deeds = await events_of(client, "lead", lead_ids, since=since, priority=Priority.SWEEP)
    # What cannot be read may be the change of hands: in doubt a person was faster.
    return taken(deeds.events) | deeds.unread


def taken(events: Iterable[Event]) -> frozenset[int]:
    """Leads whose last change of hands is not before their last move, in whole seconds."""
    entered: dict[int, datetime] = {}
    given: dict[int, datetime] = {}
    for event in events:
        if event.entity_type != "lead":
            continue
        if event.type in ENTRIES:
            _note(entered, event)
        elif event.type == HANDOVER:
            _note(given, event)
    return frozenset(
        lead_id for lead_id, at in given.items() if lead_id not in entered or entered[lead_id] <= at
    )


def _note(newest: dict[int, datetime], event: Event) -> None:
    known = newest.get(event.entity_id)
    newest[event.entity_id] = event.created_at if known is None else max(known, event.created_at)
