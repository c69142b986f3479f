"""How fast each lead was served (D12.1): asked, decided, in Kommo, first touch by its manager.

One row for each time that a lead was given to somebody. Beside the instants it holds how much
of the way was working time of that manager, by the schedule that the rule named for them then;
whoever has none there, as a manager on duty, works always. A touch is known only of leads that
their rule would pass on, for only about these Kommo is asked. Where the rule has a target for it,
the row holds when that was over, by the same schedule.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from hashlib import sha256
from typing import Any, Literal, get_args

import asyncpg

from contracts.events import (
    AccountDescribed,
    AllocationEvent,
    AssignmentConfirmed,
    LeadAssigned,
    LeadTouched,
    Recorded,
    RequestClosed,
    RequestOpened,
    RulesApplied,
    TouchesRequested,
)
from domain.configuration import NO_RULES, Configuration, compile_rules
from projections import Connection

NAME = "response"
REVISION = 4
EVENTS: frozenset[type] = frozenset(
    {
        AccountDescribed,
        AssignmentConfirmed,
        LeadAssigned,
        LeadTouched,
        RequestClosed,
        RequestOpened,
        RulesApplied,
        TouchesRequested,
    }
)
# `asked`: requests that nobody was chosen for yet. `hours`: what schedules are read from as JSON
# that reads back to the very same, and its digest, by which what was compiled is found again.
# `targets`: rules that have one by the rules in force.
TABLES = """
CREATE TABLE leads (
    account_id bigint NOT NULL,
    request_id text NOT NULL,
    attempt integer NOT NULL,
    lead_id bigint NOT NULL,
    manager_id bigint NOT NULL,
    rule_id text NOT NULL,
    asked_at timestamptz NOT NULL,
    decided_at timestamptz NOT NULL,
    in_kommo_at timestamptz,
    touched_at timestamptz,
    decided_worked_ms bigint NOT NULL,
    in_kommo_worked_ms bigint,
    touched_worked_ms bigint,
    touch_due_at timestamptz,
    untouched_at timestamptz,
    PRIMARY KEY (account_id, request_id, attempt)
) WITH (fillfactor = 70);
CREATE INDEX leads_decided_idx ON leads (account_id, decided_at);
CREATE INDEX leads_manager_idx ON leads (account_id, manager_id, decided_at);
CREATE INDEX leads_due_idx ON leads (account_id, rule_id, decided_at)
    WHERE touch_due_at IS NOT NULL;
CREATE TABLE asked (
    account_id bigint NOT NULL,
    request_id text NOT NULL,
    asked_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, request_id)
);
CREATE TABLE hours (
    account_id bigint PRIMARY KEY,
    digest bytea NOT NULL,
    hours text NOT NULL
);
CREATE TABLE targets (
    account_id bigint NOT NULL,
    rule_id text NOT NULL,
    PRIMARY KEY (account_id, rule_id)
);
"""

ASKED = """
SELECT request_id, asked_at FROM asked WHERE account_id = $1 AND request_id = ANY($2::text[])
"""
KNOWN = """
SELECT request_id, attempt, lead_id, manager_id, rule_id, asked_at, decided_at, in_kommo_at,
    touched_at, decided_worked_ms, in_kommo_worked_ms, touched_worked_ms, touch_due_at,
    untouched_at
FROM leads WHERE account_id = $1 AND request_id = ANY($2::text[])
"""
IN_KOMMO = """
SELECT request_id, attempt, in_kommo_at FROM response.leads
WHERE account_id = $1 AND request_id = ANY($2::text[]) AND in_kommo_at IS NOT NULL
"""
ASK = """
INSERT INTO asked (account_id, request_id, asked_at)
SELECT $1, * FROM unnest($2::text[], $3::timestamptz[])
ON CONFLICT (account_id, request_id) DO NOTHING
"""
ANSWER = "DELETE FROM asked WHERE account_id = $1 AND request_id = ANY($2::text[])"
STORE = """
INSERT INTO leads (account_id, request_id, attempt, lead_id, manager_id, rule_id, asked_at,
    decided_at, in_kommo_at, touched_at, decided_worked_ms, in_kommo_worked_ms, touched_worked_ms,
    touch_due_at, untouched_at)
SELECT $1, * FROM unnest($2::text[], $3::integer[], $4::bigint[], $5::bigint[], $6::text[],
    $7::timestamptz[], $8::timestamptz[], $9::timestamptz[], $10::timestamptz[], $11::bigint[],
    $12::bigint[], $13::bigint[], $14::timestamptz[], $15::timestamptz[])
