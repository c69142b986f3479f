"""What became of a request before and after its decision: read for, kept, waiting, closed."""

from contracts.events import (
    AssignmentWithdrawn,
    DistributionOrdered,
    HandoverOrdered,
    LeadSeen,
    Outcome,
    ReadingRequested,
    RequestClosed,
    RequestDeferred,
    RequestOpened,
    RequestPrepared,
    RequestReserved,
    Standing,
)
from contracts.sentences import Sentence, sentence
from domain.explain.states import owner_sentences, state_of


def ordered(event: RequestOpened, order: DistributionOrdered | HandoverOrdered) -> Sentence:
    """Who wanted the lead distributed (D1.1); for a handover, whose it was (D9.3, D9.4)."""
    if isinstance(order, HandoverOrdered):
        if order.because == "shift_end":
            request, manager_id = event.request_id, order.manager_id
            return sentence("explain.shift_ended", request=request, manager=manager_id)
        return sentence(
            "explain.handed_over",
            request=event.request_id,
            by=order.by,
            manager=order.manager_id,
        )
    return sentence("explain.ordered", request=event.request_id, by=order.by)


def seen(event: LeadSeen) -> Sentence:
    """Where the lead was and whose, and who told."""
    lead, source = event.lead_id, sentence(f"explain.source.{event.source}")
    stage, manager_id = event.stage, event.responsible_id
    if manager_id is None:
        return sentence("explain.seen", lead=lead, stage=stage, source=source)
    if manager_id == 0:
        return sentence("explain.seen_of_nobody", lead=lead, stage=stage, source=source)
    return sentence("explain.seen_of", lead=lead, stage=stage, manager=manager_id, source=source)


def asked(event: RequestOpened) -> Sentence:
    """That the lead asks for a manager, and what let it."""
    source = sentence(f"explain.source.{event.source}")
    return sentence("explain.asked", request=event.request_id, source=source)


def read_first(event: ReadingRequested) -> Sentence:
    """What Kommo is read for before the decision (D1.5, D6.1)."""
    parts = tuple(
        sentence(f"explain.part.{part}") for part in dict.fromkeys(("lead", *event.parts))
    )
    return sentence("explain.read_first", parts=parts, until=event.next_look_at)


def prepared(event: RequestPrepared) -> list[Sentence]:
    """What Kommo was read for, and what came out (D1.5)."""
    if event.rule_id is None:
        told = [sentence("explain.prepared_without_rule", request=event.request_id)]
    else:
        told = [sentence("explain.prepared", request=event.request_id, rule=event.rule_id)]
    if event.unread:
        unread = tuple(sentence(f"explain.part.{part}") for part in event.unread)
        told.append(sentence("explain.unread", parts=unread))
    return [*told, *map(_outcome, event.outcomes)]


def _outcome(outcome: Outcome) -> Sentence:
    rule, condition = outcome.rule_id, _condition(outcome.what)
    if outcome.is_met is None:
        return sentence("explain.condition_unread", rule=rule, condition=condition)
    if outcome.is_met:
        return sentence("explain.condition_holds", rule=rule, condition=condition)
    return sentence("explain.condition_fails", rule=rule, condition=condition)


def _condition(what: str) -> Sentence:
    """What a condition asks about; the events name it in a few fixed forms."""
    match what.split():
        case ["contact", "field", id_]:
            return sentence("explain.condition.contact_field", id=id_)
        case ["field", id_]:
            return sentence("explain.condition.field", id=id_)
        case ["tags"]:
            return sentence("explain.condition.tags")
        case ["price"]:
            return sentence("explain.condition.price")
        case _:
            return sentence("explain.condition.sources")


def reserved(event: RequestReserved) -> list[Sentence]:
    """For which owner the lead is kept (D6.2)."""
    kept = sentence(
        "explain.reserved",
        manager=event.manager_id,
        rule=event.rule_id,
        until=event.next_look_at,
    )
    return [kept, *owner_sentences(event.owners)]


def deferred(event: RequestDeferred) -> list[Sentence]:
    """Why nobody could take the lead yet (D8.1)."""
    rule, next_look = event.rule_id, event.next_look_at
    if not event.standings:
        return [sentence("explain.behind_queue", rule=rule, next_look=next_look)]
    return [
        sentence("explain.nobody_could", rule=rule, next_look=next_look),
        *(
            sentence("explain.away", manager=standing.manager_id, why=_why_away(standing))
            for standing in event.standings
        ),
    ]


def _why_away(standing: Standing) -> Sentence:
    if standing.verdict == "eligible" and standing.cap is None:
        return sentence("explain.lower_priority", own=standing.tier)
    return state_of(standing)


def withdrawn(event: AssignmentWithdrawn) -> Sentence:
    """Why a decision does not stand."""
    why = sentence(f"explain.withdrawn_for.{event.reason}")
    if event.detail:
        return sentence(
            "explain.withdrawn_in_words", manager=event.manager_id, why=why, words=event.detail
        )
    return sentence("explain.withdrawn", manager=event.manager_id, why=why)


def closed(event: RequestClosed) -> Sentence:
    """Why a request ended without a decision that stands; a rejection in Kommo's words."""
    why = sentence(f"explain.closed_for.{event.reason}")
    if event.reason == "rejected" and event.detail:
        return sentence(
            "explain.closed_in_words", request=event.request_id, why=why, words=event.detail
        )
    return sentence("explain.closed", request=event.request_id, why=why)
