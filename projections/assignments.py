"""The newest wanted responsible of each lead, and whether Kommo holds it.

The pending ones are the gateway's work list, account by account. Settled rows stay, one per lead,
outside the partial index that serves the list, so its cost depends on what is asked for only.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

import asyncpg

from contracts.events import (
    AssignmentConfirmed,
    AssignmentWithdrawn,
    LeadAssigned,
    LeadSeen,
    Recorded,
)
from contracts.stage import CLOSED_STATUSES, Stage
from projections import Connection

NAME = "assignments"
REVISION = 4
EVENTS: frozenset[type] = frozenset(
    {AssignmentConfirmed, AssignmentWithdrawn, LeadAssigned, LeadSeen}
)
# `how`: answered, read, echo for the confirmed; the reason of the withdrawal for the others.
TABLES = """
CREATE TABLE leads (
    account_id bigint NOT NULL,
    lead_id bigint NOT NULL,
    request_id text NOT NULL,
    attempt integer NOT NULL,
    manager_id bigint NOT NULL,
    responsible_before bigint,
    decided_version bigint NOT NULL,
    decided_at timestamptz NOT NULL,
    state text NOT NULL CHECK (state IN ('pending', 'confirmed', 'failed', 'withdrawn')),
    settled_at timestamptz,
    how text,
    pipeline_id bigint NOT NULL,
    status_id bigint NOT NULL,
    is_told boolean NOT NULL,
    told_at timestamptz,
    PRIMARY KEY (account_id, lead_id),
    CHECK ((state = 'pending') = (settled_at IS NULL))
) WITH (fillfactor = 85);
CREATE INDEX leads_pending_idx ON leads (account_id, decided_version)
    WHERE state = 'pending';
"""

DECIDE = """
INSERT INTO leads (account_id, lead_id, request_id, attempt, manager_id, responsible_before,
    decided_version, decided_at, state, settled_at, how, pipeline_id, status_id, is_told, told_at)
SELECT $1, * FROM unnest($2::bigint[], $3::text[], $4::integer[], $5::bigint[], $6::bigint[],
    $7::bigint[], $8::timestamptz[], $9::text[], $10::timestamptz[], $11::text[], $12::bigint[],
    $13::bigint[], $14::boolean[], $15::timestamptz[])
ON CONFLICT (account_id, lead_id) DO UPDATE SET request_id = excluded.request_id,
    attempt = excluded.attempt, manager_id = excluded.manager_id,
    responsible_before = excluded.responsible_before, decided_version = excluded.decided_version,
    decided_at = excluded.decided_at, state = excluded.state, settled_at = excluded.settled_at,
    how = excluded.how, pipeline_id = excluded.pipeline_id, status_id = excluded.status_id,
    is_told = excluded.is_told, told_at = excluded.told_at
"""
LEARN = """
UPDATE leads AS known SET responsible_before = learnt.responsible_id
FROM unnest($2::bigint[], $3::bigint[]) AS learnt (lead_id, responsible_id)
WHERE known.account_id = $1 AND known.lead_id = learnt.lead_id
    AND known.state = 'pending' AND known.responsible_before IS NULL
"""
# What we handed over ourselves (D6.4) is no person's choice, for a decision that came meanwhile.
OWN_WRITE = """
UPDATE leads AS known SET responsible_before = ours.responsible_id
FROM unnest($2::bigint[], $3::bigint[]) AS ours (lead_id, responsible_id)
WHERE known.account_id = $1 AND known.lead_id = ours.lead_id AND known.state = 'pending'
"""
SETTLE = """
UPDATE leads AS known SET state = settled.state, settled_at = settled.settled_at, how = settled.how
FROM unnest($2::bigint[], $3::text[], $4::integer[], $5::text[], $6::timestamptz[], $7::text[])
    AS settled (lead_id, request_id, attempt, state, settled_at, how)
WHERE known.account_id = $1 AND known.lead_id = settled.lead_id
    AND known.request_id = settled.request_id AND known.attempt = settled.attempt
"""
COLUMNS = """
SELECT account_id, lead_id, request_id, attempt, manager_id, responsible_before,
    decided_version, decided_at, state, settled_at, how, pipeline_id, status_id, is_told, told_at