ON CONFLICT (account_id, request_id, attempt) DO UPDATE SET in_kommo_at = excluded.in_kommo_at,
    touched_at = excluded.touched_at, in_kommo_worked_ms = excluded.in_kommo_worked_ms,
    touched_worked_ms = excluded.touched_worked_ms, untouched_at = excluded.untouched_at
"""
DIGEST = "SELECT digest FROM hours WHERE account_id = $1"
HOURS = "SELECT hours FROM hours WHERE account_id = $1"
SET_HOURS = """
INSERT INTO hours (account_id, digest, hours) VALUES ($1, $2, $3)
ON CONFLICT (account_id) DO UPDATE SET digest = excluded.digest, hours = excluded.hours
"""
DROP_TARGETS = "DELETE FROM targets WHERE account_id = $1 AND rule_id <> ALL($2::text[])"
ADD_TARGETS = """
INSERT INTO targets (account_id, rule_id) SELECT $1, * FROM unnest($2::text[])
ON CONFLICT (account_id, rule_id) DO NOTHING
"""
# Seconds of each leg; of what has not happened, NULL, which is in no figure. `in_target` is NULL
# as well while nobody knows, and where there is no target.
LEGS = """
SELECT manager_id, rule_id, date_trunc('hour', decided_at, 'UTC') AS hour,
    extract(epoch FROM decided_at - asked_at)::float8 AS wait_s,
    extract(epoch FROM in_kommo_at - decided_at)::float8 AS push_s,
    extract(epoch FROM touched_at - decided_at)::float8 AS touch_s,
    decided_worked_ms / 1000.0::float8 AS wait_worked_s,
    (in_kommo_worked_ms - decided_worked_ms) / 1000.0::float8 AS push_worked_s,
    (touched_worked_ms - decided_worked_ms) / 1000.0::float8 AS touch_worked_s,
    CASE WHEN touched_at IS NOT NULL THEN touched_at <= touch_due_at
        WHEN untouched_at <= $4 THEN false
    END AS in_target
FROM response.leads
WHERE account_id = $1 AND decided_at >= $2 AND decided_at < $3
"""
OF_MANAGER = "AND manager_id = $5"
# Of each leg how many leads have come to its end, and the two times; NULL instead of both
# where there are none.
LEG = """count({leg}_s) AS {leg}_leads,
    percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY {leg}_s) AS {leg}_s,
    percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY {leg}_worked_s) AS {leg}_worked_s"""
FIGURES = """
SELECT {of} AS of, count(*) AS given,
    count(in_target) AS judged, count(*) FILTER (WHERE in_target) AS in_target,
    {times}
FROM ({legs}) AS legs GROUP BY {of} ORDER BY {of}
"""
# Of the newest leads of a rule of which it is known; what is older than a month tells of no today.
LATE = """
SELECT targets.account_id, targets.rule_id, last.late
FROM response.targets CROSS JOIN LATERAL (
    SELECT count(*) AS judged, count(*) FILTER (WHERE is_late) AS late
    FROM (
        SELECT touched_at IS NULL OR touched_at > touch_due_at AS is_late FROM response.leads
        WHERE account_id = targets.account_id AND rule_id = targets.rule_id
            AND touch_due_at IS NOT NULL AND decided_at > $1::timestamptz - interval '30 days'
            AND (touched_at IS NOT NULL OR untouched_at <= $1)
        ORDER BY decided_at DESC LIMIT $2
    ) AS newest
) AS last
WHERE ($4::bigint IS NULL OR targets.account_id = $4)
    AND last.judged = $2 AND 2 * last.late >= $2
