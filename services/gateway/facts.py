"""Reads what requests have to know before they are decided, many at once (D1.5, D6.1).

A request costs at most four calls however many there are beside it: the leads, their main contacts,
their companies, the contacts' latest other leads. Conditions are judged here: what people's
fields hold goes no further.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from contracts.events import Outcome, ReadingPart, Responsible
from contracts.inbound import FactsRead, Inbound, InboundBody, LeadMissing
from contracts.kommo.cards import Card, LeadCard
from contracts.stage import Stage
from domain.conditions import Facts, folded, judged
from domain.configuration import NO_RULES, Configuration, compile_rules
from projections.readings import Reading
from services.gateway.connections import Connection, Connections
from services.gateway.ports import Now, Publisher, ReadingList
from services.gateway.rounds import RoundRules, Rounds
from services.kommo.client import Found, KommoClient
from services.kommo.limiter import Priority
from services.kommo.timing import Timing

log = structlog.get_logger(__name__)

_NOTHING: Found[Card] = Found(by_id={}, unreadable=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """What was read for a batch."""

    leads: Found[LeadCard]
    contacts: Found[Card]
    companies: Found[Card]
    others: Found[LeadCard]


class FactsReader:
    """Answers requested readings with outcomes and ids."""

    def __init__(
        self,
        *,
        requested: ReadingList,
        connections: Connections,
        publisher: Publisher,
        now: Now,
        rules: RoundRules | None = None,
        timing: Timing | None = None,
    ) -> None:
        self._requested = requested
        self._publisher = publisher
        self._now = now
        self._compiled: dict[int, Configuration] = {}
        self._rounds = Rounds[Reading](
            name="readings",
            pending=lambda limit, after: requested.pending(limit=limit, after=after),
            work=self._read,
            connections=connections,
            rules=rules,
            timing=timing,
        )

    def nudge(self) -> None:
        """Look at the list now."""
        self._rounds.nudge()

    async def run(self) -> None:
        """Read until cancelled."""
        await self._rounds.run()

    async def _read(self, connection: Connection, rows: list[Reading]) -> None:
        account_id = connection.account_id
        rules = await self._rules(account_id)
        # What was asked under other rules is asked again under these, if it is not yet.
        rows = [row for row in rows if row.revision == rules.revision]
        if not rows:
            return
        found = await _read_all(connection.client, rows)
        at = self._now()
        messages = [
            Inbound(
                account_id=account_id,
                message_id=f"facts/{row.request_id}/{row.asked_version}/{at.isoformat()}",
                at=at,
                body=body,
            )
            for row in rows
            if (body := _answer(row, rules, found)) is not None
        ]
        await self._publisher.publish(messages)
        log.info("facts_read", account_id=account_id, requests=len(rows), answered=len(messages))

    async def _rules(self, account_id: int) -> Configuration:
        known = self._compiled.get(account_id, NO_RULES)
        found = await self._requested.rules_of(account_id)
        if found is None or found[0] == known.revision:
            return known
        revision, data = found
        # Only conditions and stages are looked at: neither zone nor users matter to them.
        compiled = compile_rules(data, revision=revision, timezone="UTC", active_user_ids=())
        self._compiled[account_id] = compiled
        return compiled


async def _read_all(client: KommoClient, rows: Sequence[Reading]) -> _Read:
    lead_ids = list(dict.fromkeys(row.lead_id for row in rows))
    leads = await client.lead_cards(lead_ids, priority=Priority.LOOKUP)
    contact_ids = _wanted(rows, leads, ("contact", "other_lead"), _main_contact)
    contacts = companies = _NOTHING
    others: Found[LeadCard] = Found(by_id={}, unreadable=0)
    if contact_ids:
        with_leads = any("other_lead" in row.parts for row in rows)
        contacts = await client.cards("contacts", contact_ids, with_leads=with_leads)
    if company_ids := _wanted(rows, leads, ("company",), _company):
        companies = await client.cards("companies", company_ids)
    latest = {
        other_id: None
        for row in rows
        if "other_lead" in row.parts
        and (other_id := _latest_other(leads.by_id.get(row.lead_id), contacts)) is not None
    }
    if latest:
        others = await client.lead_cards(list(latest), priority=Priority.LOOKUP)
    return _Read(leads=leads, contacts=contacts, companies=companies, others=others)


def _answer(row: Reading, rules: Configuration, read: _Read) -> InboundBody | None:
    lead = read.leads.by_id.get(row.lead_id)
    if lead is None:
        # What could not be read may be this very lead.
        return None if read.leads.unreadable else LeadMissing(lead_id=row.lead_id)
    if lead.is_deleted:
        return LeadMissing(lead_id=row.lead_id)
    responsibles, unread = _responsibles(row, lead, read)
    return FactsRead(
        request_id=row.request_id,
        lead_id=lead.id,
        revision=rules.revision,
        stage=lead.stage,
        responsible_id=lead.responsible_user_id,
        modified_at=lead.updated_at,
        created_at=lead.created_at,
        outcomes=_outcomes(rules, row.stage, _facts(row, lead, read)),
        responsibles=responsibles,
        created_by=lead.created_by,
        unread=unread,
    )


def _outcomes(rules: Configuration, stage: Stage, facts: Facts) -> tuple[Outcome, ...]:
    return tuple(
        outcome
        for rule in rules.by_stage.get(stage, ())
        for outcome in judged(rule.rule_id, rule.conditions, facts)
    )


def _facts(row: Reading, lead: LeadCard, read: _Read) -> Facts:
    contact_fields: Mapping[int, tuple[str, ...]] | None = None
    if "contact" in row.parts:
        contact_id = _main_contact(lead)
        contact = None if contact_id is None else read.contacts.by_id.get(contact_id)
        if contact is not None:
            contact_fields = _folded(contact.fields)
        elif contact_id is None or not read.contacts.unreadable:
            contact_fields = {}
    return Facts(
        tags=tuple(map(folded, lead.tags)),
        price=lead.price,
        source_id=lead.source_id,
        fields=_folded(lead.fields),
        contact_fields=contact_fields,
    )


def _folded(fields: Mapping[int, Iterable[str]]) -> dict[int, tuple[str, ...]]:
    return {field_id: tuple(map(folded, values)) for field_id, values in fields.items()}


def _responsibles(
    row: Reading, lead: LeadCard, read: _Read
) -> tuple[tuple[Responsible, ...], tuple[ReadingPart, ...]]:
    """Whose things are that belong to the lead, and which of them could not be read."""
    places: tuple[tuple[ReadingPart, int | None, Found[Card] | Found[LeadCard]], ...] = (
        ("contact", _main_contact(lead), read.contacts),
        ("company", _company(lead), read.companies),
        ("other_lead", _latest_other(lead, read.contacts), read.others),
    )
    found: list[Responsible] = []
    unread: list[ReadingPart] = []
    for part, thing_id, things in places:
        if part not in row.parts or thing_id is None:
            continue
        thing = things.by_id.get(thing_id)
        if thing is not None and thing.responsible_user_id:
            found.append(Responsible(part, thing.responsible_user_id))
        elif thing is None and things.unreadable:
            unread.append(part)
    return tuple(found), tuple(unread)


def _wanted(
    rows: Sequence[Reading],
    leads: Found[LeadCard],
    parts: tuple[ReadingPart, ...],
    thing_of: Callable[[LeadCard], int | None],
) -> list[int]:
    found = {
        thing_id: None
        for row in rows
        if any(part in row.parts for part in parts)
        and (lead := leads.by_id.get(row.lead_id)) is not None
        and (thing_id := thing_of(lead)) is not None
    }
    return list(found)


def _main_contact(lead: LeadCard) -> int | None:
    return lead.contact_ids[0] if lead.contact_ids else None


def _company(lead: LeadCard) -> int | None:
    return lead.company_ids[0] if lead.company_ids else None


def _latest_other(lead: LeadCard | None, contacts: Found[Card]) -> int | None:
    """The newest of the contact's other leads: Kommo numbers leads as they are made."""
    contact_id = _main_contact(lead) if lead is not None else None
    contact = None if contact_id is None else contacts.by_id.get(contact_id)
    if lead is None or contact is None:
        return None
    return max((each for each in contact.lead_ids if each != lead.id), default=None)
