"""Where in an account's log the decisions about a lead are.

Only enough to find them: whoever explains a decision reads the event itself from the store.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import asyncpg

from contracts.events import (
    ORDERED,
    AllocationEvent,
    AssignmentWithdrawn,
    LeadAssigned,
    LeadLapsed,
    LeadTouched,
    LinkedChanged,
    LinkedDecided,
    LinkedLeft,
    Recorded,
    RequestClosed,
    RequestDeferred,
    RequestOpened,
    RequestPrepared,
    RequestReserved,
)

NAME = "decisions"
REVISION = 2
TABLES = """
CREATE TABLE feed (
    account_id bigint NOT NULL,
    version bigint NOT NULL,
    lead_id bigint NOT NULL,
    request_id text NOT NULL,
    kind text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (account_id, version)
);
CREATE INDEX feed_lead_idx ON feed (account_id, lead_id, version);
"""

APPEND = """
INSERT INTO feed (account_id, version, lead_id, request_id, kind, at)
SELECT $1, * FROM unnest($2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::timestamptz[])
"""
OF_LEAD = """
SELECT account_id, version, lead_id, request_id, kind, at FROM decisions.feed
WHERE account_id = $1 AND lead_id = $2 ORDER BY version DESC LIMIT $3
"""
NEWEST = """
SELECT account_id, version, lead_id, request_id, kind, at FROM decisions.feed
WHERE account_id = $1 AND version < $2 ORDER BY version DESC LIMIT $3
"""
AFTER_ALL = 2**63 - 1

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
]
KINDS: dict[type[AllocationEvent], Kind] = {
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
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One decision and its place in the account's log."""

    account_id: int
    version: int
    lead_id: int
    request_id: str
    kind: Kind
    at: datetime


def changes(events: Iterable[Recorded]) -> list[Decision]:
    """The decisions among the events, in their order."""
    return [decision for recorded in events for decision in _decision(recorded)]


async def project(
    connection: asyncpg.Connection, account_id: int, events: Sequence[Recorded]
) -> None:
    """Apply the next events of an account inside the caller's transaction."""
    decided = changes(events)
    if not decided:
        return
    await connection.execute(
        APPEND,
        account_id,
        [decision.version for decision in decided],
        [decision.lead_id for decision in decided],
        [decision.request_id for decision in decided],
        [decision.kind for decision in decided],
        [decision.at for decision in decided],
    )


async def of_lead(
    connection: asyncpg.Connection, *, account_id: int, lead_id: int, limit: int = 100
) -> list[Decision]:
    """The decisions about a lead, newest first."""
    rows = await connection.fetch(OF_LEAD, account_id, lead_id, limit)
    return [Decision(**row) for row in rows]


async def newest(
    connection: asyncpg.Connection, *, account_id: int, limit: int, before: int = AFTER_ALL
) -> list[Decision]:
    """The decisions of an account, newest first, those before a version."""
    rows = await connection.fetch(NEWEST, account_id, before, limit)
    return [Decision(**row) for row in rows]


def _decision(recorded: Recorded) -> tuple[Decision, ...]:
    event = recorded.event
    if not isinstance(
        event,
        RequestOpened
        | RequestPrepared
        | RequestReserved
        | LeadAssigned
        | LeadTouched
        | LeadLapsed
        | RequestDeferred
        | AssignmentWithdrawn
        | RequestClosed
        | LinkedDecided
        | LinkedChanged
        | LinkedLeft,
    ):
        return ()
    if isinstance(event, RequestOpened) and event.source not in ORDERED:
        return ()  # nobody decided that the lead be distributed, only what became of it
    if isinstance(event, LinkedDecided) and not event.is_undo:
        return ()  # what follows a decision is told as it happens
    return (
        Decision(
            account_id=recorded.account_id,
            version=recorded.version,
            lead_id=event.lead_id,
            request_id=event.request_id,
            kind=KINDS[type(event)],
            at=event.at,
        ),
    )
