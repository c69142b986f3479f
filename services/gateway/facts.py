"""Reads what requests have to know before they are decided, many at once (D1.5, D6.1).

A batch costs few calls however many requests are in it: the leads, their main contacts, their
companies, the contacts' newest other leads. Conditions are judged here, and kinds told apart: what
people's fields hold goes no further.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

import structlog

from contracts.events import OtherLead, Outcome, ReadingPart, Responsible
from contracts.inbound import FactsRead, Inbound, InboundBody, LeadMissing, LedgerKinds
from contracts.kommo.cards import Card, LeadCard
from contracts.stage import Stage
from domain.conditions import Facts, folded, judged
from domain.configuration import NO_RULES, Configuration, compile_rules
from domain.kinds import kinds_read
from domain.schedule.zones import zone, zone_problem
from projections.readings import Reading
from services.gateway.cards import is_active, lead_cards
from services.gateway.connections import Connection
from services.gateway.ports import InboundPublisher, Now, RulesOf
from services.gateway.present import PresentUsers
from services.kommo.client import Found, KommoClient
from services.kommo.limiter import Priority

log = structlog.get_logger(__name__)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
OTHERS_MAX = 10  # of one contact: an owner among older ones is none any more

_NOTHING: Found[Card] = Found(by_id={})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """What was read for a batch."""

    leads: Found[LeadCard]
    contacts: Found[Card]
    companies: Found[Card]
    others: Found[LeadCard]


class FactsReader:
    """Answers requested readings with outcomes, numbers and ids, by the rules in force."""

    def __init__(self, *, rules_of: RulesOf, publisher: InboundPublisher, now: Now) -> None:
        self._rules_of = rules_of
        self._publisher = publisher
        self._now = now
        self._compiled: dict[int, Configuration] = {}
        self._users = PresentUsers(now)

    async def read(self, connection: Connection, rows: Sequence[Reading]) -> None:
        """Read what some requests wait for."""
        account_id = connection.account_id
        rules = await self._rules(account_id)
        # What was asked under other rules is asked again under these, if it is not yet.
        rows = [row for row in rows if row.revision == rules.revision]
        if not rows:
            return
        found = await _read_all(connection.client, rows)
        gone = await self._gone(connection, rules, rows, found.leads)
        at, place = self._now(), _place(connection.timezone)
        messages = [
            Inbound(
                account_id=account_id,
                message_id=f"facts/{row.request_id}/{row.asked_version}/{at.isoformat()}",
                at=at,
                body=body,
            )
            for row in rows
            if (body := _answer(row, rules, found, place, gone)) is not None
        ]
        await self._publisher.publish(messages)
        log.info("facts_read", account_id=account_id, requests=len(rows), answered=len(messages))

    async def _gone(
        self,
        connection: Connection,
        rules: Configuration,
        rows: Sequence[Reading],
        leads: Found[LeadCard],
    ) -> frozenset[int]:
        """Who of the people whose leads a rule may leave alone is no active user (D6.7).

        The account's own list of users is up to an hour old; it stands where Kommo tells no other.
        """
        stages = dict.fromkeys(row.stage for row in rows)
        keeping = (
            rule.owners is not None and rule.owners.keeps_others
            for stage in stages
            for rule in rules.by_stage.get(stage, ())
        )
        if not any(keeping):
            return frozenset()
        active = await self._users.active(connection)
        if active is None:
            return frozenset()
        people = {
            person
            for lead in leads.by_id.values()
            for person in (lead.responsible_user_id, lead.created_by)
        }
        return frozenset(people - active - {0})

    async def _rules(self, account_id: int) -> Configuration:
        known = self._compiled.get(account_id, NO_RULES)
        found = await self._rules_of(account_id)
        if found is None or found[0] == known.revision:
            return known
        revision, data = found
        # Only conditions, kinds and stages are looked at: neither zone nor users matter to them.
        compiled = compile_rules(data, revision=revision, timezone="UTC", active_user_ids=())
        self._compiled[account_id] = compiled
        return compiled


async def _read_all(client: KommoClient, rows: Sequence[Reading]) -> _Read:
    lead_ids = list(dict.fromkeys(row.lead_id for row in rows))
    leads = await client.lead_cards(lead_ids, priority=Priority.LOOKUP)
    contact_ids = _wanted(rows, leads, ("contact", "other_lead"), _main_contact)
    contacts = companies = _NOTHING
    others: Found[LeadCard] = Found(by_id={})
    if contact_ids:
        with_leads = any("other_lead" in row.parts for row in rows)
        contacts = await client.cards("contacts", contact_ids, with_leads=with_leads)
    if company_ids := _wanted(rows, leads, ("company",), _company):
        companies = await client.cards("companies", company_ids)
    other_ids = {
        other_id: None
        for row in rows
        if "other_lead" in row.parts
        for other_id in _others(leads.by_id.get(row.lead_id), contacts)
    }
    if other_ids:
        others = await lead_cards(client, list(other_ids), Priority.LOOKUP)
    return _Read(leads=leads, contacts=contacts, companies=companies, others=others)


def _answer(
    row: Reading, rules: Configuration, read: _Read, place: tzinfo, gone: frozenset[int]
) -> InboundBody | None:
    lead = read.leads.by_id.get(row.lead_id)
    if row.lead_id in read.leads.unread:
        return None
    if lead is None or lead.is_deleted:
        return LeadMissing(lead_id=row.lead_id)
    responsibles, unread = _responsibles(row, lead, read)
    others = _other_leads(row, lead, read)
    if any(each in read.others.unread for each in _others(lead, read.contacts)):
        unread = (*unread, "other_lead")
    facts = _facts(row, lead, read, place)
    return FactsRead(
        request_id=row.request_id,
        lead_id=lead.id,
        revision=rules.revision,
        stage=lead.stage,
        responsible_id=lead.responsible_user_id,
        modified_at=lead.updated_at,
        created_at=lead.created_at,
        outcomes=_outcomes(rules, row.stage, facts),
        responsibles=responsibles,
        created_by=lead.created_by,
        unread=unread,
        others=others,
        inactive_ids=tuple(sorted(gone & {lead.responsible_user_id, lead.created_by})),
        kinds=_kinds(rules, row.stage, facts),
    )


def _other_leads(row: Reading, lead: LeadCard, read: _Read) -> tuple[OtherLead, ...]:
    """The contact's other leads as they were read, the newest first."""
    if "other_lead" not in row.parts:
        return ()
    cards = (read.others.by_id.get(each) for each in _others(lead, read.contacts))
    return tuple(
        OtherLead(card.id, card.responsible_user_id, is_active(card))
        for card in cards
        if card is not None and not card.is_deleted
    )


