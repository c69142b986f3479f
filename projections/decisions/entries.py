"""What events decide, as values: nothing here reads or writes a table."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from contracts.events import (
    ORDERED,
    AssignmentWithdrawn,
    LeadAssigned,
    LeadLapsed,
    LeadTouched,
    LinkedChanged,
    LinkedDecided,
    LinkedLeft,
    NoticeLeft,
    NoticeWritten,
    Recorded,
    RequestClosed,
    RequestDeferred,
    RequestOpened,
    RequestPrepared,
    RequestReserved,
)

Kind = Literal[
    "ordered",
    "prepared",
    "reserved",
    "assigned",
    "touched",
    "lapsed",
    "deferred",
    "withdrawn",
    "closed",
    "undone",
    "handed_over",
    "left",
    "told",
    "not_told",
]
Decided = (
    AssignmentWithdrawn
    | LeadAssigned
    | LeadLapsed
    | LeadTouched
    | LinkedChanged
    | LinkedDecided
    | LinkedLeft
    | NoticeLeft
    | NoticeWritten
    | RequestClosed
    | RequestDeferred
    | RequestOpened
    | RequestPrepared
    | RequestReserved
)
KINDS: dict[type, Kind] = {
    RequestOpened: "ordered",
    RequestPrepared: "prepared",
    RequestReserved: "reserved",
    LeadAssigned: "assigned",
    LeadTouched: "touched",
    LeadLapsed: "lapsed",
    RequestDeferred: "deferred",
    AssignmentWithdrawn: "withdrawn",
    RequestClosed: "closed",
    LinkedDecided: "undone",
    LinkedChanged: "handed_over",
    LinkedLeft: "left",
    NoticeWritten: "told",
    NoticeLeft: "not_told",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One decision and its place in the account's log.

    Attributes:
        manager_id: Whom it is about; None where it is about nobody, as a lead that waits.
        rule_id: Under which rule, as far as the event says; so for the stage.
        reason: Why: what singled the manager out, why nobody could take it, why it ended.
    """

    account_id: int
    version: int
    lead_id: int
    request_id: str
    kind: Kind
    at: datetime
    manager_id: int | None = None
    rule_id: str | None = None
    pipeline_id: int | None = None
    status_id: int | None = None
    reason: str | None = None


def changes(events: Iterable[Recorded]) -> list[Decision]:
    """The decisions among the events, in their order."""
    return [decision for recorded in events for decision in _decision(recorded)]


def _decision(recorded: Recorded) -> tuple[Decision, ...]:
    event = recorded.event
    if not isinstance(event, Decided):
        return ()
    if isinstance(event, RequestOpened) and event.source not in ORDERED:
        return ()  # nobody decided that the lead be distributed, only what became of it
    if isinstance(event, LinkedDecided) and not event.is_undo:
        return ()  # what follows a decision is told as it happens
    stage = getattr(event, "stage", None)
    return (
        Decision(
            account_id=recorded.account_id,
            version=recorded.version,
            lead_id=event.lead_id,
            request_id=event.request_id,
            kind=KINDS[type(event)],
            at=event.at,
            manager_id=getattr(event, "manager_id", None),
            rule_id=getattr(event, "rule_id", None),
            pipeline_id=stage and stage.pipeline_id,
            status_id=stage and stage.status_id,
            reason=_reason(event),
        ),
    )


def _reason(event: Decided) -> str | None:
    match event:
        case LeadLapsed():
            return event.nothing_changed if event.passed_on_by is None else "passed_on"
        case LeadTouched() | NoticeWritten():
            return event.kind
        case RequestOpened():
            return event.source
        case LeadAssigned() | RequestDeferred() | AssignmentWithdrawn() | RequestClosed():
            return event.reason
        case LinkedLeft() | NoticeLeft():
            return event.reason
        case _:
            return None
