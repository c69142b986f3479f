"""Which leads, contacts and companies are linked, and how links are set and cut.

A link is seen from both ends and stored at one: a lead has its contacts, the main one first, and
its company; a contact has its company.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from services.sandbox.cards import CardPatch
from services.sandbox.crm import Crm
from services.sandbox.model import Author, CrmAccount, LeadPatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One link, seen from one end.

    Attributes:
        is_main: Of a contact that is linked to a lead: whether it is the main one.
    """

    entity_type: str
    entity_id: int
    to_entity_type: str
    to_entity_id: int
    is_main: bool | None = None


def links_of(account: CrmAccount, kind: str, entity_id: int) -> Iterator[Link]:
    """All links of a lead, a contact or a company."""
    if kind == "leads":
        lead = account.leads[entity_id]
        for place, contact_id in enumerate(lead.contact_ids):
            yield _link(kind, entity_id, "contacts", contact_id, is_main=place == 0)
        if lead.company_id is not None:
            yield _link(kind, entity_id, "companies", lead.company_id)
        return
    for lead in account.leads.values():
        linked = lead.contact_ids if kind == "contacts" else (lead.company_id,)
        if entity_id in linked and not lead.is_deleted:
            yield _link(kind, entity_id, "leads", lead.id)
    if kind == "contacts":
        company_id = account.contacts.by_id[entity_id].company_id
        if company_id is not None:
            yield _link(kind, entity_id, "companies", company_id)
        return
    for contact_id in account.contacts_by_company().get(entity_id, ()):
        yield _link(kind, entity_id, "contacts", contact_id)


def _link(
    kind: str, entity_id: int, to_kind: str, to_id: int, *, is_main: bool | None = None
) -> Link:
    return Link(
        entity_type=kind,
        entity_id=entity_id,
        to_entity_type=to_kind,
        to_entity_id=to_id,
        is_main=is_main,
    )


def can_link(kind: str, to_kind: str) -> bool:
    """Whether such things can be linked at all."""
    return kind != to_kind and {kind, to_kind} <= {"leads", "contacts", "companies"}


def set_link(crm: Crm, link: Link, author: Author) -> None:
    """Link two things; the same link twice is one link."""
    ends = {link.entity_type: link.entity_id, link.to_entity_type: link.to_entity_id}
    if "leads" not in ends:
        patch = CardPatch(ends["contacts"], {"company_id": ends["companies"]})
        crm.desk.change_cards("contacts", [patch], author)
    else:
        fields = _with_link(crm, ends, is_main=bool(link.is_main))
        crm.change([LeadPatch(ends["leads"], fields)], author)
    _happened(crm, "entity_linked", link, author)


def cut_link(crm: Crm, link: Link, author: Author) -> None:
    """Cut a link; one that is not there stays so."""
    ends = {link.entity_type: link.entity_id, link.to_entity_type: link.to_entity_id}
    if "leads" not in ends:
        contact_id, company_id = ends["contacts"], ends["companies"]
        if crm.account.contacts.by_id[contact_id].company_id == company_id:
            patch = CardPatch(contact_id, {"company_id": None})
            crm.desk.change_cards("contacts", [patch], author)
    else:
        fields = _without_link(crm, ends)
        crm.change([LeadPatch(ends["leads"], fields)], author)
    _happened(crm, "entity_unlinked", link, author)


def _with_link(crm: Crm, ends: dict[str, int], *, is_main: bool) -> dict[str, Any]:
    if "companies" in ends:
        return {"company_id": ends["companies"]}
    contact_id = ends["contacts"]
    others = tuple(i for i in crm.account.leads[ends["leads"]].contact_ids if i != contact_id)
    had = len(others) < len(crm.account.leads[ends["leads"]].contact_ids)
    if is_main:
        return {"contact_ids": (contact_id, *others)}
    return {} if had else {"contact_ids": (*others, contact_id)}


def _without_link(crm: Crm, ends: dict[str, int]) -> dict[str, Any]:
    lead = crm.account.leads[ends["leads"]]
    if "companies" in ends:
        return {"company_id": None} if lead.company_id == ends["companies"] else {}
    return {"contact_ids": tuple(i for i in lead.contact_ids if i != ends["contacts"])}


def _happened(crm: Crm, what: str, link: Link, author: Author) -> None:
    singular = {"leads": "lead", "contacts": "contact", "companies": "company"}
    told = {"link": {"entity": {"type": singular[link.to_entity_type], "id": link.to_entity_id}}}
    is_cut = what == "entity_unlinked"
    crm.happenings.add(
        type=what,
        entity_id=link.entity_id,
        entity_type=singular[link.entity_type],
        created_by=author.user_id,
        created_at=crm.clock.second(),
        value_before=(told,) if is_cut else (),
        value_after=() if is_cut else (told,),
    )
