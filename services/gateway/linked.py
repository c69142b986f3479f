"""Reads what belongs to decided leads, in bulk (D6.4), for `transfers` to hand it over."""

from collections.abc import Iterable, Mapping, Sequence

import structlog

from contracts.events import LinkedKind
from contracts.inbound import Inbound, Linked, LinkedFound
from contracts.kommo.cards import Card, LeadCard
from projections.linked import Search
from services.gateway.cards import is_active, lead_cards, parts
from services.gateway.connections import Connection
from services.gateway.ports import InboundPublisher, Now
from services.kommo.client import PAGE_MAX, CardKind, KommoClient
from services.kommo.limiter import Priority

log = structlog.get_logger(__name__)


async def find_linked(
    connection: Connection, rows: Sequence[Search], *, publisher: InboundPublisher, now: Now
) -> None:
    """Tell what belongs to leads."""
    account_id, at = connection.account_id, now()
    found = await _find_all(connection.client, rows)
    await publisher.publish(
        [
            Inbound(
                account_id=account_id,
                message_id=f"linked/LinkedFound/{order_id}/{at.isoformat()}",
                at=at,
                body=LinkedFound(order_id=order_id, things=things),
            )
            for order_id, things in found.items()
        ]
    )
    log.info("linked_found", account_id=account_id, leads=len(rows))


async def _find_all(client: KommoClient, rows: Sequence[Search]) -> dict[str, tuple[Linked, ...]]:
    """Everything the rows ask for, by order; those whose lead cannot be read are left out."""
    read = await lead_cards(client, [row.lead_id for row in rows], Priority.LINKED)
    leads, rows = read.by_id, [row for row in rows if row.lead_id not in read.unread]
    contacts = await _cards(client, "contacts", rows, leads, ("contacts", "contact_leads"))
    companies = await _cards(client, "companies", rows, leads, ("company", "company_leads"))
    with_tasks = [row.lead_id for row in rows if "tasks" in row.objects]
    tasks = await client.open_tasks(with_tasks, priority=Priority.LINKED) if with_tasks else ()
    others: dict[str, dict[int, None]] = {}
    for row in rows:
        lead = leads.get(row.lead_id)
        linked = _linked_leads(row, lead, contacts, companies) if lead is not None else ()
        others[row.order_id] = dict.fromkeys(each for each in linked if each != row.lead_id)
    other_ids = dict.fromkeys(each for found in others.values() for each in found)
    other_leads = (await lead_cards(client, list(other_ids), Priority.LINKED)).by_id
    return {
        row.order_id: (
            *_things("contact", _contact_ids(row, leads), contacts),
            *_things("company", _company_ids(row, leads), companies),
            *(
                Linked("task", task.id, task.responsible_user_id)
                for task in tasks
                # Ours go with their decisions, and are completed by the next one (D12.2).
                if "tasks" in row.objects and task.entity_id == row.lead_id and not task.order_id
            ),
            *(
                Linked("lead", other.id, other.responsible_user_id)
                for each in others[row.order_id]
                if (other := other_leads.get(each)) is not None and is_active(other)
            ),
        )
        for row in rows
    }


async def _cards(
    client: KommoClient,
    entity: CardKind,
    rows: Sequence[Search],
    leads: Mapping[int, LeadCard],
    objects: tuple[str, str],
) -> dict[int, Card]:
    """The contacts or companies that are asked for, with their leads if those are."""
    cards, active_leads = objects
    asking = [row for row in rows if cards in row.objects or active_leads in row.objects]
    ids: dict[int, None] = {}
    for row in asking:
        if (lead := leads.get(row.lead_id)) is not None:
            ids |= dict.fromkeys(lead.contact_ids if entity == "contacts" else lead.company_ids)
    found: dict[int, Card] = {}
    with_leads = any(active_leads in row.objects for row in asking)
    for part in parts(list(ids), PAGE_MAX):
        page = await client.cards(entity, part, with_leads=with_leads, priority=Priority.LINKED)
        found |= page.by_id
    return found


def _contact_ids(row: Search, leads: Mapping[int, LeadCard]) -> tuple[int, ...]:
    lead = leads.get(row.lead_id)
    return lead.contact_ids if lead is not None and "contacts" in row.objects else ()


def _company_ids(row: Search, leads: Mapping[int, LeadCard]) -> tuple[int, ...]:
    lead = leads.get(row.lead_id)
    return lead.company_ids if lead is not None and "company" in row.objects else ()


def _linked_leads(
    row: Search, lead: LeadCard, contacts: Mapping[int, Card], companies: Mapping[int, Card]
) -> Iterable[int]:
    """Leads of the main contact and of the company, as far as they are asked for."""
    if "contact_leads" in row.objects and lead.contact_ids:
        yield from _leads_of(contacts.get(lead.contact_ids[0]))
    if "company_leads" in row.objects and lead.company_ids:
        yield from _leads_of(companies.get(lead.company_ids[0]))


def _leads_of(card: Card | None) -> tuple[int, ...]:
    return card.lead_ids if card is not None else ()


def _things(kind: LinkedKind, ids: Iterable[int], cards: Mapping[int, Card]) -> Iterable[Linked]:
    return (Linked(kind, i, cards[i].responsible_user_id) for i in ids if i in cards)
