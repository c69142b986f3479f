"""The requests of a day and what became of each, and which leads were heard of at all."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contracts.events import (
    AccountDescribed,
    AllocationEvent,
    AssignmentWithdrawn,
    LeadAssigned,
    LeadSeen,
    ReadingRequested,
    Recorded,
    RequestClosed,
    RequestDeferred,
    RequestOpened,
    RequestPrepared,
    RequestReserved,
    RulesApplied,
)
from contracts.rules import RulesFile
from contracts.stage import Stage
from services.application.span import Span

# What tells the fate of requests.
EVENTS: tuple[type, ...] = (
    AssignmentWithdrawn,
    LeadAssigned,
    ReadingRequested,
    RequestClosed,
    RequestDeferred,
    RequestOpened,
    RequestPrepared,
    RequestReserved,
)
# The same, and what leads that Kommo lists are held against.
EVENTS_TO_COMPARE: tuple[type, ...] = (*EVENTS, AccountDescribed, LeadSeen, RulesApplied)


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What has to be known of an account as it was before the day.

    Attributes:
        connected_at: When it was first described; None if it was not yet.
        rules: In force; None before the first.
    """

    connected_at: datetime | None = None
    rules: Mapping[str, Any] | None = None


class DayLedger:
    """Follows events, fed in order.

    Attributes:
        fates: Request of the day to `assigned`, `waiting`, `closed REASON`, or `undecided`.
        sources: What told of its lead, to how many.
        asked: Leads for which anybody asked, on that day or since.
        early: Leads that were in their stage before a rule covered it, or before the connection.
        connected_at: When the account was first described; None if it was not yet.
        stages: Those that the rules cover.
    """

    def __init__(self, before: Before, span: Span) -> None:
        """Begin.

        Args:
            before: The account as it was before the first event.
            span: The day.
        """
        self.fates: dict[str, str] = {}
        self.sources: Counter[str] = Counter()
        self.asked: set[int] = set()
        self.early: set[int] = set()
        self.connected_at = before.connected_at
        self.stages = _stages(before.rules)
        self._span = span

    def take(self, events: Iterable[Recorded]) -> None:
        """Take in the next events."""
        for recorded in events:
            self._take(recorded.event)

    def _take(self, event: AllocationEvent) -> None:
        match event:
            case RequestOpened():
                self.asked.add(event.lead_id)
                if self._span.start <= event.at < self._span.end:
                    self.fates[event.request_id] = "undecided"
                    self.sources[event.source] += 1
            case LeadSeen():
                self._take_seen(event)
            case AccountDescribed():
                self.connected_at = self.connected_at or event.at
            case RulesApplied():
                self.stages = _stages(event.rules)
            case LeadAssigned():
                self._turn(event.request_id, "assigned")
            case RequestDeferred() | RequestReserved() | ReadingRequested():
                self._turn(event.request_id, "waiting")
            case RequestClosed():
                self._turn(event.request_id, f"closed {event.reason}")
            case AssignmentWithdrawn() | RequestPrepared():
                self._turn(event.request_id, "undecided")  # until the next event
            case _:
                pass

    def _take_seen(self, event: LeadSeen) -> None:
        if event.stage in self.stages and event.source != "baseline":
            self.early.discard(event.lead_id)
        else:
            self.early.add(event.lead_id)

    def _turn(self, request_id: str, fate: str) -> None:
        if request_id in self.fates:
            self.fates[request_id] = fate


def _stages(rules: Mapping[str, Any] | None) -> frozenset[Stage]:
    if rules is None:
        return frozenset()
    file = RulesFile.model_validate(rules)
    return frozenset(
        stage.as_stage() for rule in file.rules if rule.enabled for stage in rule.stages
    )
