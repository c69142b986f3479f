"""Incoming leads: how they come, are accepted and declined, and what hooks tell of it (1.8, 6.5).

An incoming lead has a lead from the start, in the first column of its pipeline; its contact and
company cannot be reached until somebody accepts it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from services.sandbox.cards import CardPatch
from services.sandbox.crm import Crm
from services.sandbox.model import Action, Author, LeadPatch
from services.sandbox.notices import Notice

Category = Literal["forms", "sip", "mail", "chats"]
_STILL_TOLD: Final = {"nothing": (), "add": (Action.ADD,), "status": (Action.STATUS,)}


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingLead:
    """One entry of Incoming leads, with its fields under the names of REST v4.

    Attributes:
        outcome: What became of it; None while it waits.
        sorted_at: When that was.
    """

    uid: str
    source_uid: str
    source_name: str
    category: Category
    pipeline_id: int
    created_at: int
    metadata: Mapping[str, Any]
    lead_id: int
    contact_ids: tuple[int, ...] = ()
    company_ids: tuple[int, ...] = ()
    request_id: str = "0"
    outcome: Literal["accept", "decline"] | None = None
    sorted_at: int | None = None


def receive(
    crm: Crm,
    draft: Mapping[str, Any],
    lead: Mapping[str, Any],
    cards: Mapping[str, Sequence[Mapping[str, Any]]],
    author: Author,
) -> IncomingLead:
    """Let an incoming lead come.

    Args:
        crm: The account.
        draft: The entry without its uid and what is embedded; checked.
        lead: The lead, which names its pipeline and first column; checked.
        cards: New contacts and companies; checked.
        author: Who sends it.
    """
    hidden = {
        kind: [
            card.id
            for card in crm.desk.add_cards(
                "contacts" if kind == "contacts" else "companies",
                [
                    {
                        "responsible_user_id": lead["responsible_user_id"],
                        **fields,
                        "is_hidden": True,
                    }
                    for fields in given
                ],
                author,
                silent=True,
            )
        ]
        for kind, given in cards.items()
    }
    contact_ids = tuple(hidden.get("contacts", ()))
    company_ids = tuple(hidden.get("companies", ()))
    linked = {"contact_ids": contact_ids, "company_id": next(iter(company_ids), None)}
    (change,) = crm.create([{**lead, **linked}], author, told=())
    crm.account.unsorted_count += 1
    entry = IncomingLead(
        **{"created_at": crm.clock.second(), **draft},
        uid=f"{crm.account.unsorted_count:016x}{crm.account.id:016x}{change.lead.id:028x}",
        lead_id=change.lead.id,
        contact_ids=contact_ids,
        company_ids=company_ids,
    )
    crm.account.unsorted[entry.uid] = entry
    crm.announcer.notify([_added(crm, entry)])
    return entry


def accept(
    crm: Crm, entry: IncomingLead, *, user_id: int, status_id: int, author: Author
) -> IncomingLead:
    """Accept it: its lead moves into the column, its contact and company can be reached."""
    for box, ids in (
        (crm.account.contacts, entry.contact_ids),
        (crm.account.companies, entry.company_ids),
    ):
        shown = [CardPatch(card_id, {"is_hidden": False}) for card_id in ids]
        box.change(shown, by=author.user_id, now=crm.clock.second())
    fields = {"status_id": status_id, "responsible_user_id": user_id}
    told = _STILL_TOLD[crm.knobs.accept_tells]
    crm.change([LeadPatch(entry.lead_id, fields)], author, told=told)
    return _sorted(crm, entry, "accept", user_id)


def decline(crm: Crm, entry: IncomingLead, *, user_id: int, author: Author) -> IncomingLead:
    """Decline it: its lead is gone, and nobody will ever reach its contact."""
    crm.delete([entry.lead_id], author, told=())
    return _sorted(crm, entry, "decline", user_id)


def _sorted(
    crm: Crm, entry: IncomingLead, outcome: Literal["accept", "decline"], user_id: int
) -> IncomingLead:
    entry = replace(entry, outcome=outcome, sorted_at=crm.clock.second())
    crm.account.unsorted[entry.uid] = entry
    crm.announcer.notify([_gone(entry, user_id)])
    return entry


def _added(crm: Crm, entry: IncomingLead) -> Notice:
    lead = crm.account.leads[entry.lead_id]
    return Notice(
        settings=frozenset({"add_unsorted"}),
        section="unsorted",
        action="add",
        lead_id=entry.lead_id,
        item={
            "uid": entry.uid,
            "category": entry.category,
            "source_data": {"source": entry.source_uid, **entry.metadata},
            "date_create": entry.created_at,
            "data": {
                "leads": [
                    {
                        "id": lead.id,
                        "name": lead.name,
                        "status_id": lead.status_id,
                        "pipeline_id": lead.pipeline_id,
                        "price": lead.price,
                    }
                ],
                "contacts": [
                    {"id": contact_id, "name": crm.account.contacts.by_id[contact_id].name}
                    for contact_id in entry.contact_ids
                ],
            },
            "pipeline_id": entry.pipeline_id,
            "account_id": crm.account.id,
            "request_id": entry.request_id,
            "source_id": lead.source_id,
            "lead_id": lead.id,
            "created_at": entry.created_at,
        },
    )


def _gone(entry: IncomingLead, user_id: int) -> Notice:
    result = {"leads": [entry.lead_id], "contacts": list(entry.contact_ids)}
    if entry.outcome == "decline":
        result.pop("contacts")
    return Notice(
        settings=frozenset({"delete_unsorted"}),
        section="unsorted",
        action="delete",
        lead_id=entry.lead_id,
        item={
            "action": entry.outcome,
            "uid": entry.uid,
            f"{entry.outcome}_result": result,
            "category": entry.category,
            "created_at": entry.created_at,
            "modified_user_id": user_id,
        },
    )
