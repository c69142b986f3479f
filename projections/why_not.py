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
COUNTS = f"""
SELECT line, sum(count)::bigint AS count
FROM (SELECT manager_ids, lines, counts {IN_RANGE}) AS found,
    unnest(manager_ids, lines, counts) AS stood (manager_id, line, count)
WHERE manager_id = $5 GROUP BY line ORDER BY line
"""  # noqa: S608 - a constant of ours
DECISIONS = f"""
SELECT coalesce(sum(decisions), 0)::bigint AS decisions,
    coalesce(sum(to_owners), 0)::bigint AS to_owners {IN_RANGE}
"""
STRETCHES = f"""
SELECT hour, rule_id, first_version, last_version, decisions, to_owners,
    (SELECT coalesce(jsonb_object_agg(line, count), '{{}}')
        FROM unnest(manager_ids, lines, counts) AS stood (manager_id, line, count)
        WHERE manager_id = $5) AS lines
{IN_RANGE} ORDER BY hour, rule_id
"""  # noqa: S608 - a constant of ours


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
class Stretch(Totals):
    """A rule in an hour, and where its decisions are, among those of other rules."""

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
    arguments = (account_id, since, until, rule_id)
    decided = await connection.fetchrow(DECISIONS, *arguments)
    assert decided is not None, "sums are one row"  # noqa: S101 - an invariant
    rows = await connection.fetch(COUNTS, *arguments, manager_id)
    return Totals(
        decisions=decided["decisions"],
        to_owners=decided["to_owners"],
        lines={row["line"]: row["count"] for row in rows},
    )


async def stretches(
    connection: Connection,
    *,
    account_id: int,
    manager_id: int,
    since: datetime,
    until: datetime,
    rule_id: str | None = None,
) -> list[Stretch]:
    """Where the decisions of whole hours are, by hour and rule."""
    rows = await connection.fetch(STRETCHES, account_id, since, until, rule_id, manager_id)
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
