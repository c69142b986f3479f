"""What came of the requests of a time: per manager, and as a whole, from the events alone.

The same counts the past and what would have been, so that both mean the same.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from contracts.events import (
    AssignmentWithdrawn,
    CreditMoved,
    LeadAssigned,
    LeadLapsed,
    Recorded,
    RequestClosed,
    RequestOpened,
)
from projections import fairness

EVENTS: tuple[type, ...] = (
    AssignmentWithdrawn,
    CreditMoved,
    LeadAssigned,
    LeadLapsed,
    RequestClosed,
    RequestOpened,
)
PERCENT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagerOutcome:
    """One manager.

    Attributes:
        got: Leads they were given, those included that they let lapse.
        duty: Of these, on duty.
        lapsed: Of these, passed on because nothing was done with them.
        share_units: Their fair share of the leads that were shared; None if they had none.
        deviation_units: What they got of these above it, negative for below.
    """

    manager_id: int
    got: int = 0
    duty: int = 0
    lapsed: int = 0
    share_units: int | None = None
    deviation_units: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """How long requests waited for their first decision, in seconds; None without any.

    Attributes:
        median_s: Half of them waited no longer.
        most_s: Nine of ten waited no longer.
    """

    median_s: int | None
    most_s: int | None
    longest_s: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """All of it.

    Attributes:
        managers: Ids ascending.
        requests: Opened in the time.
        assigned: Of these, with a decision that stands at the end.
        waiting: Of these, without one, and not closed.
        closed: Reason to how many of these ended without a manager.
        duty: Cause to how many leads went to duty.
        widest_units: The farthest that anybody ever was from the fair share.
    """

    managers: tuple[ManagerOutcome, ...]
    requests: int
    assigned: int
    waiting: int
    closed: dict[str, int]
    duty: dict[str, int]
    lapsed: int
    waits: Waits
    widest_units: int


@dataclass(slots=True)
class ResultCounter:
    """Counts events, fed in order."""

    _got: Counter[int] = field(default_factory=Counter)
    _on_duty: Counter[int] = field(default_factory=Counter)
    _lapsed: Counter[int] = field(default_factory=Counter)
    _causes: Counter[str] = field(default_factory=Counter)
    _policies: dict[str, str] = field(default_factory=dict)
    _opened: dict[str, datetime] = field(default_factory=dict)
    _fates: dict[str, str] = field(default_factory=dict)
    _waits: list[int] = field(default_factory=list)
    _shares: dict[fairness.Key, fairness.Share] = field(default_factory=dict)

    def add(self, events: Iterable[Recorded]) -> None:
        """Count the next events."""
        kept = []
        for recorded in events:
            event = recorded.event
            match event:
                case RequestOpened():
                    self._opened[event.request_id] = event.at
                    self._fates[event.request_id] = ""
                case LeadAssigned():
                    self._assigned(event)
                    kept.append(recorded)
                case AssignmentWithdrawn():
                    self._withdrawn(event)
                    kept.append(recorded)
                case LeadLapsed():
                    self._lapsed[event.manager_id] += 1
                    kept.append(recorded)
                case RequestClosed() if event.request_id in self._fates:
                    self._fates[event.request_id] = event.reason
                case CreditMoved():
                    kept.append(recorded)
                case _:
                    pass
        for share in fairness.changes(self._shares, kept)[0]:
            self._shares[share.ledger, share.manager_id] = share

    def _assigned(self, event: LeadAssigned) -> None:
        self._got[event.manager_id] += 1
        self._policies[event.request_id] = event.policy
        if event.policy == "duty":
            self._on_duty[event.manager_id] += 1
            self._causes[event.because or ""] += 1
        opened_at = self._opened.pop(event.request_id, None)
        if opened_at is not None:
            self._waits.append(int((event.at - opened_at).total_seconds()))
        if event.request_id in self._fates:
            self._fates[event.request_id] = "assigned"

    def _withdrawn(self, event: AssignmentWithdrawn) -> None:
        """They never had it; what becomes of the request follows."""
        self._got[event.manager_id] -= 1
        if self._policies.get(event.request_id) == "duty":
            self._on_duty[event.manager_id] -= 1
        if event.request_id in self._fates:
            self._fates[event.request_id] = ""

    def results(self) -> Results:
        """What it came to."""
        fates = Counter(self._fates.values())
        shared: dict[int, tuple[int, int]] = {}
        for share in self._shares.values():
            units, deviation = shared.get(share.manager_id, (0, 0))
            shared[share.manager_id] = (
                units + share.share_units,
                deviation + share.deviation_units,
            )
        return Results(
            managers=tuple(self._manager(each, shared) for each in sorted(self._got | shared)),
            requests=len(self._fates),
            assigned=fates.pop("assigned", 0),
            waiting=fates.pop("", 0),
            closed=dict(sorted(fates.items())),
            duty=dict(sorted(self._causes.items())),
            lapsed=self._lapsed.total(),
            waits=_waits(sorted(self._waits)),
            widest_units=max(
                (each.deviation_units_max for each in self._shares.values()), default=0
            ),
        )

    def _manager(self, manager_id: int, shared: dict[int, tuple[int, int]]) -> ManagerOutcome:
        units, deviation = shared.get(manager_id, (None, 0))
        return ManagerOutcome(
            manager_id=manager_id,
            got=self._got[manager_id],
            duty=self._on_duty[manager_id],
            lapsed=self._lapsed[manager_id],
            share_units=units,
            deviation_units=deviation,
        )


def _waits(waited: list[int]) -> Waits:
    """Of the waits, ascending."""
    if not waited:
        return Waits(median_s=None, most_s=None, longest_s=None)
    most = -(-len(waited) * 9 // 10) - 1  # the smallest that nine of ten do not exceed
    return Waits(median_s=waited[(len(waited) - 1) // 2], most_s=waited[most], longest_s=waited[-1])
