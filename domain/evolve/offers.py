"""Offers: there is one for each open lead of a rule that minds who has done nothing with it.

It lasts from the decision until the first touch, or until the lead is anybody else's affair; so
they grow with open leads only (D7.2, D7.3).
"""

from msgspec.structs import replace

from contracts.events import (
    AllocationEvent,
    AssignmentConfirmed,
    AssignmentWithdrawn,
    LeadAssigned,
    LeadDeleted,
    LeadKind,
    LeadLapsed,
    LeadSeen,
    LeadTouched,
    RequestClosed,
    RequestOpened,
    RulesApplied,
    TouchesRequested,
)
from domain.state import Account, Offer


def fold(account: Account, event: AllocationEvent) -> None:  # noqa: C901, PLR0912 - a case per event
    """Fold the next event of the log into the offers; leads and rules have it already."""
    offers = account.offers
    match event:
        case LeadAssigned():
            _given(account, event)
        case AssignmentConfirmed() if (offer := offers.get(event.lead_id)) is not None:
            if (offer.request_id, offer.attempt) == (event.request_id, event.attempt):
                written_at = event.modified_at or event.at
                offers[event.lead_id] = replace(offer, held_at=event.at, written_at=written_at)
        case TouchesRequested():
            offer = offers[event.lead_id]
            offers[event.lead_id] = replace(offer, decide_at=event.decide_at)
        case LeadLapsed():
            offer = offers[event.lead_id]
            offers[event.lead_id] = replace(
                offer, tried=event.tried, held_at=None, written_at=None, decide_at=None
            )
        case AssignmentWithdrawn(reason="manager_refused"):
            pass  # the pass goes on with somebody else
        case LeadSeen() if (offer := offers.get(event.lead_id)) is not None:
            is_theirs = account.owner_of(event.lead_id) == offer.manager_id
            if offer.held_at is not None and not is_theirs:
                del offers[event.lead_id]
        case RequestOpened() | RequestClosed() if (offer := offers.get(event.lead_id)) is not None:
            is_closed = isinstance(event, RequestClosed)
            if is_closed is (offer.request_id == event.request_id):
                del offers[event.lead_id]
        case LeadTouched() | LeadDeleted() | AssignmentWithdrawn():
            offers.pop(event.lead_id, None)
        case RulesApplied():
            for lead_id, offer in list(offers.items()):
                if not _minds_touches(account, offer.rule_id):
                    del offers[lead_id]
        case _:
            pass


def _given(account: Account, event: LeadAssigned) -> None:
    before = account.offers.pop(event.lead_id, None)
    if event.policy == "duty" or event.keeps_lead or not _minds_touches(account, event.rule_id):
        return
    is_hop = before is not None and before.request_id == event.request_id
    account.offers[event.lead_id] = Offer(
        request_id=event.request_id,
        attempt=event.attempt,
        rule_id=event.rule_id,
        manager_id=event.manager_id,
        ledger=event.ledger,
        charged_units=-dict(event.movements).get(event.manager_id, 0),
        offered_at=event.at,
        tried=before.tried if before is not None and is_hop else (),
        kinds=tuple(LeadKind(what, kind) for what, kind, _ in event.kinds),
    )


def _minds_touches(account: Account, rule_id: str) -> bool:
    rule = account.configuration.by_id.get(rule_id)
    return rule is not None and rule.minds_touches
