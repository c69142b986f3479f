"""What an order would come to, before it is given (D9.3): decided for once on a copy."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from contracts.events import (
    AllocationEvent,
    CommandRefused,
    DistributionOrdered,
    HandoverOrdered,
    LeadAssigned,
    ReadingRequested,
    RequestClosed,
    RequestDeferred,
    RequestOpened,
    RequestReserved,
    Skipped,
)
from contracts.inbound import Inbound
from domain.decide import decide
from domain.state import Account


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What an order comes to.

    Attributes:
        gets: Manager and how many leads, ascending ids.
        waiting: Leads that nobody can take now.
        reading: Leads of which Kommo has to be read first, so that the rest is not known yet.
        closed: Leads whose request ended at once.
        skipped: Leads that are left alone, and why.
        refusal: Why the order is refused as a whole; None if it is not.
    """

    gets: tuple[tuple[int, int], ...]
    waiting: int
    reading: int
    closed: int
    skipped: tuple[Skipped, ...]
    refusal: CommandRefused | None = None

    @property
    def leads(self) -> int:
        """How many leads it is about."""
        return sum(leads for _, leads in self.gets) + self.waiting + self.reading + self.closed


def preview(account: Account, messages: Iterable[Inbound]) -> Preview:
    """Decide on a copy that nobody else holds: it moves on, and is of no other use afterwards."""
    return preview_of(foreseen(account, messages))


def foreseen(account: Account, messages: Iterable[Inbound]) -> list[AllocationEvent]:
    """What would answer messages now; decided on such a copy, too."""
    events: list[AllocationEvent] = []
    for message in messages:
        events += decide(account, message)
    return events


def preview_of(events: Iterable[AllocationEvent]) -> Preview:
    """What the events that answer an order come to, its own requests only."""
    fates: dict[str, AllocationEvent] = {}
    skipped: list[Skipped] = []
    refusal: CommandRefused | None = None
    for event in events:
        match event:
            case RequestOpened(source="operator" | "handover"):
                fates[event.request_id] = event
            case DistributionOrdered() | HandoverOrdered():
                skipped += event.skipped
            case CommandRefused():
                refusal = event
            case (
                LeadAssigned()
                | RequestDeferred()
                | RequestReserved()
                | ReadingRequested()
                | RequestClosed()
            ) if event.request_id in fates:
                fates[event.request_id] = event
            case _:
                pass
    ends = list(fates.values())
    gets = Counter(event.manager_id for event in ends if isinstance(event, LeadAssigned))
    return Preview(
        gets=tuple(sorted(gets.items())),
        waiting=sum(isinstance(event, RequestDeferred | RequestReserved) for event in ends),
        reading=sum(isinstance(event, ReadingRequested) for event in ends),
        closed=sum(isinstance(event, RequestClosed) for event in ends),
        skipped=tuple(skipped),
        refusal=refusal,
    )