def _outcomes(rules: Configuration, stage: Stage, facts: Facts) -> tuple[Outcome, ...]:
    return tuple(
        outcome
        for rule in rules.by_stage.get(stage, ())
        for outcome in judged(rule.rule_id, rule.conditions, facts)
    )


def _kinds(rules: Configuration, stage: Stage, facts: Facts) -> tuple[LedgerKinds, ...]:
    """Of which kinds the lead is in each ledger of the stage's rules: numbers only."""
    dimensions = {rule.ledger: rule.kinds for rule in rules.by_stage.get(stage, ()) if rule.kinds}
    return tuple(
        LedgerKinds(ledger, kinds)
        for ledger in sorted(dimensions)
        if (kinds := kinds_read(dimensions[ledger], facts))
    )


def _facts(row: Reading, lead: LeadCard, read: _Read, place: tzinfo) -> Facts:
    contact_fields: Mapping[int, tuple[str, ...]] | None = None
    if "contact" in row.parts:
        contact_id = _main_contact(lead)
        contact = None if contact_id is None else read.contacts.by_id.get(contact_id)
        if contact is not None:
            contact_fields = _folded(contact, place)
        elif contact_id not in read.contacts.unread:
            contact_fields = {}
    return Facts(
        tags=tuple(map(folded, lead.tags)),
        price=lead.price,
        source_id=lead.source_id,
        fields=_folded(lead, place),
        contact_fields=contact_fields,
    )


def _folded(card: LeadCard | Card, place: tzinfo) -> dict[int, tuple[str, ...]]:
    """The values of each field; a date also as the day that it is in the account's zone."""
    return {
        field_id: (*map(folded, values), *_days(card.dates.get(field_id, ()), place))
        for field_id, values in card.fields.items()
    }


def _place(timezone: str) -> tzinfo:
    return UTC if zone_problem(timezone) is not None else zone(timezone)


def _days(instants: Iterable[int], place: tzinfo) -> Iterator[str]:
    for seconds in instants:
        # Not `fromtimestamp`, which refuses birthdays before 1970 on some systems.
        with suppress(OverflowError):
            yield (EPOCH + timedelta(seconds=seconds)).astimezone(place).date().isoformat()


def _responsibles(
    row: Reading, lead: LeadCard, read: _Read
) -> tuple[tuple[Responsible, ...], tuple[ReadingPart, ...]]:
    """Whose things are that belong to the lead, and which of them could not be read."""
    places: tuple[tuple[ReadingPart, int | None, Found[Card]], ...] = (
        ("contact", _main_contact(lead), read.contacts),
        ("company", _company(lead), read.companies),
    )
    found: list[Responsible] = []
    unread: list[ReadingPart] = []
    for part, thing_id, things in places:
        if part not in row.parts or thing_id is None:
            continue
        thing = things.by_id.get(thing_id)
        if thing is not None and thing.responsible_user_id:
            found.append(Responsible(part, thing.responsible_user_id))
        elif thing_id in things.unread:
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


def _others(lead: LeadCard | None, contacts: Found[Card]) -> list[int]:
    """The contact's newest other leads: Kommo numbers leads as they are made."""
    contact_id = _main_contact(lead) if lead is not None else None
    contact = None if contact_id is None else contacts.by_id.get(contact_id)
    if lead is None or contact is None:
        return []
    return sorted((each for each in contact.lead_ids if each != lead.id), reverse=True)[:OTHERS_MAX]
