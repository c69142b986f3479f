"""Reads what belongs to decided leads, and hands it over: after the leads, in bulk (D6.4).

As with leads, what may have been sent before is read first, and whoever a person made responsible
meanwhile stays (F8, F50, F60).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from itertools import islice
from typing import TypeVar

import structlog

from contracts.events import LinkedKind
from contracts.inbound import Inbound, InboundBody, Linked, LinkedFound, LinkedResult, LinkedSettled
from contracts.kommo.cards import Card, LeadCard
from contracts.stage import CLOSED_STATUSES
from projections.linked import PendingHandover, Search
from services.gateway.connections import Connection, Connections
from services.gateway.ports import LinkedLists, Now, Publisher
from services.gateway.rounds import RoundRules, Rounds
from services.gateway.splitter import isolate
from services.kommo.client import PAGE_MAX, CardKind, Entity, KommoClient
from services.kommo.errors import MalformedAnswer, Rejected
from services.kommo.limiter import Priority
from services.kommo.timing import Timing

log = structlog.get_logger(__name__)

T = TypeVar("T")

# Older decisions may have been sent by the process before; so may what is older than ourselves.
FRESH = timedelta(seconds=60)
SENT_MAX = 100_000
LISTS: Mapping[LinkedKind, Entity] = {
    "lead": "leads",
    "contact": "contacts",
    "company": "companies",
    "task": "tasks",
}


class LinkedWorker:
    """Two rounds: one finds what belongs to leads, the other sets who is responsible for it."""

    def __init__(
        self,
        *,
        lists: LinkedLists,
        connections: Connections,
        publisher: Publisher,
        now: Now,
        batch_size: int = 50,
        rules: RoundRules | None = None,
        timing: Timing | None = None,
    ) -> None:
        self._publisher = publisher
        self._now = now
        self._batch_size = batch_size
        self._began_at = now()
        # What was sent once is read before it is sent again, whatever the answer was.
        self._sent: dict[tuple[int, str, int, int], None] = {}
        self.finding = Rounds[Search](
            name="linked",
            pending=lambda limit, after: lists.to_find(limit=limit, after=after),
            work=self._find,
            connections=connections,
            rules=rules,
            timing=timing,
        )
        self.setting = Rounds[PendingHandover](
            name="handovers",
            pending=lambda limit, after: lists.to_set(limit=limit, after=after),
            work=self._set,
            connections=connections,
            rules=rules,
            timing=timing,
        )

    def nudge(self) -> None:
        """Look at the lists now."""
        self.finding.nudge()
        self.setting.nudge()

    async def _find(self, connection: Connection, rows: list[Search]) -> None:
        found = await _find_all(connection.client, rows)
        await self._publish(
            connection.account_id,
            [
                (row.order_id, LinkedFound(order_id=row.order_id, things=found[row.order_id]))
                for row in rows
            ],
        )
        log.info("linked_found", account_id=connection.account_id, leads=len(rows))

    async def _set(self, connection: Connection, rows: list[PendingHandover]) -> None:
        by_kind: dict[LinkedKind, list[PendingHandover]] = defaultdict(list)
        for row in rows:
            by_kind[row.kind].append(row)
        for kind, alike in by_kind.items():
            for part in _parts(alike, self._batch_size):
                results = await self._set_part(connection.client, kind, part)
                await self._tell(connection.account_id, part, results)

    async def _set_part(
        self, client: KommoClient, kind: LinkedKind, rows: Sequence[PendingHandover]
    ) -> list[LinkedResult]:
        results: list[LinkedResult] = []
        doubtful = [row for row in rows if self._is_doubtful(row)]
        to_send = [row for row in rows if not self._is_doubtful(row)]
        if doubtful:
            judged, kept = await _judge(client, kind, doubtful)
            results += judged
            to_send += kept

        async def send(part: Sequence[PendingHandover]) -> Rejected | None:
            try:
                results.extend(await self._send(client, kind, part))
            except Rejected as rejected:
                return rejected
            return None

        if to_send and await send(to_send) is not None:
            # Most refusals are things that are gone; one reading tells them all.
            judged, kept = await _judge(client, kind, to_send)
            results += judged
            bad = await isolate(kept, send, shares_verdict=_shares_manager) if kept else []
            results += [
                LinkedResult(kind, row.entity_id, "refused", None, rejected.detail)
                for row, rejected in bad
            ]
        return results

    async def _send(
        self, client: KommoClient, kind: LinkedKind, rows: Sequence[PendingHandover]
    ) -> list[LinkedResult]:
        self._sent.update(dict.fromkeys(map(_wish, rows)))
        wanted = {row.entity_id: row.manager_id for row in rows}
        try:
            times = await client.set_responsibles(LISTS[kind], wanted)
        except Rejected:
            for row in rows:
                self._sent.pop(_wish(row), None)
            raise
        for wish in list(islice(self._sent, max(0, len(self._sent) - SENT_MAX))):
            del self._sent[wish]
        return [
            LinkedResult(kind, row.entity_id, "answered", times[row.entity_id], "")
            for row in rows
            if row.entity_id in times
        ]

    def _is_doubtful(self, row: PendingHandover) -> bool:
        is_old = row.asked_at < max(self._began_at, self._now() - FRESH)
        return row.is_undo or is_old or _wish(row) in self._sent

    async def _tell(
        self, account_id: int, rows: Sequence[PendingHandover], results: Iterable[LinkedResult]
    ) -> None:
        order_of = {row.entity_id: row.order_id for row in rows}
        by_order: dict[str, list[LinkedResult]] = defaultdict(list)
        for result in results:
            by_order[order_of[result.entity_id]].append(result)
        await self._publish(
            account_id,
            [
                (order_id, LinkedSettled(order_id=order_id, results=tuple(ended)))
                for order_id, ended in by_order.items()
            ],
        )
        log.info("linked_set", account_id=account_id, things=len(rows), orders=len(by_order))

    async def _publish(self, account_id: int, bodies: Sequence[tuple[str, InboundBody]]) -> None:
        at = self._now()
        await self._publisher.publish(
            [
                Inbound(
                    account_id=account_id,
                    message_id=f"linked/{type(body).__name__}/{order_id}/{at.isoformat()}",
                    at=at,
                    body=body,
                )
                for order_id, body in bodies
            ]
        )


async def _find_all(client: KommoClient, rows: Sequence[Search]) -> dict[str, tuple[Linked, ...]]:
    """Everything the rows ask for, by order."""
    leads = await _lead_cards(client, [row.lead_id for row in rows])
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
    other_leads = await _lead_cards(client, list(other_ids))
    return {
        row.order_id: (
            *_things("contact", _contact_ids(row, leads), contacts),
            *_things("company", _company_ids(row, leads), companies),
            *(
                Linked("task", task.id, task.responsible_user_id)
                for task in tasks
                if "tasks" in row.objects and task.entity_id == row.lead_id
            ),
            *(
                Linked("lead", other.id, other.responsible_user_id)
                for each in others[row.order_id]
                if (other := other_leads.get(each)) is not None and _is_active(other)
            ),
        )
        for row in rows
    }


async def _lead_cards(client: KommoClient, ids: Sequence[int]) -> dict[int, LeadCard]:
    found: dict[int, LeadCard] = {}
    for part in _parts(list(dict.fromkeys(ids)), PAGE_MAX):
        found |= (await client.lead_cards(part, priority=Priority.LINKED)).by_id
    return found


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
    for part in _parts(list(ids), PAGE_MAX):
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


def _is_active(lead: LeadCard) -> bool:
    return not lead.is_deleted and lead.status_id not in CLOSED_STATUSES


async def _judge(
    client: KommoClient, kind: LinkedKind, rows: Sequence[PendingHandover]
) -> tuple[list[LinkedResult], list[PendingHandover]]:
    """Read the things: how those ended that need no write, and the rows that may be sent."""
    entity, ids = LISTS[kind], [row.entity_id for row in rows]
    things: dict[int, LeadCard] | dict[int, Card]
    if entity == "leads":
        things = await _lead_cards(client, ids)
    else:
        things = await _checked_cards(client, entity, ids)
    results: list[LinkedResult] = []
    to_send: list[PendingHandover] = []
    for row in rows:
        thing = things.get(row.entity_id)
        if thing is None or (isinstance(thing, LeadCard) and thing.is_deleted):
            results.append(LinkedResult(kind, row.entity_id, "gone", None, ""))
        elif thing.responsible_user_id == row.manager_id:
            results.append(LinkedResult(kind, row.entity_id, "read", thing.updated_at, ""))
        elif thing.responsible_user_id == row.responsible_before:
            to_send.append(row)
        else:
            results.append(LinkedResult(kind, row.entity_id, "changed_since", None, ""))
    return results, to_send


async def _checked_cards(
    client: KommoClient, kind: CardKind, ids: Sequence[int]
) -> dict[int, Card]:
    found = await client.cards(kind, ids, priority=Priority.LINKED)
    if found.unreadable:
        raise MalformedAnswer("something that shall be handed over cannot be read")
    return found.by_id


def _wish(row: PendingHandover) -> tuple[int, str, int, int]:
    return *row.key, row.asked_version


def _shares_manager(one: PendingHandover, other: PendingHandover, rejected: Rejected) -> bool:
    is_about_manager = any(c.path.endswith("responsible_user_id") for c in rejected.complaints)
    return is_about_manager and one.manager_id == other.manager_id


def _parts(things: Sequence[T], size: int) -> list[Sequence[T]]:
    return [things[start : start + size] for start in range(0, len(things), size)]
