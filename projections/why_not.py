"""How often each manager stood how when leads were given out, by rule and hour.

One row for a rule and hour, however many managers and leads: it counts, for each manager who
took part, the lines of `domain.explain.why_not`. Who has no line in a decision was not in the
rule, unless the lead went to its owner. The versions tell where in the log the leads are.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from contracts.events import LeadAssigned, Recorded
from domain.explain.why_not import Line, lines
from domain.explain.why_not import Stood as Way
from projections import Connection

NAME = "why_not"
REVISION = 1
HOUR = timedelta(hours=1)
EVENTS: frozenset[type] = frozenset({LeadAssigned})
TABLES = """
CREATE TABLE hours (
    account_id bigint NOT NULL,
    hour timestamptz NOT NULL,
    rule_id text NOT NULL,
    decisions integer NOT NULL CHECK (decisions > 0),
    to_owners integer NOT NULL,
    first_version bigint NOT NULL,
    last_version bigint NOT NULL,
    manager_ids bigint[] NOT NULL,
    lines text[] NOT NULL,
    counts integer[] NOT NULL,
    PRIMARY KEY (account_id, hour, rule_id)
) WITH (fillfactor = 50);
"""

KNOWN = """
SELECT hour, rule_id, decisions, to_owners, first_version, last_version, manager_ids, lines, counts
FROM hours
WHERE account_id = $1 AND (hour, rule_id) IN (SELECT * FROM unnest($2::timestamptz[], $3::text[]))
"""
# Arrays of one row each: arrays of arrays would have to be equally long.
STORE = """
INSERT INTO hours (account_id, hour, rule_id, decisions, to_owners, first_version, last_version,
    manager_ids, lines, counts)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (account_id, hour, rule_id) DO UPDATE SET decisions = excluded.decisions,
    to_owners = excluded.to_owners, last_version = excluded.last_version,
    manager_ids = excluded.manager_ids, lines = excluded.lines, counts = excluded.counts
