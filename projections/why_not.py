"""How often each manager stood how when leads were given out, by rule and hour.

One row for a rule and hour, however many managers and leads: it counts, for each manager who
took part, the lines of `domain.explain.why_not`. Who has no line in a decision was not in the
rule, unless the lead went to its owner. The versions tell where in the log the leads are.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from contracts.events import LeadAssigned, Recorded
from domain.explain.why_not import Line, Stood, lines
from projections import Connection

NAME = "why_not"
REVISION = 1
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
IN_RANGE = """
FROM why_not.hours
WHERE account_id = $1 AND hour >= $2 AND hour < $3 AND ($4::text IS NULL OR rule_id = $4)
"""
# Of most hours somebody is in few rules: arrays of others are not taken apart.
LINES = f"""
SELECT found.*, line, count
FROM (SELECT * {IN_RANGE} AND $5::bigint = ANY (manager_ids)) AS found,
    unnest(manager_ids, lines, counts) AS stood (manager_id, line, count)
WHERE manager_id = $5
"""  # noqa: S608 - a constant of ours
TOTALS = f"""
SELECT coalesce(sum(decisions), 0)::bigint AS decisions,
    coalesce(sum(to_owners), 0)::bigint AS to_owners,
    (SELECT coalesce(jsonb_object_agg(line, total), '{{}}') FROM (
        SELECT line, sum(count)::bigint AS total FROM ({LINES}) AS own GROUP BY line
    ) AS totals) AS lines
{IN_RANGE}
"""  # noqa: S608 - constants of ours
# Hours are taken, the newest first, until more leads than wanted are sure to be in them: not all
# of an hour that reaches beyond the end or the version.
NEWEST = f"""
WITH own AS ({LINES}), mine AS (
    SELECT hour, rule_id, sum(count) AS lines,
        coalesce(sum(count) FILTER (WHERE line = 'got_as_owner'), 0) AS as_owner
    FROM own GROUP BY hour, rule_id
), others AS (
    SELECT hour, rule_id, first_version, last_version,
        decisions - coalesce(mine.lines, 0) AS decisions,
        to_owners - coalesce(as_owner, 0) AS to_owners
    FROM (SELECT * {IN_RANGE}) AS found LEFT JOIN mine USING (hour, rule_id)
), stood AS (
    SELECT hour, rule_id, first_version, last_version, line, count FROM own
    UNION ALL
    SELECT hour, rule_id, first_version, last_version, 'to_owner', to_owners FROM others
    UNION ALL
    SELECT hour, rule_id, first_version, last_version, 'not_in_rule', decisions - to_owners
    FROM others
), sure AS (
    SELECT *, CASE WHEN hour + interval '1 hour' <= $3 AND last_version < $7 THEN count ELSE 0 END
        AS sure
    FROM stood WHERE line = ANY ($6::text[]) AND count > 0 AND first_version < $7
), summed AS (
    SELECT *, sum(sure) OVER (PARTITION BY line ORDER BY hour DESC)
        - sum(sure) OVER (PARTITION BY line, hour) AS newer
    FROM sure
)
SELECT line, hour, rule_id, first_version, last_version FROM summed WHERE newer <= $8
ORDER BY hour DESC, rule_id, line
"""  # noqa: S608 - constants of ours


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
class Totals:
    """How a manager stood when leads were given out.

    Attributes:
        decisions: How often a lead was given to somebody.
        to_owners: How often of these to its owner.
        lines: How often the manager stood in each line, if ever.
    """

    decisions: int
    to_owners: int
    lines: Mapping[Line, int]

    @property
    def stood(self) -> dict[Stood, int]:
        """Every decision once: by the manager's line, or by why they have none."""
        found: dict[Stood, int] = dict(self.lines.items())
        found["to_owner"] = self.to_owners - self.lines.get("got_as_owner", 0)
        found["not_in_rule"] = self.decisions - sum(found.values())
        return {stood: count for stood, count in found.items() if count}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A rule in an hour in which somebody stood in a way, and where its decisions are."""

    line: Stood
    hour: datetime
    rule_id: str
    first_version: int
    last_version: int


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


async def totals(
    connection: Connection,
    *,
    account_id: int,
    manager_id: int,
    since: datetime,
    until: datetime,
    rule_id: str | None = None,
) -> Totals:
    """How a manager stood in whole hours, `since` included, `until` not."""
    row = await connection.fetchrow(TOTALS, account_id, since, until, rule_id, manager_id)
    assert row is not None, "sums are one row"  # noqa: S101 - an invariant
    return Totals(**row)


async def newest(  # noqa: PLR0913 - each says another thing of it
    connection: Connection,
    *,
    account_id: int,
    manager_id: int,
    since: datetime,
    until: datetime,
    lines: Sequence[Stood],
    limit: int,
    before: int,
    rule_id: str | None = None,
) -> list[Stretch]:
    """Where the newest leads are to which a manager stood in these ways, the newest hour first.

    All of an hour, if one of it; and of each line enough of them for more leads than the limit,
    if there are so many.

    Args:
        connection: Where to ask.
        account_id: Whose leads.
        manager_id: Who stood to them.
        since: The beginning of the first hour.
        until: Leads are looked for before this instant.
        lines: How they stood.
        limit: How many leads of each line are wanted.
        before: Only leads given before this version.
        rule_id: Of this rule only.
    """
    rows = await connection.fetch(
        NEWEST, account_id, since, until, rule_id, manager_id, lines, before, limit
    )
    return [Stretch(**row) for row in rows]


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
