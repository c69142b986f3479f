"""Where every request stands: assigned, waiting with its next look, or closed (D1.2, I2).

A request that is none of these is `undecided`, which lasts no longer than the events of one
inbound message; a row found in that state by `unaccounted` is a bug. The next look of a rule's
waiting requests moves by one row in `looks`, however many are waiting.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

import asyncpg

from contracts.events import (
    AssignmentWithdrawn,
    LeadAssigned,
    ReadingRequested,
    Recorded,
    RequestClosed,
    RequestDeferred,
    RequestOpened,
    RequestPrepared,
    RequestReserved,
    RequestSource,
    TimerScheduled,
)
from contracts.stage import Stage
from projections import Connection
from projections.conditions import Conditions

NAME = "requests"
REVISION = 3
EVENTS: frozenset[type] = frozenset(
    {
        AssignmentWithdrawn,
        LeadAssigned,
        ReadingRequested,
        RequestClosed,
        RequestDeferred,
        RequestOpened,
        RequestPrepared,
        RequestReserved,
        TimerScheduled,
    }
)
TABLES = """
CREATE TABLE requests (
    account_id bigint NOT NULL,
    request_id text NOT NULL,
    lead_id bigint NOT NULL,
    rule_id text,
    pipeline_id bigint NOT NULL,
    status_id bigint NOT NULL,
    source text NOT NULL,
    state text NOT NULL CHECK (state IN ('undecided', 'assigned', 'waiting', 'closed')),
    reason text,
    next_look_at timestamptz,
    opened_version bigint NOT NULL,
    opened_at timestamptz NOT NULL,
    changed_version bigint NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, request_id),
    CHECK ((state IN ('waiting', 'closed')) = (reason IS NOT NULL)),
    CHECK ((state = 'waiting') = (next_look_at IS NOT NULL))
) WITH (fillfactor = 85);
CREATE INDEX requests_waiting_idx ON requests (account_id, opened_version)
    WHERE state = 'waiting';
CREATE INDEX requests_undecided_idx ON requests (account_id, opened_version)
    WHERE state = 'undecided';
CREATE INDEX requests_opened_idx ON requests (account_id, opened_version);
CREATE INDEX requests_lead_idx ON requests (account_id, lead_id, opened_version);
CREATE INDEX requests_at_idx ON requests (account_id, opened_at, opened_version);
CREATE INDEX requests_reason_idx ON requests (account_id, opened_version)
    WHERE reason IS NOT NULL;
CREATE TABLE looks (
    account_id bigint NOT NULL,
    rule_id text NOT NULL,
    version bigint NOT NULL,
    next_look_at timestamptz,
    PRIMARY KEY (account_id, rule_id)
);
CREATE TABLE tallies (
    account_id bigint NOT NULL,
    rule_id text NOT NULL,
    source text NOT NULL,
    state text NOT NULL,
    requests bigint NOT NULL CHECK (requests > 0),
    PRIMARY KEY (account_id, rule_id, source, state)
);
"""

KNOWN = """
SELECT request_id, lead_id, rule_id, pipeline_id, status_id, source, state, reason, next_look_at,
    opened_version, opened_at, changed_version, changed_at
FROM requests WHERE account_id = $1 AND request_id = ANY($2::text[])
"""
OPENED = """
SELECT opened_version FROM requests.requests
WHERE account_id = $1 AND request_id = ANY($2::text[])
"""
OPENED_BEFORE = """
SELECT opened_at FROM requests.requests WHERE account_id = $1
ORDER BY opened_version DESC OFFSET $2 LIMIT 1
"""
STORE = """
INSERT INTO requests (account_id, request_id, lead_id, rule_id, pipeline_id, status_id, source,
    state, reason, next_look_at, opened_version, opened_at, changed_version, changed_at)
SELECT $1, * FROM unnest($2::text[], $3::bigint[], $4::text[], $5::bigint[], $6::bigint[],
    $7::text[], $8::text[], $9::text[], $10::timestamptz[], $11::bigint[], $12::timestamptz[],
    $13::bigint[], $14::timestamptz[])
ON CONFLICT (account_id, request_id) DO UPDATE SET rule_id = excluded.rule_id,
    state = excluded.state, reason = excluded.reason, next_look_at = excluded.next_look_at,
    changed_version = excluded.changed_version, changed_at = excluded.changed_at
