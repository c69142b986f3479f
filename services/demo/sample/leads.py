"""What lies in the local Kommo before the demo begins: leads for each rule, and what is theirs."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from contracts.stage import Stage
from services.demo.kommo_process import LocalKommo
from services.demo.sample import rules as r
from services.demo.sample import team as t

Draft = dict[str, Any]

# Of the morning, before everybody is there: partners' requests, offers, offers that are kept.
EARLY, OFFERED, KEPT = 6, 3, 1


@dataclass(frozen=True, slots=True)
class SampleLeads:
    """What was made, by the stage that it is moved to.

    Attributes:
        rush: All at once.
        morning: Before that.
        total: Leads in all, those included that only belong to a contact or a company.
    """

    rush: dict[Stage, list[int]]
    morning: dict[Stage, list[int]]
    total: int


@dataclass(slots=True, kw_only=True)
class _Lead:
    """A lead to make, and what belongs to it.

    Attributes:
        goes_to: The stage that it will be moved to.
        contact: Made for it alone, as is its company.
        of_contact: Who has another open deal of the contact; None for no such deal.
        of_company: The same of the company.
    """

    goes_to: Stage
    fields: Draft = field(default_factory=dict)
    contact: Draft | None = None
    company: Draft | None = None
    of_contact: int | None = None
    of_company: int | None = None
    has_task: bool = False


async def make_leads(kommo: LocalKommo, count: int) -> SampleLeads:
    """Make so many leads for the rush, those of the morning, and all that belongs to them."""
    rush = [_rush_lead(number) for number in range(1, count + 1)]
    morning = list(_morning_leads())
    leads = [*rush, *morning]
    await _link_cards(kommo, leads)
    deals = [deal for lead in leads for deal in _deals(lead)]
    await kommo.post("/leads", {"leads": deals, "silent": True})
    lead_ids = await _made(kommo, leads)
    return SampleLeads(
        rush=_by_stage(rush, lead_ids),
        morning=_by_stage(morning, lead_ids[count:]),
        total=len(leads) + len(deals),
    )


async def _link_cards(kommo: LocalKommo, leads: Iterable[_Lead]) -> None:
    with_contact = [lead for lead in leads if lead.contact is not None]
    with_company = [lead for lead in leads if lead.company is not None]
    made = await kommo.post(
        "/cards",
        {
            "contacts": [lead.contact for lead in with_contact],
            "companies": [lead.company for lead in with_company],
        },
    )
    for lead, contact_id in zip(with_contact, made["contacts"], strict=True):
        lead.fields["contact_ids"] = [contact_id]
    for lead, company_id in zip(with_company, made["companies"], strict=True):
        lead.fields["company_id"] = company_id


async def _made(kommo: LocalKommo, leads: list[_Lead]) -> list[int]:
    """The leads in the Inbox with their tasks; their ids in order."""
    answer = await kommo.post("/leads", {"leads": [lead.fields for lead in leads], "silent": True})
    lead_ids: list[int] = answer["lead_ids"]
    tasks = [
        {"responsible_user_id": t.ADMIN_ID, "entity_id": lead_id}
        for lead, lead_id in zip(leads, lead_ids, strict=True)
        if lead.has_task
    ]
    await kommo.post("/cards", {"tasks": tasks})
    return lead_ids


def _deals(lead: _Lead) -> Iterable[Draft]:
    stage = {"pipeline_id": t.OPEN_DEAL.pipeline_id, "status_id": t.OPEN_DEAL.status_id}
    if lead.of_contact is not None:
        contact_ids = lead.fields["contact_ids"]
        yield {**stage, "responsible_user_id": lead.of_contact, "contact_ids": contact_ids}
    if lead.of_company is not None:
        company_id = lead.fields["company_id"]
        yield {**stage, "responsible_user_id": lead.of_company, "company_id": company_id}


def _by_stage(leads: Iterable[_Lead], lead_ids: Iterable[int]) -> dict[Stage, list[int]]:
    found: dict[Stage, list[int]] = {}
    for lead, lead_id in zip(leads, lead_ids, strict=False):
        found.setdefault(lead.goes_to, []).append(lead_id)
    return found


def _rush_lead(number: int) -> _Lead:
    """Of ten leads one is of a partner, one is a renewal, and eight come from the site."""
    match number % 10:
        case 0:
            return _partner_lead(number // 10)
        case 5:
            return _renewal(number // 10)
        case _:
            # Most come by the form, few by an advertisement; one in eight tells no source.
            sources = (*(list(r.SOURCES)[n] for n in (0, 0, 0, 0, 1, 1, 2)), None)
            fields = {"name": f"Site request {number}", "source_id": sources[number % 8]}
            return _Lead(goes_to=t.SITE_REQUEST, fields=fields)


def _partner_lead(number: int) -> _Lead:
    """One kind after the other: two rules ask for tags, one for a price, one for fields."""
    lead = _Lead(goes_to=t.PARTNER_REQUEST, fields={"name": f"Partner {number}"})
    match number % 6:
        case 1:
            lead.fields |= {"tags": [[1, r.TENDER.title()]], "price": r.TENDER_FROM}
        case 2:
            city = _custom_field(r.CITY_FIELD_ID, r.CITY)
            lead.fields |= {"source_id": r.FAIR_SOURCE_ID, "custom_fields_values": [city]}
            language = _custom_field(r.LANGUAGE_FIELD_ID, r.LANGUAGES[number % 2])
            lead.contact = {**_of(t.ADMIN_ID), "custom_fields_values": [language]}
        case 3:
            lead.fields["tags"] = [[2, r.NIGHT]]
        case 4:
            lead.fields["tags"] = [[3, r.EVENING]]
        case 5:
            # A small one, so it is no tender for its rule.
            lead.fields |= {"tags": [[1, r.TENDER]], "price": r.TENDER_FROM - 1}
        case _:
            pass
    return lead


def _renewal(number: int) -> _Lead:
    """A customer of a manager by contact, by company, by the latest deal, or nobody's."""
    lead = _Lead(goes_to=t.RENEWAL_REQUEST, fields={"name": f"Renewal {number}"})
    lead.contact = _of(t.ADMIN_ID)
    match number % 4:
        case 0:
            lead.contact = _of(t.CARLA)
        case 1:
            lead.company = _of(t.DIEGO)
        case 2:
            lead.of_contact = t.ELENA
        case _:
            lead.company = _of(t.ADMIN_ID)
            lead.of_contact = lead.of_company = t.ADMIN_ID
            lead.has_task = True
    return lead


def _morning_leads() -> Iterable[_Lead]:
    for number in range(1, EARLY + 1):
        fields = {"name": f"Partner of the morning {number}"}
        yield _Lead(goes_to=t.PARTNER_REQUEST, fields=fields)
    for number in range(1, OFFERED + KEPT + 1):
        owner_id = t.CARLA if number <= OFFERED else t.CAPPED_ID
        fields = {"name": f"Offer {number}", **_of(owner_id)}
        yield _Lead(goes_to=t.RENEWAL_OFFER, fields=fields, has_task=True)


def _of(user_id: int) -> Draft:
    return {"responsible_user_id": user_id}


def _custom_field(field_id: int, value: str) -> Draft:
    return {"field_id": field_id, "values": [{"value": value}]}