FROM assignments.leads
"""
PENDING = f"""{COLUMNS} WHERE state = 'pending' AND account_id = $1 AND decided_version > $2
ORDER BY decided_version LIMIT $3
"""
# From one account to the next by the index: what is pending in between is not read.
HEADS = """
WITH RECURSIVE heads AS (
    (SELECT account_id, decided_version FROM assignments.leads WHERE state = 'pending'
    ORDER BY account_id DESC, decided_version DESC LIMIT 1)
    UNION ALL
    SELECT before.account_id, before.decided_version FROM heads, LATERAL (
        SELECT account_id, decided_version FROM assignments.leads
        WHERE state = 'pending' AND account_id < heads.account_id
        ORDER BY account_id DESC, decided_version DESC LIMIT 1
    ) AS before
)
SELECT account_id, decided_version FROM heads ORDER BY account_id
"""
OF_LEAD = f"{COLUMNS} WHERE account_id = $1 AND lead_id = $2"
OF_LEADS = f"{COLUMNS} WHERE account_id = $1 AND lead_id = ANY($2::bigint[]) ORDER BY lead_id"
BACKLOG = """
SELECT account_id, count(*) AS leads, min(decided_at) AS oldest_at FROM assignments.leads
WHERE state = 'pending' AND ($1::bigint[] IS NULL OR account_id = ANY ($1))
GROUP BY account_id ORDER BY account_id
"""
BACKLOG_OF = """
SELECT account_id, count(*) AS leads, min(decided_at) AS oldest_at FROM assignments.leads
WHERE state = 'pending' AND account_id = $1 GROUP BY account_id
"""

NOWHERE = Stage(0, 0)

State = Literal["pending", "confirmed", "failed", "withdrawn"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """The newest decision about a lead.

    Attributes:
        manager_id: The wanted responsible.
        responsible_before: Who was responsible in Kommo when it was decided, or, if nobody
            knew, as was learnt first after it.
        how: How it was settled: `answered`, `read`, `echo`, or why it was withdrawn.
        stage: For which it was decided.
        is_told: Only hooks say that the lead is there: it is read before it is written (S2).
        told_at: Kommo's time at which it came there, by the hooks; None if they do not say.
    """

    account_id: int
    lead_id: int
    request_id: str
    attempt: int
    manager_id: int
    responsible_before: int | None
    decided_version: int
    decided_at: datetime
    state: State = "pending"
    settled_at: datetime | None = None
    how: str | None = None
    stage: Stage = NOWHERE
    is_told: bool = False
    told_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """How one decision ended."""

    lead_id: int
    request_id: str
    attempt: int
    state: State
    settled_at: datetime
    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What an account still has to bring to Kommo."""

    account_id: int
    leads: int
    oldest_at: datetime


@dataclass(frozen=True, slots=True)
class Changes:
    """What a run of events comes to.

    Attributes:
        decided: Lead to its newest decision.
        learnt: Of a decision taken before these events, if it does not know: lead to who was
            responsible.
        written: The same after a write of our own, whatever the decision knew.
        settled: Lead to the end of a decision taken before these events.
    """

    decided: dict[int, Assignment] = field(default_factory=dict)
    learnt: dict[int, int] = field(default_factory=dict)
    written: dict[int, int] = field(default_factory=dict)
    settled: dict[int, Settlement] = field(default_factory=dict)

    def on_lead_seen(self, event: LeadSeen) -> None:
        """Learn who was responsible, as the account does for what it wants."""
        lead_id, responsible_id = event.lead_id, event.responsible_id
        if responsible_id is None or event.stage.status_id in CLOSED_STATUSES:
            return
        newest, is_own = self.decided.get(lead_id), event.source == "own_write"
        if newest is None:
            if is_own:
                self.written[lead_id] = responsible_id
            if lead_id not in self.settled:
                self.learnt.setdefault(lead_id, responsible_id)
        elif newest.state == "pending" and (is_own or newest.responsible_before is None):
            self.decided[lead_id] = replace(newest, responsible_before=responsible_id)

    def on_lead_assigned(self, decision: Assignment) -> None:
        """Forget the decision before."""
        self.learnt.pop(decision.lead_id, None)
        self.written.pop(decision.lead_id, None)
        self.settled.pop(decision.lead_id, None)
        self.decided[decision.lead_id] = decision

    def on_end(self, end: Settlement) -> None:
        """Settle the decision it is about, no newer one."""
        newest = self.decided.get(end.lead_id)
        if newest is None:
            self.settled[end.lead_id] = end
        elif (newest.request_id, newest.attempt) == (end.request_id, end.attempt):
            self.decided[end.lead_id] = replace(
                newest, state=end.state, settled_at=end.settled_at, how=end.how
            )


def changes(events: Iterable[Recorded]) -> Changes:
    """Bring the events of one account down to one change per lead."""
    found = Changes()
    for recorded in events:
        event = recorded.event
        match event:
            case LeadSeen():
                found.on_lead_seen(event)
            case LeadAssigned(keeps_lead=False):
                found.on_lead_assigned(_decision(recorded, event))
            case AssignmentConfirmed():
                found.on_end(_settlement(event, "confirmed", event.how))
            case AssignmentWithdrawn():
                refused = event.reason in ("manager_refused", "rejected")
                state: State = "failed" if refused else "withdrawn"
                found.on_end(_settlement(event, state, event.reason))
            case _:
                pass
    return found