"""
LOOK = """
INSERT INTO looks (account_id, rule_id, version, next_look_at)
SELECT $1, * FROM unnest($2::text[], $3::bigint[], $4::timestamptz[])
ON CONFLICT (account_id, rule_id) DO UPDATE
SET version = excluded.version, next_look_at = excluded.next_look_at
"""
TALLY = """
MERGE INTO tallies AS known
USING (
    SELECT $1::bigint AS account_id, * FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[])
        AS moved (rule_id, source, state, change)
) AS moved
ON known.account_id = moved.account_id AND known.rule_id = moved.rule_id
    AND known.source = moved.source AND known.state = moved.state
WHEN MATCHED AND known.requests + moved.change = 0 THEN DELETE
WHEN MATCHED THEN UPDATE SET requests = known.requests + moved.change
WHEN NOT MATCHED THEN INSERT (account_id, rule_id, source, state, requests)
    VALUES (moved.account_id, moved.rule_id, moved.source, moved.state, moved.change)
"""
# The rule's timer counts once it is set anew, and as long as it was still ahead at the deferral:
# whoever comes behind an older one is looked at with it (D5.3). Else the deferral's own word does.
COLUMNS = """
SELECT r.account_id, r.request_id, r.lead_id, r.rule_id, r.pipeline_id, r.status_id, r.source,
    r.state, r.reason, r.opened_version, r.opened_at, r.changed_version, r.changed_at,
    CASE WHEN r.state = 'waiting' AND r.reason NOT IN ('reading', 'owner')
        AND (l.version > r.changed_version OR l.next_look_at > r.changed_at)
        THEN coalesce(l.next_look_at, r.next_look_at) ELSE r.next_look_at END AS next_look_at
FROM requests.requests AS r
LEFT JOIN requests.looks AS l ON l.account_id = r.account_id AND l.rule_id = r.rule_id
"""
OF_REQUEST = f"{COLUMNS} WHERE r.account_id = $1 AND r.request_id = $2"
WAITING = f"""{COLUMNS} WHERE r.account_id = $1 AND r.state = 'waiting' AND r.opened_version > $2
ORDER BY r.opened_version LIMIT $3
"""
UNACCOUNTED = f"""{COLUMNS} WHERE r.state = 'undecided'
ORDER BY r.account_id, r.opened_version LIMIT $1
"""
STANDING = """
SELECT state, sum(requests)::bigint AS requests FROM requests.tallies GROUP BY state ORDER BY state
"""
BY_ACCOUNT = """
SELECT account_id, state, sum(requests)::bigint AS requests FROM requests.tallies
WHERE account_id = ANY ($1) GROUP BY account_id, state ORDER BY account_id, state
"""
COUNTS = """
SELECT rule_id, source, state, requests FROM requests.tallies
WHERE account_id = $1 ORDER BY rule_id, source, state
"""
WAITING_BY_REASON = f"""
SELECT reason, count(*) AS leads, min(opened_at) AS oldest_at, min(next_look_at) AS next_look_at,
    (array_agg(lead_id ORDER BY opened_version))[1] AS oldest_lead_id