ORDER BY targets.account_id, targets.rule_id LIMIT $3
"""
LAST_LEADS = 20
Leg = Literal["wait", "push", "touch"]
THE_LEGS: tuple[Leg, ...] = get_args(Leg)
By = Literal["manager", "rule", "hour"]
COLUMNS: Mapping[By, str] = {"manager": "manager_id", "rule": "rule_id", "hour": "hour"}
MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How fast a lead was served, one time that it was given to somebody.

    Attributes:
        asked_at: When the lead asked for a manager.
        in_kommo_at: When Kommo held the decision; None if it does not yet, or never did.
        touched_at: When this manager first did something to it; None as far as is known.
        touch_due_at: Until when they should have; None without a target, or where touches are
            not known.
        untouched_at: When it is sure that they had not by then: Kommo was asked, and the time for
            its answer is over.
        decided_worked_ms: Working time of theirs between asking and decision; the other two
            are from asking, too.
    """

    request_id: str
    attempt: int
    lead_id: int
    manager_id: int
    rule_id: str
    asked_at: datetime
    decided_at: datetime
    decided_worked_ms: int
    in_kommo_at: datetime | None = None
    in_kommo_worked_ms: int | None = None
    touched_at: datetime | None = None
    touched_worked_ms: int | None = None
    touch_due_at: datetime | None = None
    untouched_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LegTimes:
    """How long one leg of the way took, by the clock and in the managers' working time.

    Attributes:
        leads: How many leads have come to its end; of these are the times, None without any.
    """

    leads: int
    median_s: float | None
    p90_s: float | None
    median_worked_s: float | None
    p90_worked_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """How fast the leads of a manager, a rule or an hour were served.

    Attributes:
        of: The manager, the rule, or when the hour began.
        given: How often a lead was given to somebody.
        judged: Of how many it is known whether they were touched within the rule's target.
        in_target: How many of these were.
        legs: `wait` from asked to decided, `push` from there until Kommo held it, `touch` from
            decided to the first touch.
    """

    of: int | str | datetime
    given: int
    judged: int
    in_target: int
    legs: Mapping[Leg, LegTimes]


@dataclass(frozen=True, slots=True, kw_only=True)
class LateRule:
    """A rule whose managers are often too late.

    Attributes:
        late: Of its last `LAST_LEADS` leads, how many were not touched within the target.
    """

    account_id: int
    rule_id: str
    late: int


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that nobody was chosen for yet."""

    request_id: str
    asked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingHours:
    """What tells who works when in an account: its rules, and what they go by."""

    timezone: str = "UTC"
    active_user_ids: Sequence[int] = ()
    rules: dict[str, Any] | None = None


class Compiled:
    """Working hours that can be asked, and how they are kept."""

    def __init__(self, of: WorkingHours) -> None:
        """Nothing is compiled until somebody asks."""
        self.of = of
        self.text = json.dumps(asdict(of), sort_keys=True)
        self.digest = sha256(self.text.encode()).digest()

    def worked_ms(self, of: LeadAssigned | Answer, since: datetime, until: datetime) -> int:
        """How long a lead's manager worked by its rule between two instants."""
        if until <= since:
            return 0
        rule = self._rules.by_id.get(of.rule_id)
        schedule = rule.schedule_of(of.manager_id) if rule is not None else None
        worked = schedule.working_time_between(since, until) if schedule else until - since
        return worked // MILLISECOND

    def touch_due_at(self, event: LeadAssigned) -> datetime | None:
        """When the target of a lead's rule for the first touch is over, where it can be judged."""
        rule = self._rules.by_id.get(event.rule_id)
        if rule is None or rule.first_touch_target is None or not rule.minds_touches:
            return None
        if event.policy == "duty" or event.keeps_lead:
            return None  # about these Kommo is never asked
        schedule = rule.schedule_of(event.manager_id)
        if schedule is None:
            return event.at + rule.first_touch_target
        return schedule.worked_at(event.at, rule.first_touch_target)

    def rules_with_target(self) -> list[str]:
        """Ids of the rules whose first touches are judged."""
        sections = (self.of.rules or {}).get("rules", ())
        if not any(each.get("first_touch_target_minutes") for each in sections):
            return []  # most accounts: nothing has to be compiled for that
        rules = self._rules.rules
        return [each.rule_id for each in rules if each.first_touch_target and each.minds_touches]

    @cached_property
    def _rules(self) -> Configuration:
        of = self.of
        if of.rules is None:
            return NO_RULES
        return compile_rules(
            of.rules, revision=0, timezone=of.timezone, active_user_ids=of.active_user_ids
        )


# What was compiled, by its digest: a lead that comes alone takes no milliseconds for it. It tells
# nothing that is not stored.
COMPILED_MAX = 256
_compiled: dict[bytes, Compiled] = {}
Key = tuple[str, int]


