"""What events do to shares and credits, as values: nothing here reads or writes a table."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple

from contracts.events import (
    LEAD,
    AssignmentWithdrawn,
    CreditMoved,
    LeadAssigned,
    LeadKind,
    LeadLapsed,
    MovementReason,
    Recorded,
)

DEVIATION_MAX_UNITS = 2 * LEAD  # of an alert (D3.5)
DEVIATION_WITH_KINDS_MAX_UNITS = 3 * LEAD  # the same in a ledger that tells leads apart (D3.9)

Reason = MovementReason | Literal["refunded"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One manager in one ledger.

    Attributes:
        assigned: Leads given to them and not withdrawn.
        share_units: What they would have got if leads could be cut.
        credit_units: Their balance in the ledger, corrections included.
        deviation_units_max: The largest `meter_units` ever seen.
        last_version: Of the newest event that concerned them.
    """

    ledger: str
    manager_id: int
    assigned: int = 0
    share_units: int = 0
    credit_units: int = 0
    deviation_units_max: int = 0
    last_version: int = field(default=0, compare=False)

    @property
    def deviation_units(self) -> int:
        """How far they are above the fair share; negative means below."""
        return self.assigned * LEAD - self.share_units

    @property
    def moved_units(self) -> int:
        """What moved to them without a lead: corrected, imported, caught up."""
        return self.credit_units + self.deviation_units

    @property
    def meter_units(self) -> int:
        """How far they are from the fair share, either way, but for what moved without a lead."""
        return meter_units(
            assigned=self.assigned, share_units=self.share_units, credit_units=self.credit_units
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What an event moved: a line of the statements of all managers it concerns.

    Attributes:
        manager_ids: Ascending; the other tuples are in the same order.
        balances_units: Of each, after this event.
        steps_back: Versions back to the entry before this one of each; 0 at the first.
        kinds: Of the lead that moved it (D3.9).
    """

    version: int
    ledger: str
    reason: Reason
    lead_id: int | None
    at: datetime
    manager_ids: tuple[int, ...]
    balances_units: tuple[int, ...]
    steps_back: tuple[int, ...]
    kinds: tuple[LeadKind, ...] = ()


Key = tuple[str, int]


class Posting(NamedTuple):
    """What one event does to one manager."""

    manager_id: int
    units: int
    share_units: int = 0
    assigned: int = 0


class Moved(NamedTuple):
    """What one event does, manager ids ascending.

    Attributes:
        kinds: Of the lead that moved it (D3.9).
        in_kinds: What it does in each kind of the ledger.
    """

    ledger: str
    reason: Reason
    lead_id: int | None
    postings: Sequence[Posting]
    kinds: tuple[LeadKind, ...] = ()
    in_kinds: tuple[tuple[LeadKind, Sequence[Posting]], ...] = ()


@dataclass(slots=True)
class Running:
    """A share that is being followed."""

    assigned: int
    share_units: int
    credit_units: int
    deviation_units_max: int
    last_version: int

    @classmethod
    def of(cls, share: Share | None) -> "Running":
        """From a row, or from nothing."""
        if share is None:
            return cls(0, 0, 0, 0, 0)
        return cls(
            share.assigned,
            share.share_units,
            share.credit_units,
            share.deviation_units_max,
            share.last_version,
        )

    def values(self) -> dict[str, int]:
        """What a row says of it."""
        return {
            "assigned": self.assigned,
            "share_units": self.share_units,
            "credit_units": self.credit_units,
            "deviation_units_max": self.deviation_units_max,
            "last_version": self.last_version,
        }

    def post(self, posting: Posting, version: int) -> int:
        """Follow it through an event; how many versions it goes back, 0 for none."""
        self.assigned += posting.assigned
        self.share_units += posting.share_units
        self.credit_units += posting.units
        meter = meter_units(
            assigned=self.assigned, share_units=self.share_units, credit_units=self.credit_units
        )
        self.deviation_units_max = max(self.deviation_units_max, meter)
        step_back = version - self.last_version if self.last_version else 0
        self.last_version = version
        return step_back


def meter_units(*, assigned: int, share_units: int, credit_units: int) -> int:
    """How far a manager is from the fair share, either way, but for what moved without a lead."""
    deviation = assigned * LEAD - share_units
    return meter_of(deviation=deviation, moved=credit_units + deviation)


def meter_of(*, deviation: int, moved: int) -> int:
    """The same, of how far above the share they are, and what moved to them without a lead."""
    return max(0, deviation - max(0, moved), min(0, moved) - deviation)


def concerned(events: Iterable[Recorded]) -> list[Key]:
    """The (ledger, manager) pairs the events touch, ascending."""
    return sorted(
        {
            (movement.ledger, posting.manager_id)
            for recorded in events
            if (movement := movement_of(recorded)) is not None
            for posting in movement.postings
        }
    )


def changes(
    known: Mapping[Key, Share], events: Iterable[Recorded]
) -> tuple[list[Share], list[Entry]]:
    """The rows after the events, by ledger and manager, and the entries to book, in order."""
    running: dict[Key, Running] = {}
    booked: list[Entry] = []
    for recorded in events:
        movement = movement_of(recorded)
        if movement is None:
            continue
        ledger, version = movement.ledger, recorded.version
        balances, steps = [], []
        for posting in movement.postings:
            key = (ledger, posting.manager_id)
            share = running.get(key)
            if share is None:
                share = running[key] = Running.of(known.get(key))
            steps.append(share.post(posting, version))
            balances.append(share.credit_units)
        booked.append(
            Entry(
                version=version,
                ledger=ledger,
                reason=movement.reason,
                lead_id=movement.lead_id,
                at=recorded.event.at,
                manager_ids=tuple(posting.manager_id for posting in movement.postings),
                balances_units=tuple(balances),
                steps_back=tuple(steps),
                kinds=movement.kinds,
            )
        )
    shares = [
        Share(ledger=key[0], manager_id=key[1], **running[key].values()) for key in sorted(running)
    ]
    return shares, booked


def movement_of(recorded: Recorded) -> Moved | None:
    """What an event moves, None if it moves nothing and tells nothing of what was moved."""
    match recorded.event:
        case LeadAssigned() as event if event.movements:  # else outside, as a duty lead is (D7.4)
            kinds = tuple(LeadKind(what, kind) for what, kind, _ in event.kinds)
            return _of_lead(event, "assigned", _lead_moved(event, 1), kinds)
        case AssignmentWithdrawn() as event if event.movements:
            return _of_lead(event, "refunded", _lead_moved(event, -1), event.kinds)
        case CreditMoved() as event if event.movements:
            in_kinds = tuple((LeadKind(w, k), _postings(moved)) for w, k, moved in event.kinds)
            postings = _postings(event.movements)
            return Moved(event.ledger, event.reason, None, postings, in_kinds=in_kinds)
        case LeadLapsed(charged_units=charged) as event if charged:
            # Nothing moves: the line says that the charge stays (D7.3).
            return Moved(event.ledger, "lapsed", event.lead_id, [Posting(event.manager_id, 0)])
        case _:
            return None


def _of_lead(
    event: LeadAssigned | AssignmentWithdrawn,
    reason: Reason,
    postings: Sequence[Posting],
    kinds: tuple[LeadKind, ...],
) -> Moved:
    in_kinds = tuple((kind, postings) for kind in kinds)
    return Moved(event.ledger, reason, event.lead_id, postings, kinds, in_kinds)


def _postings(movements: Iterable[tuple[int, int]]) -> list[Posting]:
    moved = _by_manager(movements)
    return [Posting(manager_id, moved[manager_id]) for manager_id in sorted(moved)]


def _lead_moved(event: LeadAssigned | AssignmentWithdrawn, leads: int) -> list[Posting]:
    """What giving a lead out moves, or taking it back: -1.

    The share of the one who had it is what moved, less what they paid for it: the whole lead,
    unless it went to its owner, whose debt is bounded (D3.7). They are there even if their
    movement is 0, as it is for a manager who was alone.
    """
    moved, winner = _by_manager(event.movements), event.manager_id
    moved.setdefault(winner, 0)
    return [
        Posting(manager_id, units, units + LEAD * leads, leads)
        if manager_id == winner
        else Posting(manager_id, units, units)
        for manager_id, units in sorted(moved.items())
    ]


def _by_manager(movements: Iterable[tuple[int, int]]) -> dict[int, int]:
    """One posting a manager, also if an event names one twice."""
    moved: dict[int, int] = {}
    for manager_id, units in movements:
        moved[manager_id] = moved.get(manager_id, 0) + units
    return moved