FROM ({COLUMNS} WHERE r.account_id = $1 AND r.state = 'waiting') AS waiting
GROUP BY reason ORDER BY min(opened_version)
"""  # noqa: S608 - a constant of ours
INFLOW = """
SELECT pipeline_id, status_id, count(*) AS leads FROM requests.requests
WHERE account_id = $1 AND opened_at >= $2
GROUP BY pipeline_id, status_id ORDER BY pipeline_id, status_id
"""
# Events of an account are in the order of their time, so a range of time is one of versions.
SINCE = """r.opened_version >= (SELECT opened_version FROM requests.requests
    WHERE account_id = $1 AND opened_at >= ${n}::timestamptz
    ORDER BY opened_at, opened_version LIMIT 1)"""
UNTIL = """r.opened_version <= (SELECT opened_version FROM requests.requests
    WHERE account_id = $1 AND opened_at < ${n}::timestamptz
    ORDER BY opened_at DESC, opened_version DESC LIMIT 1)"""
# States in which a request has a reason.
WITH_REASON = frozenset({"waiting", "closed"})
LOOK_TIMER = "look/"

State = Literal["undecided", "assigned", "waiting", "closed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request and how it stands.

    Attributes:
        rule_id: None when no rule matched.
        reason: Why it waits or was closed; None otherwise.
        next_look_at: When a waiting request is looked at again; None otherwise.
        opened_version: Its place among the requests of the account: older is served first.
    """

    account_id: int
    request_id: str
    lead_id: int
    rule_id: str | None
    stage: Stage
    source: RequestSource
    state: State
    reason: str | None
    next_look_at: datetime | None
    opened_version: int
    opened_at: datetime
    changed_version: int
    changed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFilter:
    """Which requests; what is left empty does not matter, of several values any will do.

    Attributes:
        since: Opened at that instant or later.
        until: Opened before that instant.
    """

    states: Sequence[State] = ()
    lead_ids: Sequence[int] = ()
    rule_ids: Sequence[str] = ()
    stages: Sequence[Stage] = ()
    reasons: Sequence[str] = ()
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many requests of a rule and source are in a state; never 0.

    Attributes:
        rule_id: Empty for requests that no rule matched.
    """

    rule_id: str
    source: RequestSource
    state: State
    requests: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingReason:
    """Requests that wait for the same reason.

    Attributes:
        reason: A verdict that keeps most participants away, `behind_queue`, `reading` or `owner`.
        oldest_lead_id: Of the one that asked first.
        oldest_at: When it did.
        next_look_at: When the first of them is looked at again, if nothing changes before.
    """

    reason: str
    leads: int
    oldest_lead_id: int
    oldest_at: datetime
    next_look_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The newest word about a rule's next look; None when its timer was cancelled."""

    rule_id: str
    version: int
    next_look_at: datetime | None


TallyKey = tuple[str, str, str]


def concerned(events: Iterable[Recorded]) -> list[str]:
    """The ids of the requests the events change, ascending."""
    return sorted(
        {
            recorded.event.request_id
            for recorded in events
            if isinstance(
                recorded.event,
                RequestOpened
                | ReadingRequested
                | RequestPrepared
                | RequestReserved
                | RequestDeferred
                | LeadAssigned
                | AssignmentWithdrawn
                | RequestClosed,
            )
        }
    )


def changes(known: Mapping[str, Request], events: Iterable[Recorded]) -> list[Request]:
    """The requests the events change as they stand afterwards, by id.

    Raises:
        KeyError: An event is about a request that was never opened.
    """
    requests = dict(known)
    touched: set[str] = set()
    for recorded in events:
        if (after := _after(requests, recorded)) is not None:
            requests[after.request_id] = after
            touched.add(after.request_id)
    return [requests[request_id] for request_id in sorted(touched)]


def looks(events: Iterable[Recorded]) -> list[Look]:
    """The newest word about each rule's next look, by rule."""
    newest: dict[str, Look] = {}
    for recorded in events:
        event = recorded.event
        if isinstance(event, TimerScheduled) and event.timer_id.startswith(LOOK_TIMER):
            rule_id = event.timer_id.removeprefix(LOOK_TIMER)
            newest[rule_id] = Look(
                rule_id=rule_id, version=recorded.version, next_look_at=event.due_at
            )
    return [newest[rule_id] for rule_id in sorted(newest)]


def tallied(before: Mapping[str, Request], after: Iterable[Request]) -> dict[TallyKey, int]:
    """What the counts gain and lose, ascending; counts that stay are left out."""
    moved: Counter[TallyKey] = Counter()
    for request in after:
        if (old := before.get(request.request_id)) is not None:
            moved[_tally_key(old)] -= 1
        moved[_tally_key(request)] += 1
    return {key: moved[key] for key in sorted(moved) if moved[key]}


async def project(connection: Connection, account_id: int, events: Sequence[Recorded]) -> None:
    """Apply the next events of an account inside the caller's transaction."""
    if request_ids := concerned(events):
        rows = await connection.fetch(KNOWN, account_id, request_ids)
        known = {row["request_id"]: _request(row, account_id=account_id) for row in rows}
        after = changes(known, events)
        await _store(connection, account_id, after)
        await _count(connection, account_id, tallied(known, after))
    if moved := looks(events):
        await connection.execute(
            LOOK,
            account_id,
            [look.rule_id for look in moved],
            [look.version for look in moved],
            [look.next_look_at for look in moved],
        )