"""
# What somebody's rows say of them; of those that they are not in, whose arrays are not taken apart,
# what is said of everybody else. Then by line and hour; hours are taken, the newest first, until
# more leads than wanted are sure to be in them: not all of an hour that goes on after the end, nor
# of one that goes on after the version.
STOOD = """
WITH found AS (
    SELECT hour, rule_id, first_version, last_version, decisions, to_owners, is_in,
        CASE WHEN is_in THEN manager_ids END AS manager_ids,
        CASE WHEN is_in THEN lines END AS lines,
        CASE WHEN is_in THEN counts END AS counts
    FROM why_not.hours, LATERAL (SELECT $2::bigint = ANY (manager_ids) AS is_in) AS own
    WHERE account_id = $1 AND hour >= $3 AND hour < $4 AND ($5::text IS NULL OR rule_id = $5)
), stood AS (
    SELECT hour, rule_id, first_version, last_version, 'not_in_rule' AS line,
        decisions - to_owners AS count
    FROM found WHERE NOT is_in
    UNION ALL
    SELECT hour, rule_id, first_version, last_version, 'to_owner', to_owners
    FROM found WHERE NOT is_in
    UNION ALL
    SELECT hour, rule_id, first_version, last_version, line, count
    FROM found, LATERAL (
        SELECT array_agg(line) AS lines, array_agg(count) AS counts, sum(count)::integer AS taken,
            coalesce(sum(count) FILTER (WHERE line = 'got_as_owner'), 0)::integer AS as_owner
        FROM unnest(manager_ids, lines, counts) AS own (manager_id, line, count)
        WHERE manager_id = $2
    ) AS own, LATERAL unnest(
        own.lines || ARRAY['to_owner', 'not_in_rule'],
        own.counts || ARRAY[to_owners - as_owner, decisions - taken - to_owners + as_owner]
    ) AS every (line, count)
    WHERE is_in
), hours AS (
    SELECT line, hour, sum(count) AS count, array_agg(rule_id) AS rule_ids,
        array_agg(first_version) AS first_versions,
        array_agg(last_version) AS last_versions,
        CASE WHEN hour + interval '1 hour' <= $4 THEN sum(count) FILTER (WHERE last_version < $8)
        END AS sure
    FROM stood WHERE count > 0 GROUP BY line, hour
), summed AS (
    SELECT line, hour, rule_ids, first_versions, last_versions,
        sum(count) FILTER (WHERE hour >= $6 AND hour < $7) OVER line AS count,
        sum(sure) OVER (line ORDER BY hour DESC
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS newer,
        row_number() OVER (line ORDER BY hour DESC) AS number
    FROM hours WINDOW line AS (PARTITION BY line)
)
SELECT line, coalesce(count, 0)::bigint AS count, hour, rule_ids, first_versions, last_versions
FROM summed WHERE number = 1 OR coalesce(newer, 0) <= $9 ORDER BY line, hour DESC
"""


@dataclass(slots=True)
class Hour:
    """What became of a rule's leads in an hour.

    Attributes:
        decisions: How often a lead was given to somebody.
        to_owners: How often of these to its owner.
        first_version: Of the first of these decisions in the account's log.
        last_version: Of the last.
        counts: Manager and line to how often.
    """

    hour: datetime
    rule_id: str
    first_version: int
    last_version: int
    decisions: int = 0
    to_owners: int = 0
    counts: Counter[tuple[int, Line]] = field(default_factory=Counter)

    def add(self, version: int, event: LeadAssigned) -> None:
        """Count one more decision."""
        self.decisions += 1
        self.to_owners += event.policy == "owner"
        self.last_version = version
        self.counts.update(lines(event))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A rule in an hour, and where its decisions are, among those of other rules."""

    hour: datetime
    rule_id: str
    first_version: int
    last_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stood:
    """How often somebody stood in a way.

    Attributes:
        count: In whole hours.
        newest: Where the newest such decisions are.
    """

    count: int
    newest: tuple[Stretch, ...]


Key = tuple[datetime, str]


def concerned(events: Iterable[Recorded]) -> list[Key]:
    """The hours and rules that the events are counted in, ascending."""
    return sorted(
        {
            (hour_of(recorded.event.at), recorded.event.rule_id)
            for recorded in events
            if isinstance(recorded.event, LeadAssigned)
        }
    )


def changes(known: Mapping[Key, Hour], events: Iterable[Recorded]) -> list[Hour]:
    """The rows after the events, by hour and rule."""
    hours = dict(known)
    for recorded in events:
        event, version = recorded.event, recorded.version
        if isinstance(event, LeadAssigned):
            key = (hour_of(event.at), event.rule_id)
            hours.setdefault(key, Hour(*key, version, version)).add(version, event)
    return [hours[key] for key in sorted(hours)]


async def project(connection: Connection, account_id: int, events: Sequence[Recorded]) -> None:
    """Apply the next events of an account inside the caller's transaction."""
    keys = concerned(events)
    if not keys:
        return
    rows = await connection.fetch(
        KNOWN, account_id, [hour for hour, _ in keys], [rule_id for _, rule_id in keys]
    )
    hours = changes({(row["hour"], row["rule_id"]): _hour(dict(row)) for row in rows}, events)
    await connection.executemany(STORE, [(account_id, *_values(hour)) for hour in hours])


async def stood(
    connection: Connection,
    *,
    account_id: int,
    manager_id: int,
    since: datetime,
    until: datetime,
    limit: int,
    before: int,
    rule_id: str | None = None,
) -> dict[Way, Stood]:
    """How a manager stood when leads were given out, every decision once; without what never was.

    Args:
        connection: Where to ask.
        account_id: Whose leads.
        manager_id: Who stood to them.
        since: Leads given then or later; the hours between are counted, `whole_hours`.
        until: And before it.
        limit: So many leads of each line are looked for: the newest stretches have more than
            these, if there are more.
        before: Only leads given before this version are looked for.
        rule_id: Of this rule only.
    """
    rows = await connection.fetch(
        STOOD,
        account_id,
        manager_id,
        hour_of(since),
        until,
        rule_id,
        *whole_hours(since, until),
        before,
        limit,
    )
    found: dict[Way, Stood] = {}
    for row in rows:
        versions = zip(row["rule_ids"], row["first_versions"], row["last_versions"], strict=True)
        newest = tuple(
            Stretch(hour=row["hour"], rule_id=rule, first_version=first, last_version=last)
            for rule, first, last in versions
        )
        known = found.get(row["line"])
        before_it = () if known is None else known.newest
        found[row["line"]] = Stood(count=row["count"], newest=before_it + newest)
    return found


def whole_hours(since: datetime, until: datetime) -> tuple[datetime, datetime]:
    """From the first whole hour between two instants to the end of the last; none if not before."""
    first = since if since == hour_of(since) else hour_of(since) + HOUR
    return first, hour_of(until)


def hour_of(at: datetime) -> datetime:
    """The beginning of the hour that an instant is in."""
    return at.replace(minute=0, second=0, microsecond=0)


def _hour(row: Mapping[str, Any]) -> Hour:
    stood = zip(row["manager_ids"], row["lines"], row["counts"], strict=True)
    return Hour(
        row["hour"],
        row["rule_id"],
        row["first_version"],
        row["last_version"],
        row["decisions"],
        row["to_owners"],
        Counter({(manager_id, line): count for manager_id, line, count in stood}),
    )


def _values(hour: Hour) -> tuple[object, ...]:
    counted = sorted(hour.counts.items())
    return (
        hour.hour,
        hour.rule_id,
        hour.decisions,
        hour.to_owners,
        hour.first_version,
        hour.last_version,
        [manager_id for (manager_id, _), _ in counted],
        [line for (_, line), _ in counted],
        [count for _, count in counted],
    )
