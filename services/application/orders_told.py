"""What an order would come to, or came to, in sentences: wherever it is given (D1.1, D9.3)."""

from collections import defaultdict
from collections.abc import Iterator

from contracts.events import Skipped, SkipReason
from contracts.sentences import Argument, Sentence, sentence
from domain.preview import Preview
from services.application.orders import PlannedOrder

LISTED_MAX = 10


def question(planned: PlannedOrder) -> Sentence:
    """What whoever orders it is asked before."""
    count, manager = len(planned.lead_ids), planned.hands_over
    if manager is None:
        return sentence("order.ask_to_distribute", count=count)
    if planned.pauses:
        return sentence("order.ask_to_pause_and_hand_over", manager=manager, count=count)
    return sentence("order.ask_to_hand_over", manager=manager, count=count)


def foreseen(outcome: Preview) -> Iterator[Sentence]:
    """What an order would come to, line by line."""
    for manager, leads in outcome.gets:
        yield sentence("order.would_get", manager=manager, count=leads)
    yield from _besides(outcome)


def came_to(outcome: Preview) -> Iterator[Sentence]:
    """What it came to, line by line."""
    for manager, leads in outcome.gets:
        yield sentence("order.gets", manager=manager, count=leads)
    yield from _besides(outcome)


def _besides(outcome: Preview) -> Iterator[Sentence]:
    """Leads that nobody gets."""
    if outcome.waiting:
        yield sentence("order.waiting", count=outcome.waiting)
    if outcome.reading:
        yield sentence("order.reading", count=outcome.reading)
    if outcome.closed:
        yield sentence("order.closed", count=outcome.closed)
    by_reason: dict[SkipReason, list[Skipped]] = defaultdict(list)
    for skipped in outcome.skipped:
        by_reason[skipped.reason].append(skipped)
    for reason, alike in by_reason.items():
        yield sentence(f"order.skipped.{reason}", leads=_listed(alike))


def _listed(skipped: list[Skipped]) -> Argument:
    """The first of them, and how many more there are."""
    leads = tuple(each.lead_id for each in skipped)
    if len(leads) <= LISTED_MAX:
        return leads
    return sentence("order.and_more", leads=leads[:LISTED_MAX], count=len(leads) - LISTED_MAX)