async def of_request(connection: Connection, *, account_id: int, request_id: str) -> Request | None:
    """One request, if it is known."""
    row = await connection.fetchrow(OF_REQUEST, account_id, request_id)
    return None if row is None else _request(row, account_id=account_id)


async def opened_versions(
    connection: Connection, *, account_id: int, request_ids: Sequence[str]
) -> list[int]:
    """Versions of the events that opened the requests."""
    rows = await connection.fetch(OPENED, account_id, request_ids)
    return [row["opened_version"] for row in rows]


async def waiting(
    connection: Connection, account_id: int, *, limit: int, after: int = 0
) -> list[Request]:
    """Waiting requests of an account in the order they were opened.

    Args:
        connection: Where to ask.
        account_id: Whose.
        limit: The most to return.
        after: `opened_version` of the last one of the page before.
    """
    rows = await connection.fetch(WAITING, account_id, after, limit)
    return [_request(row, account_id=account_id) for row in rows]


async def waiting_by_reason(connection: Connection, account_id: int) -> list[WaitingReason]:
    """Why requests of an account wait, the reason of the oldest one first."""
    return [WaitingReason(**row) for row in await connection.fetch(WAITING_BY_REASON, account_id)]


async def page(
    connection: Connection,
    *,
    account_id: int,
    limit: int,
    which: RequestFilter,
    before: int | None = None,
    after: int | None = None,
) -> list[Request]:
    """Requests of an account: the newest first, or from a version on the oldest first.

    Args:
        connection: Where to ask.
        account_id: Whose.
        limit: The most to return.
        which: Which of them.
        before: Only those opened before this version; with neither, from the newest on.
        after: Only those opened after this version, the oldest first.
    """
    query = Conditions(["r.account_id = $1"], [account_id, limit])
    query.one_of("r.state", "text", which.states)
    query.one_of("r.lead_id", "bigint", which.lead_ids)
    query.one_of("r.rule_id", "text", which.rule_ids)
    query.one_of("r.reason", "text", which.reasons)
    if which.reasons or (which.states and WITH_REASON.issuperset(which.states)):
        query.where("r.reason IS NOT NULL")  # most have none: there is an index of the others
    query.stages(which.stages)
    query.where(SINCE, which.since)
    query.where(UNTIL, which.until)
    query.where("r.opened_version < ${n}::bigint", before)
    query.where("r.opened_version > ${n}::bigint", after)
    order = "DESC" if after is None else "ASC"
    rows = await connection.fetch(
        f"{COLUMNS} WHERE {query} ORDER BY r.opened_version {order} LIMIT $2", *query.arguments
    )
    return [_request(row, account_id=account_id) for row in rows]


async def unaccounted(connection: Connection, *, limit: int = 1_000) -> list[Request]:
    """Requests of any account that are not assigned, waiting or closed; always empty (I2)."""
    rows = await connection.fetch(UNACCOUNTED, limit)
    return [_request(row, account_id=row["account_id"]) for row in rows]


async def by_account(
    connection: Connection, account_ids: Sequence[int]
) -> dict[int, Counter[State]]:
    """How many requests of each of the accounts are in each state."""
    found: dict[int, Counter[State]] = {}
    for row in await connection.fetch(BY_ACCOUNT, account_ids):
        found.setdefault(row["account_id"], Counter())[row["state"]] = row["requests"]
    return found


async def standing(connection: Connection) -> dict[str, int]:
    """How many requests of all accounts are in each state; states without any are left out."""
    return {row["state"]: row["requests"] for row in await connection.fetch(STANDING)}


async def counts(connection: Connection, account_id: int) -> list[Tally]:
    """How many requests stand how, by rule, source and state."""
    return [Tally(**row) for row in await connection.fetch(COUNTS, account_id)]


async def inflow(connection: Connection, account_id: int, *, since: datetime) -> dict[Stage, int]:
    """How many requests were opened since an instant, by the stage the lead came into."""
    rows = await connection.fetch(INFLOW, account_id, since)
    return {Stage(row["pipeline_id"], row["status_id"]): row["leads"] for row in rows}