async def project(connection: Connection, account_id: int, events: Sequence[Recorded]) -> None:
    """Apply the next events of an account inside the caller's transaction."""
    found = changes(events)
    learnt, settled, decided = found.learnt, found.settled.values(), found.decided.values()
    if learnt:
        await connection.execute(LEARN, account_id, list(learnt), list(learnt.values()))
    if found.written:
        written = found.written
        await connection.execute(OWN_WRITE, account_id, list(written), list(written.values()))
    if settled:
        await connection.execute(
            SETTLE,
            account_id,
            [end.lead_id for end in settled],
            [end.request_id for end in settled],
            [end.attempt for end in settled],
            [end.state for end in settled],
            [end.settled_at for end in settled],
            [end.how for end in settled],
        )
    if decided:
        await decide(connection, account_id, list(decided))


async def decide(connection: Connection, account_id: int, rows: Sequence[Assignment]) -> None:
    """Write decisions of an account as the newest ones of their leads."""
    await connection.execute(
        DECIDE,
        account_id,
        [row.lead_id for row in rows],
        [row.request_id for row in rows],
        [row.attempt for row in rows],
        [row.manager_id for row in rows],
        [row.responsible_before for row in rows],
        [row.decided_version for row in rows],
        [row.decided_at for row in rows],
        [row.state for row in rows],
        [row.settled_at for row in rows],
        [row.how for row in rows],
        [row.stage.pipeline_id for row in rows],
        [row.stage.status_id for row in rows],
        [row.is_told for row in rows],
        [row.told_at for row in rows],
    )


async def heads(connection: Connection) -> dict[int, int]:
    """Accounts with something that Kommo does not hold yet, and the newest version of each."""
    rows = await connection.fetch(HEADS)
    return {row["account_id"]: row["decided_version"] for row in rows}


async def pending(
    connection: Connection, *, account_id: int, limit: int, after: int = 0
) -> list[Assignment]:
    """What Kommo does not hold yet of an account, the oldest decision first.

    Args:
        connection: Where to ask.
        account_id: Whose.
        limit: The most to return.
        after: The version of the last one of the page before.
    """
    rows = await connection.fetch(PENDING, account_id, after, limit)
    return [_assignment(row) for row in rows]


async def of_lead(connection: Connection, *, account_id: int, lead_id: int) -> Assignment | None:
    """The newest decision about a lead, if there was any."""
    row = await connection.fetchrow(OF_LEAD, account_id, lead_id)
    return None if row is None else _assignment(row)


async def of_leads(
    connection: Connection, *, account_id: int, lead_ids: Sequence[int]
) -> list[Assignment]:
    """The newest decisions about these leads by lead id; leads without any are left out."""
    rows = await connection.fetch(OF_LEADS, account_id, lead_ids)
    return [_assignment(row) for row in rows]


async def backlog(
    connection: Connection, account_ids: Sequence[int] | None = None
) -> list[Backlog]:
    """What is pending, by account, of some or of all; those with nothing are left out."""
    return [Backlog(**row) for row in await connection.fetch(BACKLOG, account_ids)]


async def backlog_of(connection: Connection, account_id: int) -> Backlog | None:
    """How many decisions of an account Kommo does not hold yet; None if it holds all."""
    row = await connection.fetchrow(BACKLOG_OF, account_id)
    return None if row is None else Backlog(**row)


def _decision(recorded: Recorded, event: LeadAssigned) -> Assignment:
    return Assignment(
        account_id=recorded.account_id,
        lead_id=event.lead_id,
        request_id=event.request_id,
        attempt=event.attempt,
        manager_id=event.manager_id,
        responsible_before=event.responsible_before,
        decided_version=recorded.version,
        decided_at=event.at,
        stage=event.stage,
        is_told=event.is_told,
        told_at=event.told_at,
    )


def _assignment(row: asyncpg.Record) -> Assignment:
    columns = dict(row)
    stage = Stage(columns.pop("pipeline_id"), columns.pop("status_id"))
    return Assignment(**columns, stage=stage)


def _settlement(
    event: AssignmentConfirmed | AssignmentWithdrawn, state: State, how: str
) -> Settlement:
    return Settlement(
        lead_id=event.lead_id,
        request_id=event.request_id,
        attempt=event.attempt,
        state=state,
        settled_at=event.at,
        how=how,
    )