class Timing:
    """Follows the rows through the events of one account.

    Attributes:
        hours: By which working time is told from here.
        asked: Request to when it asked, of those that nobody was chosen for.
        leads: Request and attempt to the row.
        changed: Which of these are new or changed, in order.
    """

    def __init__(
        self, hours: Compiled, *, asked: Iterable[Asked] = (), leads: Iterable[Answer] = ()
    ) -> None:
        """Begin with what is stored of the requests concerned."""
        self.hours = hours
        self.asked = {each.request_id: each.asked_at for each in asked}
        self.leads = {(row.request_id, row.attempt): row for row in leads}
        self.changed: dict[Key, None] = {}

    def follow(self, event: AllocationEvent) -> None:
        """Take the next event."""
        match event:
            case AccountDescribed(timezone=timezone, active_user_ids=user_ids):
                self._on_hours(timezone=timezone, active_user_ids=[*user_ids])
            case RulesApplied(rules=rules):
                self._on_hours(rules=rules)
            case RequestOpened():
                self.asked[event.request_id] = event.at
            case RequestClosed():
                self.asked.pop(event.request_id, None)
            case LeadAssigned():
                self._on_assigned(event)
            case AssignmentConfirmed():
                self._on_confirmed(event)
            case LeadTouched():
                self._on_touched(event)
            case TouchesRequested():
                self._on_touches_requested(event)
            case _:
                pass

    def _on_hours(self, **changed: Any) -> None:  # noqa: ANN401 - fields of one dataclass
        hours = replace(self.hours.of, **changed)
        if hours != self.hours.of:
            self.hours = Compiled(hours)

    def _on_assigned(self, event: LeadAssigned) -> None:
        """A row begins; a request that is decided again has asked when it did at first."""
        asked_at = self.asked.pop(event.request_id, event.at)
        if first := self.leads.get((event.request_id, 1)):
            asked_at = first.asked_at
        self._keep(
            Answer(
                request_id=event.request_id,
                attempt=event.attempt,
                lead_id=event.lead_id,
                manager_id=event.manager_id,
                rule_id=event.rule_id,
                asked_at=asked_at,
                decided_at=event.at,
                decided_worked_ms=self.hours.worked_ms(event, asked_at, event.at),
                touch_due_at=self.hours.touch_due_at(event),
            )
        )

    def _on_confirmed(self, event: AssignmentConfirmed) -> None:
        row = self.leads.get((event.request_id, event.attempt))
        if row is not None and row.in_kommo_at is None:
            worked_ms = self.hours.worked_ms(row, row.asked_at, event.at)
            self._keep(replace(row, in_kommo_at=event.at, in_kommo_worked_ms=worked_ms))

    def _on_touched(self, event: LeadTouched) -> None:
        """Kommo tells whole seconds, so a touch may seem to be before its decision."""
        row = self.leads.get((event.request_id, event.attempt))
        if row is None or row.touched_at is not None or event.by != row.manager_id:
            return
        touched_at = max(event.happened_at, row.decided_at)
        worked_ms = self.hours.worked_ms(row, row.asked_at, touched_at)
        self._keep(replace(row, touched_at=touched_at, touched_worked_ms=worked_ms))

    def _on_touches_requested(self, event: TouchesRequested) -> None:
        """Kommo is asked what was done; only when the target is over does the answer judge it."""
        row = self.leads.get((event.request_id, event.attempt))
        if row is None or row.touch_due_at is None or row.untouched_at is not None:
            return
        if event.at >= row.touch_due_at:
            self._keep(replace(row, untouched_at=event.decide_at))

    def _keep(self, row: Answer) -> None:
        key = (row.request_id, row.attempt)
        self.leads[key] = row
        self.changed[key] = None


async def project(connection: Connection, account_id: int, events: Sequence[Recorded]) -> None:
    """Apply the next events of an account inside the caller's transaction."""
    if not any(type(recorded.event) in EVENTS for recorded in events):
        return
    # A request that begins here has nothing stored.
    opened = {e.event.request_id for e in events if isinstance(e.event, RequestOpened)}
    concerned = {
        request_id: None
        for recorded in events
        if (request_id := getattr(recorded.event, "request_id", None)) is not None
    }
    ids = [request_id for request_id in concerned if request_id not in opened]
    known = await _known(connection, account_id)
    asked = [Asked(**row) for row in await connection.fetch(ASKED, account_id, ids)] if ids else []
    leads = [Answer(**row) for row in await connection.fetch(KNOWN, account_id, ids)] if ids else []
    timing = Timing(known, asked=asked, leads=leads)
    for recorded in events:
        timing.follow(recorded.event)
    if timing.hours.of != known.of:
        await connection.execute(SET_HOURS, account_id, timing.hours.digest, timing.hours.text)
        targets = timing.hours.rules_with_target()
        await connection.execute(DROP_TARGETS, account_id, targets)
        await connection.execute(ADD_TARGETS, account_id, targets)
    if answered := [each.request_id for each in asked if each.request_id not in timing.asked]:
        await connection.execute(ANSWER, account_id, answered)
    if fresh := sorted(timing.asked.keys() - {each.request_id for each in asked}):
        await connection.execute(ASK, account_id, fresh, [timing.asked[i] for i in fresh])
    if timing.changed:
        await _store(connection, account_id, [timing.leads[key] for key in timing.changed])