async def opened_before(connection: Connection, account_id: int, *, newer: int) -> datetime | None:
    """When the request was opened after which so many more were; None if there were no more."""
    found: datetime | None = await connection.fetchval(OPENED_BEFORE, account_id, newer)
    return found


async def _store(connection: Connection, account_id: int, requests: Sequence[Request]) -> None:
    await connection.execute(
        STORE,
        account_id,
        [request.request_id for request in requests],
        [request.lead_id for request in requests],
        [request.rule_id for request in requests],
        [request.stage.pipeline_id for request in requests],
        [request.stage.status_id for request in requests],
        [request.source for request in requests],
        [request.state for request in requests],
        [request.reason for request in requests],
        [request.next_look_at for request in requests],
        [request.opened_version for request in requests],
        [request.opened_at for request in requests],
        [request.changed_version for request in requests],
        [request.changed_at for request in requests],
    )


async def _count(connection: Connection, account_id: int, moved: Mapping[TallyKey, int]) -> None:
    if not moved:
        return
    await connection.execute(
        TALLY,
        account_id,
        [rule_id for rule_id, _, _ in moved],
        [source for _, source, _ in moved],
        [state for _, _, state in moved],
        list(moved.values()),
    )


def _after(  # noqa: PLR0911 - a case per event
    requests: Mapping[str, Request], recorded: Recorded
) -> Request | None:
    match recorded.event:
        case RequestOpened() as event:
            return _opened(recorded, event)
        case ReadingRequested() as event:
            return _waits(requests[event.request_id], recorded, "reading", event.next_look_at)
        case RequestPrepared() as event:
            request = _moved(requests[event.request_id], recorded, state="undecided")
            return replace(request, rule_id=event.rule_id)
        case RequestReserved() as event:
            request = replace(requests[event.request_id], rule_id=event.rule_id)
            return _waits(request, recorded, "owner", event.next_look_at)
        case RequestDeferred() as event:
            request = replace(requests[event.request_id], rule_id=event.rule_id)
            return _waits(request, recorded, event.reason, event.next_look_at)
        case LeadAssigned() as event:
            request = _moved(requests[event.request_id], recorded, state="assigned")
            return replace(request, rule_id=event.rule_id)
        case RequestClosed() as event:
            request = _moved(requests[event.request_id], recorded, state="closed")
            return replace(request, reason=event.reason)
        case AssignmentWithdrawn() as event:
            # What becomes of it now is the next event's to say, unless it has been said already.
            request = requests[event.request_id]
            is_over = request.state == "closed"
            return None if is_over else _moved(request, recorded, state="undecided")
        case _:
            return None


def _waits(request: Request, recorded: Recorded, reason: str, next_look_at: datetime) -> Request:
    waiting = _moved(request, recorded, state="waiting")
    return replace(waiting, reason=reason, next_look_at=next_look_at)


def _moved(request: Request, recorded: Recorded, *, state: State) -> Request:
    return replace(
        request,
        state=state,
        reason=None,
        next_look_at=None,
        changed_version=recorded.version,
        changed_at=recorded.event.at,
    )


def _opened(recorded: Recorded, event: RequestOpened) -> Request:
    return Request(
        account_id=recorded.account_id,
        request_id=event.request_id,
        lead_id=event.lead_id,
        rule_id=event.rule_id,
        stage=event.stage,
        source=event.source,
        state="undecided",
        reason=None,
        next_look_at=None,
        opened_version=recorded.version,
        opened_at=event.at,
        changed_version=recorded.version,
        changed_at=event.at,
    )


def _tally_key(request: Request) -> TallyKey:
    return (request.rule_id or "", request.source, request.state)


def _request(row: asyncpg.Record, *, account_id: int) -> Request:
    return Request(
        account_id=account_id,
        stage=Stage(row["pipeline_id"], row["status_id"]),
        **{name: row[name] for name in SCALARS},
    )


SCALARS = (
    "request_id",
    "lead_id",
    "rule_id",
    "source",
    "state",
    "reason",
    "next_look_at",
    "opened_version",
    "opened_at",
    "changed_version",
    "changed_at",
)
