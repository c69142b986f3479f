"""A lead as its card in Kommo shows it: whose, why, and what somebody may do about it (D7.6)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from contracts.events import AllocationEvent, CommandRefused, LeadAssigned
from contracts.inbound import Command, Inbound, PassLeadOn
from contracts.sentences import Sentence
from domain.explain.refusals import refusal
from domain.preview import foreseen
from domain.state import Account
from projections import decisions, requests
from projections.requests import RequestFilter
from services.allocator.accounts import Stores, load
from services.application.explain import explain_lead
from services.application.installation import Installation
from services.application.principal import Principal
from services.storage.accounts import RegisteredAccount
from services.storage.database import borrow_to_read
from services.storage.snapshots import SnapshotStore

LATELY = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadCard:
    """A lead.

    Attributes:
        sentences: Why it went where it went, the first tells to whom; empty if nobody was chosen,
            or if it is not theirs to know.
        waits_for: What it waits for; None if it does not.
        take: Why they may not take it; None if they may. So is `pass_on`.
    """

    lead_id: int
    responsible_id: int | None
    sentences: Sequence[Sentence]
    decided_at: datetime | None
    waits_for: str | None
    next_look_at: datetime | None
    take: Sentence | None
    pass_on: Sentence | None


async def card_of(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    lead_id: int,
    *,
    now: datetime,
) -> LeadCard | None:
    """The card of a lead; None if nothing was ever heard of it.

    Why it is theirs, its manager may know as well as who may read everything.
    """
    account_id = account.account_id
    stores = Stores(installation.events, SnapshotStore(installation.pool))
    state = await load(stores, account_id)
    owner_id = state.owner_of(lead_id)
    async with borrow_to_read(installation.pool) as connection:
        decided = await decisions.of_lead(
            connection, account_id=account_id, lead_id=lead_id, limit=LATELY
        )
        asked = await requests.page(
            connection, account_id=account_id, limit=1, which=RequestFilter(lead_ids=(lead_id,))
        )
    if lead_id not in state.leads and not decided and not asked:
        return None
    given = next((each for each in decided if each.kind == "assigned"), None)
    is_own = principal.may("self") and owner_id == principal.manager_id
    sentences: tuple[Sentence, ...] = ()
    if given is not None and (principal.may("explain") or is_own):
        reader = replace(principal, scopes=principal.scopes | {"explain"})
        told = await explain_lead(installation, account, reader, lead_id, decision=given.version)
        sentences = told[0].sentences
    waiting = asked[0] if asked and asked[0].state == "waiting" else None
    whose = None if principal.may("activity") else principal.manager_id
    offer = state.offers.get(lead_id)
    is_theirs = offer is not None and whose in (None, offer.manager_id)
    # Decided on this copy of the account, which is of no other use from here on.
    body = PassLeadOn(lead_id=lead_id, by=principal.id, reason="-", manager_id=whose)
    refused = _refused(state, body, now)
    return LeadCard(
        lead_id=lead_id,
        responsible_id=owner_id,
        sentences=sentences,
        decided_at=None if given is None else given.at,
        waits_for=None if waiting is None else waiting.reason or "eligible",
        next_look_at=None if waiting is None else waiting.next_look_at,
        take=None if is_theirs else refused,
        pass_on=refused,
    )


def _refused(state: Account, body: Command, now: datetime) -> Sentence | None:
    message = Inbound(account_id=0, message_id="preview", at=now, body=body)
    found = foreseen(state, [message])
    return next((refusal(each) for each in found if isinstance(each, CommandRefused)), None)


def assigned(events: Sequence[AllocationEvent], lead_id: int) -> int | None:
    """Who got a lead by a command; None if nobody did."""
    found = [e for e in events if isinstance(e, LeadAssigned) and e.lead_id == lead_id]
    return found[-1].manager_id if found else None