async def in_kommo(
    connection: Connection, *, account_id: int, request_ids: Sequence[str]
) -> dict[tuple[str, int], datetime]:
    """By request and attempt: since when Kommo holds what was decided, where it does."""
    rows = await connection.fetch(IN_KOMMO, account_id, request_ids)
    return {(row["request_id"], row["attempt"]): row["in_kommo_at"] for row in rows}


async def figures(
    connection: Connection,
    *,
    account_id: int,
    since: datetime,
    until: datetime,
    by: By,
    now: datetime,
    manager_id: int | None = None,
) -> list[Speed]:
    """All leads that were given in a range, by manager, rule or hour, in their order.

    Args:
        connection: Where to ask.
        account_id: Whose leads.
        since: They were given then or later.
        until: And before it.
        by: What the figures are of.
        now: By when it has to be sure that a lead was not touched in time.
        manager_id: Only of the leads of one manager.
    """
    statement = figures_statement(by, of_one=manager_id is not None)
    one = () if manager_id is None else (manager_id,)
    rows = await connection.fetch(statement, account_id, since, until, now, *one)
    return [
        Speed(
            of=row["of"],
            given=row["given"],
            judged=row["judged"],
            in_target=row["in_target"],
            legs={leg: _times(row, leg) for leg in THE_LEGS},
        )
        for row in rows
    ]


def figures_statement(by: By, *, of_one: bool) -> str:
    """What asks for them; the manager's id is the last argument if it is about one."""
    return FIGURES.format(
        of=COLUMNS[by],
        times=",\n    ".join(LEG.format(leg=leg) for leg in THE_LEGS),
        legs=f"{LEGS} {OF_MANAGER}" if of_one else LEGS,
    )


def _times(row: asyncpg.Record, leg: Leg) -> LegTimes:
    median_s, p90_s = row[f"{leg}_s"] or (None, None)
    median_worked_s, p90_worked_s = row[f"{leg}_worked_s"] or (None, None)
    return LegTimes(
        leads=row[f"{leg}_leads"],
        median_s=median_s,
        p90_s=p90_s,
        median_worked_s=median_worked_s,
        p90_worked_s=p90_worked_s,
    )


async def late_rules(
    connection: Connection, *, now: datetime, account_id: int | None = None, limit: int = 100
) -> list[LateRule]:
    """Rules that were over their target in half of their last leads, of one account or of all."""
    rows = await connection.fetch(LATE, now, LAST_LEADS, limit, account_id)
    return [LateRule(**row) for row in rows]


async def _known(connection: Connection, account_id: int) -> "Compiled":
    digest = await connection.fetchval(DIGEST, account_id)
    if digest is None:
        return Compiled(WorkingHours())
    if digest not in _compiled:
        text = await connection.fetchval(HOURS, account_id)
        if len(_compiled) >= COMPILED_MAX:
            _compiled.clear()
        _compiled[digest] = Compiled(WorkingHours(**json.loads(text)))
    return _compiled[digest]


async def _store(connection: Connection, account_id: int, rows: Sequence[Answer]) -> None:
    await connection.execute(
        STORE,
        account_id,
        [row.request_id for row in rows],
        [row.attempt for row in rows],
        [row.lead_id for row in rows],
        [row.manager_id for row in rows],
        [row.rule_id for row in rows],
        [row.asked_at for row in rows],
        [row.decided_at for row in rows],
        [row.in_kommo_at for row in rows],
        [row.touched_at for row in rows],
        [row.decided_worked_ms for row in rows],
        [row.in_kommo_worked_ms for row in rows],
        [row.touched_worked_ms for row in rows],
        [row.touch_due_at for row in rows],
        [row.untouched_at for row in rows],
    )
