"""Leads that were given to a manager who has done nothing with them yet (D7.2, D7.3).

There is one for each open lead of a rule with redistribution, from the decision until the first
touch, or until the lead is anybody else's affair; so they grow with open leads only.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from contracts.events import (
    AllocationEvent,
    AssignmentConfirmed,
    AssignmentWithdrawn,
    LeadAssigned,
    LeadDeleted,
    LeadLapsed,
    LeadSeen,
    LeadTouched,
    RequestClosed,
    RequestOpened,
    RulesApplied,
    TouchesRequested,
)
from domain.configuration import Configuration


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A lead's present place in its pass.

    Attributes:
        charged_units: What the lead cost him in the ledger.
        held_at: Since when Kommo shows him as responsible, and the clock runs; None before.
        written_at: Kommo's time of our write: what it dates after that is not our doing.
        tried: Who let it lapse before him, in order.
        decide_at: When it is passed on without an answer of Kommo; None while Kommo was not
            asked.
    """

    request_id: str
    attempt: int
    rule_id: str
    manager_id: int
    ledger: str
    charged_units: int
    offered_at: datetime
    held_at: datetime | None = None
    written_at: datetime | None = None
    tried: tuple[int, ...] = ()
    decide_at: datetime | None = None


def fold(  # noqa: C901, PLR0912 - a case per event
    offers: dict[int, Offer],
    event: AllocationEvent,
    *,
    owner_of: Callable[[int], int | None],
    configuration: Configuration,
) -> None:
    """Fold the next event of the log into the offers.

    Args:
        offers: By lead.
        event: It has been folded into leads and rules already.
        owner_of: Whom an open lead counts for.
        configuration: The rules in force.
    """
    match event:
        case LeadAssigned():
            _given(offers, event, configuration)
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
            is_his = owner_of(event.lead_id) == offer.manager_id
            if offer.held_at is not None and not is_his:
                del offers[event.lead_id]
        case RequestOpened() | RequestClosed() if (offer := offers.get(event.lead_id)) is not None:
            is_closed = isinstance(event, RequestClosed)
            if is_closed is (offer.request_id == event.request_id):
                del offers[event.lead_id]
        case LeadTouched() | LeadDeleted() | AssignmentWithdrawn():
            offers.pop(event.lead_id, None)
        case RulesApplied():
            for lead_id, offer in list(offers.items()):
                if _patience(configuration, offer.rule_id) is None:
                    del offers[lead_id]
        case _:
            pass


def _given(offers: dict[int, Offer], event: LeadAssigned, configuration: Configuration) -> None:
    before = offers.pop(event.lead_id, None)
    if (
        event.policy == "duty"
        or event.keeps_lead
        or _patience(configuration, event.rule_id) is None
    ):
        return
    is_hop = before is not None and before.request_id == event.request_id
    offers[event.lead_id] = Offer(
        request_id=event.request_id,
        attempt=event.attempt,
        rule_id=event.rule_id,
        manager_id=event.manager_id,
        ledger=event.ledger,
        charged_units=-dict(event.movements).get(event.manager_id, 0),
        offered_at=event.at,
        tried=before.tried if before is not None and is_hop else (),
    )


def _patience(configuration: Configuration, rule_id: str) -> object:
    rule = configuration.by_id.get(rule_id)
    return rule.redistribution if rule is not None else None
