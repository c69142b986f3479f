"""What belongs to leads: asked for, decided within bounds of the rule, ended once (D6.4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from contracts.events import (
    LinkedChanged,
    LinkedDecided,
    LinkedKind,
    LinkedLeft,
    LinkedObject,
    LinkedRequested,
    Recorded,
    Transfer,
)
from services.history.verdict import Verdict

Thing = tuple[LinkedKind, int]

# What a rule may hand over with a lead, and what that is.
KINDS: Final[Mapping[LinkedObject, LinkedKind]] = {
    "contacts": "contact",
    "company": "company",
    "tasks": "task",
    "company_leads": "lead",
    "contact_leads": "lead",
}


def check_linked(events: Sequence[Recorded], verdict: Verdict, *, is_settled: bool) -> None:
    """I4: each thing changes hands as its rule says; I3: once; I2: and nothing is left open."""
    books = _Books(verdict)
    for recorded in events:
        match recorded.event:
            case LinkedRequested() as event:
                books.asked[event.order_id] = event
            case LinkedDecided() as event:
                books.decided(event, recorded.version)
            case LinkedChanged() | LinkedLeft() as event:
                books.ended(event, recorded.version)
            case _:
                pass
    if is_settled:
        verdict.check(
            "I2",
            not books.asked,
            "an answer to every question about what belongs to a lead",
            f"none to {sorted(books.asked)}",
        )
        verdict.check(
            "I2",
            not books.under_way,
            "an end of everything that was to change hands",
            f"none of {sorted(books.under_way)}",
        )


@dataclass(slots=True)
class _Books:
    """What is open.

    Attributes:
        asked: By order, until it is decided.
        under_way: Thing to the order and to how it changes hands.
    """

    verdict: Verdict
    asked: dict[str, LinkedRequested] = field(default_factory=dict)
    under_way: dict[Thing, tuple[str, Transfer]] = field(default_factory=dict)

    def decided(self, event: LinkedDecided, version: int) -> None:
        question = self.asked.pop(event.order_id, None)
        self.verdict.check(
            "I4",
            event.is_undo == (question is None),
            "what belongs to a lead decided once, after it was asked for",
            f"order {event.order_id}",
            lead_id=event.lead_id,
            version=version,
        )
        for transfer in event.handovers:
            thing = (transfer.kind, transfer.entity_id)
            self.verdict.check(
                "I3",
                thing not in self.under_way,
                f"{transfer.kind} {transfer.entity_id} on its way to one manager at a time",
                f"on its way by {self.under_way.get(thing)}",
                lead_id=event.lead_id,
                version=version,
            )
            if question is not None:
                self._check_bounds(question, transfer, version)
            self.under_way[thing] = (event.order_id, transfer)

    def _check_bounds(self, asked: LinkedRequested, transfer: Transfer, version: int) -> None:
        kinds = tuple(KINDS[each] for each in asked.objects)
        before, only_for = transfer.responsible_before, asked.only_for
        is_meant = transfer.kind in kinds and transfer.manager_id == asked.manager_id
        self.verdict.check(
            "I4",
            is_meant and (not only_for or not before or before in only_for),
            f"{kinds} of {only_for or 'anybody'} to manager {asked.manager_id}",
            f"{transfer}",
            lead_id=asked.lead_id,
            version=version,
        )

    def ended(self, event: LinkedChanged | LinkedLeft, version: int) -> None:
        order_id, transfer = self.under_way.pop((event.kind, event.entity_id), ("", None))
        self.verdict.check(
            "I3",
            transfer is not None
            and (order_id, transfer.manager_id) == (event.order_id, event.manager_id),
            f"one end of {event.kind} {event.entity_id} by order {event.order_id}",
            f"{transfer} by order {order_id!r}",
            lead_id=event.lead_id,
            version=version,
        )
