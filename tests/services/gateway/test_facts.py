"""What requests have to know, read in bulk from a real HTTP server (D1.5, D6.1)."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from contracts.events import LeadKind, OtherLead, Outcome, ReadingPart, Responsible
from contracts.inbound import FactsRead, LeadMissing, LedgerKinds
from contracts.stage import Stage
from domain.configuration import compile_rules
from projections.readings import Reading
from services.gateway.facts import FactsReader
from services.gateway.rounds import Rounds
from services.sandbox.cards import Card
from services.sandbox.sample import ACCOUNT_ID, INBOX, SALES
from services.shared.codec import encode_inbound
from tests.services.gateway.world import PERSON, World, running, utc_now, world
from tests.support.waiting import until

pytestmark = pytest.mark.server

STAGE = Stage(SALES, INBOX)
CITY = 5
EVERYTHING: tuple[ReadingPart, ...] = ("lead", "contact", "company", "other_lead")
RULES: dict[str, Any] = {
    "version": 1,
    "rules": [
        {
            "id": "lima",
            "stages": [{"pipeline": SALES, "stage": INBOX}],
            "conditions": {
                "tags": ["VIP"],
                "contact_fields": [{"field": CITY, "one_of": ["Lima", "Cusco"]}],
            },
        },
        {"id": "rest", "stages": [{"pipeline": SALES, "stage": INBOX}]},
    ],
}


@dataclass
class Asked:
    """The work list of readings in memory; an answer settles its row."""

    here: World
    revision: int = 1
    rules: dict[str, Any] = field(default_factory=lambda: RULES)
    rows: list[Reading] = field(default_factory=list)

    def ask(self, lead_ids: list[int], *parts: ReadingPart, revision: int = 1) -> None:
        for lead_id in lead_ids:
            number = len(self.rows) + 1
            self.rows.append(
                Reading(
                    account_id=ACCOUNT_ID,
                    request_id=f"{lead_id}.{number}",
                    lead_id=lead_id,
                    stage=STAGE,
                    revision=revision,
                    parts=parts,
                    asked_version=number,
                    asked_at=utc_now() + timedelta(microseconds=number),
                )
            )

    async def pending(
        self, limit: int, after: Reading | None, but_for: Sequence[int]
    ) -> list[Reading]:
        if ACCOUNT_ID in but_for:
            return []
        answered = {
            body.lead_id
            for body in (m.body for m in self.here.books.messages)
            if isinstance(body, FactsRead | LeadMissing)
        }
        rows = [row for row in self.rows if row.lead_id not in answered]
        return [row for row in rows if after is None or row.asked_at > after.asked_at][:limit]

    async def rules_of(self, account_id: int) -> tuple[int, dict[str, Any]]:
        assert account_id == ACCOUNT_ID
        return self.revision, self.rules


def reader(here: World, asked: Asked) -> Rounds[Reading]:
    facts = FactsReader(rules_of=asked.rules_of, publisher=here.books, now=utc_now)
    return here.rounds(asked.pending, facts.read)


def link(here: World, lead_id: int, **fields: Any) -> None:
    leads = here.sandbox.account.leads
    leads[lead_id] = replace(leads[lead_id], **fields)


def card(here: World, kind: Any, user_id: int, **fields: Any) -> int:
    box = here.sandbox.account.box(kind)
    return box.add(Card, {"responsible_user_id": user_id, **fields}, by=0, now=1)


def city(name: str) -> tuple[dict[str, Any], ...]:
    return ({"field_id": CITY, "values": [{"value": name}]},)


def paths(here: World) -> list[str]:
    return [urlsplit(row.path).path.removeprefix("/api/v4/") for row in here.requests("GET")]


async def answers(here: World, asked: Asked, count: int) -> list[FactsRead]:
    async with running(reader(here, asked).run()):
        await until(lambda: len(here.books.messages) == count)
    return here.books.bodies(FactsRead)


async def test_D6_1_everything_a_request_asks_for_is_read_in_four_calls() -> None:
    async with world(3) as here:
        first, second, third = here.lead_ids
        contact, company = card(here, "contacts", 502), card(here, "companies", 503)
        for lead_id in (first, second, third):
            link(here, lead_id, contact_ids=(contact,), company_id=company)
        link(here, second, responsible_user_id=504)
        link(here, third, responsible_user_id=505)
        asked = Asked(here)
        asked.ask([first], *EVERYTHING)
        (read,) = await answers(here, asked, 1)

        assert read.responsibles == (
            Responsible("contact", 502),
            Responsible("company", 503),
        )
        assert read.others == (
            OtherLead(third, 505, is_open=True),
            OtherLead(second, 504, is_open=True),
        )
        assert (read.responsible_id, read.stage, read.created_by) == (500, STAGE, 500)
        assert read.unread == ()
        assert paths(here) == ["leads", "contacts", "companies", "leads"]


async def test_D6_6_the_contacts_newest_other_leads_are_told_with_whether_they_are_open() -> None:
    async with world(14) as here:
        contact = card(here, "contacts", 502)
        for lead_id in here.lead_ids:
            link(here, lead_id, contact_ids=(contact,))
        first, *others = here.lead_ids
        here.sandbox.crm.delete(others[-1:], PERSON)
        link(here, others[-2], status_id=143)
        asked = Asked(here)
        asked.ask([first], "other_lead")
        (read,) = await answers(here, asked, 1)

        told = [(other.lead_id, other.is_open) for other in read.others]
        assert told[0] == (others[-2], False)
        assert told[1:] == [(lead_id, True) for lead_id in others[-3 : -3 - len(told[1:]) : -1]]
        assert len(told) == 10
        assert read.unread == ()


KEEPING: dict[str, Any] = {
    "version": 1,
    "rules": [
        {
            "id": "keeps",
            "stages": [{"pipeline": SALES, "stage": INBOX}],
            "participants": [{"manager": 501}],
            "owners": {"sources": ["contact"], "others": "keep"},
        }
    ],
}


async def test_D6_7_who_may_keep_a_lead_is_looked_up_and_not_taken_from_an_hourly_list() -> None:
    async with world(3) as here:
        left, stays, own = here.lead_ids
        link(here, left, responsible_user_id=504)
        link(here, stays, responsible_user_id=505)
        link(here, own, responsible_user_id=501)
        here.sandbox.account.users[504].is_active = False
        asked = Asked(here, rules=KEEPING)
        asked.ask(here.lead_ids, "lead")
        read = {each.lead_id: each for each in await answers(here, asked, 3)}

        assert [read[lead].inactive_ids for lead in (left, stays, own)] == [(504,), (), ()]
        assert paths(here) == ["leads", "users"]


async def test_D6_7_without_such_a_rule_nobody_asks_for_users() -> None:
    async with world(1) as here:
        asked = Asked(here)
        asked.ask(here.lead_ids, "lead")
        await answers(here, asked, 1)

        assert paths(here) == ["leads"]


async def test_D6_1_what_belongs_to_nobody_or_to_nothing_is_left_out() -> None:
    async with world(2) as here:
        nobodys = card(here, "contacts", 0)
        link(here, here.lead_ids[0], contact_ids=(nobodys,))
        asked = Asked(here)
        asked.ask(here.lead_ids, *EVERYTHING)

        assert [read.responsibles for read in await answers(here, asked, 2)] == [(), ()]
        assert paths(here) == ["leads", "contacts"]


@pytest.mark.parametrize(
    ("tags", "town", "met"),
    [
        (((1, "vip"),), " lima", (True, True)),
        (((1, "cold"), (2, "Vip")), "Quito", (True, False)),
        ((), None, (False, False)),
    ],
)
async def test_D1_5_conditions_are_judged_where_the_lead_is_read(
    tags: Any, town: str | None, met: tuple[bool, bool]
) -> None:
    async with world(1) as here:
        contact_ids = (
            (card(here, "contacts", 501, custom_fields_values=city(town)),) if town else ()
        )
        link(here, here.lead_ids[0], tags=tags, contact_ids=contact_ids)
        asked = Asked(here)
        asked.ask(here.lead_ids, "lead", "contact")
        (read,) = await answers(here, asked, 1)

        assert read.outcomes == (
            Outcome("lima", "tags", met[0]),
            Outcome("lima", f"contact field {CITY}", met[1]),
        )


DAY = 7
DATE_RULES: dict[str, Any] = {
    "version": 1,
    "rules": [
        {
            "id": f"on-{day}",
            "stages": [{"pipeline": SALES, "stage": INBOX}],
            "conditions": {"fields": [{"field": DAY, "equals": day}]},
        }
        for day in ("2026-12-24", "2026-12-25", "1798153200")
    ],
}


@pytest.mark.parametrize(
    ("timezone", "kind", "met"),
    [
        # The instant is the first of the 25th in Madrid, and 17:00 of the 24th in Lima.
        ("Europe/Madrid", "date", [False, True, True]),
        ("America/Lima", "date", [True, False, True]),
        ("America/Lima", "date_time", [True, False, True]),
        ("Nowhere/Atlantis", "birthday", [True, False, True]),
        ("America/Lima", "numeric", [False, False, True]),
    ],
)
async def test_D1_5_a_date_field_equals_the_day_it_is_in_the_accounts_zone(
    timezone: str, kind: str, met: list[bool]
) -> None:
    async with world(1) as here:
        here.accounts.timezone = timezone
        await here.connections.reload()
        values = [{"value": 1798153200}, {"value": True}, {"value": 10**18}]
        field = {"field_id": DAY, "field_type": kind, "values": values}
        link(here, here.lead_ids[0], custom_fields_values=(field,))
        asked = Asked(here, rules=DATE_RULES)
        asked.ask(here.lead_ids, "lead")
        (read,) = await answers(here, asked, 1)

        assert [outcome.is_met for outcome in read.outcomes] == met


async def test_S21_no_value_of_a_persons_field_leaves_the_gateway() -> None:
    async with world(1) as here:
        contact = card(here, "contacts", 501, custom_fields_values=city("Cusco"), name="Ines Diaz")
        link(here, here.lead_ids[0], contact_ids=(contact,), tags=((1, "vip"),))
        asked = Asked(here)
        asked.ask(here.lead_ids, *EVERYTHING)
        await answers(here, asked, 1)

        told = b"".join(map(encode_inbound, here.books.messages)).lower()
        assert [word for word in (b"cusco", b"ines", b"diaz", b"vip") if word in told] == []


async def test_D6_1_250_requests_cost_as_many_calls_as_one() -> None:
    async with world(250) as here:
        company = card(here, "companies", 503)
        for lead_id in here.lead_ids:
            link(
                here,
                lead_id,
                contact_ids=(card(here, "contacts", 502),),
                company_id=company,
            )
        asked = Asked(here)
        asked.ask(here.lead_ids, "contact", "company")
        await answers(here, asked, 250)

        assert paths(here) == ["leads", "contacts", "companies"]
        query = parse_qs(urlsplit(here.requests("GET")[1].path).query)
        assert len(query["filter[id][]"]) == 250
        assert "with" not in query


async def test_F29_a_lead_that_is_gone_is_told_missing() -> None:
    async with world(2) as here:
        here.sandbox.crm.delete(here.lead_ids[:1], PERSON)
        asked = Asked(here)
        asked.ask(here.lead_ids, "lead")
        await answers(here, asked, 2)

        assert here.books.bodies(LeadMissing) == [LeadMissing(lead_id=here.lead_ids[0])]


async def test_F84_what_other_rules_asked_is_not_answered() -> None:
    async with world(2) as here:
        asked = Asked(here, revision=2)
        asked.ask(here.lead_ids[:1], "lead", revision=1)
        asked.ask(here.lead_ids[1:], "lead", revision=2)
        (read,) = await answers(here, asked, 1)

        assert (read.lead_id, read.revision) == (here.lead_ids[1], 2)


async def test_F49_readings_survive_failures() -> None:
    async with world(1) as here:
        here.sandbox.knobs.turn({"error_next": 2})
        asked = Asked(here)
        asked.ask(here.lead_ids, "lead")
        await answers(here, asked, 1)

        assert [row.status for row in here.requests()] == [503, 503, 200]


async def test_S21_D3_9_kinds_are_told_by_number_and_what_was_found_is_not() -> None:
    kinds = ["source", {"tags": ["Personal Tag"]}, {"price": [1000]}]
    rules = {**RULES, "ledgers": {"account": {"kinds": kinds}, "unused": {"kinds": ["source"]}}}
    dimensions = compile_rules(rules, revision=1, timezone="UTC", active_user_ids=()).kinds
    _, by_tag, by_price = dimensions["account"]
    async with world(2) as here:
        first, second = here.lead_ids
        link(here, first, source_id=14001, tags=((1, "personal tag"),), price=2000)
        link(here, second, source_id=None, tags=(), price=5)
        asked = Asked(here, rules=rules)
        asked.ask([first, second], "lead")
        read = await answers(here, asked, 2)

        assert {each.lead_id: each.kinds for each in read} == {
            first: (
                LedgerKinds(
                    "account",
                    (
                        LeadKind("source", 14001),
                        LeadKind("tags", (by_tag.numbers or ())[0]),
                        LeadKind("price", (by_price.numbers or ())[1]),
                    ),
                ),
            ),
            second: (
                LedgerKinds(
                    "account",
                    (
                        LeadKind("source", 0),
                        LeadKind("tags", 0),
                        LeadKind("price", (by_price.numbers or ())[0]),
                    ),
                ),
            ),
        }
        assert not any(b"ersonal" in encode_inbound(message) for message in here.books.messages)
