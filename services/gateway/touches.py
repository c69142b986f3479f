"""Asks Kommo what was done to offered leads whose clock is over, many at once (D7.1).

A hundred leads cost about twenty requests: their cards, their events and those of their contacts
by ten, their tasks. Everything that may be a touch is published before the answer that there
was nothing more.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import structlog

from contracts.events import TouchKind
from contracts.inbound import Inbound, TouchesRead, TouchReported
from contracts.kommo.cards import LeadCard
from contracts.kommo.history import Event, Task
from projections.touches import Question
from services.gateway.connections import Connection
from services.gateway.ports import InboundPublisher, Now
from services.kommo.client import KommoClient
from services.kommo.deeds import events_of, tasks_of
from services.kommo.limiter import Priority

log = structlog.get_logger(__name__)

KINDS: Mapping[str, TouchKind] = {
    "lead_status_changed": "stage_changed",
    "common_note_added": "note",
    "attachment_note_added": "note",
    "geo_note_added": "note",
    "outgoing_call": "call",
    "outgoing_chat_message": "message",
    "outgoing_sms": "message",
    "sale_field_changed": "edited",
    "name_field_changed": "edited",
    "custom_field_value_changed": "edited",
    "entity_tag_added": "edited",
    "entity_tag_deleted": "edited",
}
EDITED_FIELD = ("custom_field_", "_value_changed")  # with the field's id between them
# Kommo counts whole seconds, and shows an event a moment after it happened.
SLACK = timedelta(seconds=1)

Touch = tuple[int, TouchKind, int, datetime]  # lead, what, by whom, when


async def read_touches(
    connection: Connection, rows: Sequence[Question], *, publisher: InboundPublisher, now: Now
) -> None:
    """Answer questions about offered leads."""
    found = newest(await _touches(connection.client, rows))
    at = now()
    await publisher.publish(
        [message for row in rows for message in _answer(row, found.get(row.lead_id, ()), at)]
    )
    log.info(
        "touches_read",
        account_id=connection.account_id,
        leads=len(rows),
        touched=len(found.keys() & {row.lead_id for row in rows}),
    )


async def _touches(client: KommoClient, rows: Sequence[Question]) -> list[Touch]:
    lead_ids = sorted({row.lead_id for row in rows})
    since = min(row.since for row in rows) - SLACK
    cards = (await client.lead_cards(lead_ids, priority=Priority.LOOKUP)).by_id
    leads_of = _leads_by_contact(cards.values())
    of_leads = await events_of(client, "lead", lead_ids, since=since)
    of_contacts = await events_of(client, "contact", sorted(leads_of), since=since)
    tasks = await tasks_of(client, lead_ids, since=since)
    events = (*of_leads.events, *of_contacts.events)
    return [*_of_events(events, leads_of), *_of_tasks(tasks, since)]


def _leads_by_contact(cards: Iterable[LeadCard]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = defaultdict(list)
    for card in cards:
        for contact_id in card.contact_ids:
            found[contact_id].append(card.id)
    return found


def _of_events(events: Iterable[Event], leads_of: Mapping[int, list[int]]) -> Iterator[Touch]:
    """What was done to leads, and by calls and notes to their contacts."""
    for event in events:
        kind = kind_of(event.type)
        if kind is None or not event.created_by:
            continue
        if event.entity_type == "lead":
            yield event.entity_id, kind, event.created_by, event.created_at
        elif event.entity_type == "contact" and kind != "edited":
            for lead_id in leads_of.get(event.entity_id, ()):
                yield lead_id, kind, event.created_by, event.created_at


def kind_of(event_type: str) -> TouchKind | None:
    """What an event of Kommo means for a clock, None for nothing."""
    begin, end = EDITED_FIELD
    if event_type.startswith(begin) and event_type.endswith(end):
        return "edited"
    return KINDS.get(event_type)


def _of_tasks(tasks: Iterable[Task], since: datetime) -> Iterator[Touch]:
    for task in tasks:
        if task.created_by and task.created_at >= since and task.order_id is None:
            yield task.entity_id, "task_added", task.created_by, task.created_at
        if task.is_completed and task.updated_by and task.ended_by is None:
            yield task.entity_id, "task_completed", task.updated_by, task.updated_at


def newest(touches: Iterable[Touch]) -> dict[int, list[Touch]]:
    """By lead the newest touch of each kind by each person, in order of time."""
    found: dict[tuple[int, TouchKind, int], datetime] = {}
    for lead_id, kind, by, at in touches:
        known = found.get((lead_id, kind, by))
        found[lead_id, kind, by] = at if known is None else max(known, at)
    by_lead: dict[int, list[Touch]] = defaultdict(list)
    for (lead_id, kind, by), at in sorted(found.items(), key=lambda item: (item[1], item[0])):
        by_lead[lead_id].append((lead_id, kind, by, at))
    return dict(by_lead)


def _answer(row: Question, touches: Iterable[Touch], at: datetime) -> Iterator[Inbound]:
    for _, kind, by, happened_at in touches:
        yield Inbound(
            account_id=row.account_id,
            message_id=f"touch/{row.lead_id}/{kind}/{by}/{int(happened_at.timestamp())}",
            at=at,
            body=TouchReported(lead_id=row.lead_id, kind=kind, by=by, happened_at=happened_at),
        )
    yield Inbound(
        account_id=row.account_id,
        message_id=f"touches/{row.lead_id}/{row.asked_version}/{at.isoformat()}",
        at=at,
        body=TouchesRead(lead_id=row.lead_id, request_id=row.request_id, attempt=row.attempt),
    )
