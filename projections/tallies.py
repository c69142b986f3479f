"""How many leads each manager got a day by each rule; a day is one of the account's zone.

What was taken back before Kommo held it counts on the day on which it had been given, so that
given less withdrawn is what a day brought. Until the account tells its zone, days are UTC's; when
the zone changes, the days before stay as they were counted.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from contracts.events import (
    AccountDescribed,
    AssignmentConfirmed,
    AssignmentWithdrawn,
    LeadAssigned,
    LeadLapsed,
    Recorded,
)
from domain.schedule.zones import zone
from projections import Connection

NAME = "tallies"
REVISION = 3
EVENTS: frozenset[type] = frozenset(
    {AccountDescribed, AssignmentConfirmed, AssignmentWithdrawn, LeadAssigned, LeadLapsed}
)
# `pending`: to which row a decision is to be taken back from; gone once Kommo holds it.
TABLES = """
CREATE TABLE zones (
    account_id bigint PRIMARY KEY,
    timezone text NOT NULL
);
CREATE TABLE days (
    account_id bigint NOT NULL,
    day date NOT NULL,
    manager_id bigint NOT NULL,
    rule_id text NOT NULL,
    given integer NOT NULL,
    as_owner integer NOT NULL,
    on_duty integer NOT NULL,
    withdrawn integer NOT NULL,
    lapsed integer NOT NULL,
    passed_on integer NOT NULL,
    PRIMARY KEY (account_id, day, manager_id, rule_id)
) WITH (fillfactor = 70);
CREATE TABLE pending (
    account_id bigint NOT NULL,
    lead_id bigint NOT NULL,
    day date NOT NULL,
    manager_id bigint NOT NULL,
    rule_id text NOT NULL,
    PRIMARY KEY (account_id, lead_id)
);
"""

ZONE = "SELECT timezone FROM zones WHERE account_id = $1"
SET_ZONE = """
INSERT INTO zones (account_id, timezone) VALUES ($1, $2)
ON CONFLICT (account_id) DO UPDATE SET timezone = excluded.timezone
"""
KNOWN = """
SELECT lead_id, day, manager_id, rule_id FROM pending
WHERE account_id = $1 AND lead_id = ANY($2::bigint[])
"""
KEEP = """
INSERT INTO pending (account_id, lead_id, day, manager_id, rule_id)
SELECT $1, * FROM unnest($2::bigint[], $3::date[], $4::bigint[], $5::text[])
ON CONFLICT (account_id, lead_id) DO UPDATE SET day = excluded.day,
    manager_id = excluded.manager_id, rule_id = excluded.rule_id
"""
SETTLE = "DELETE FROM pending WHERE account_id = $1 AND lead_id = ANY($2::bigint[])"
COUNT = """
INSERT INTO days AS known (account_id, day, manager_id, rule_id, given, as_owner, on_duty,
    withdrawn, lapsed, passed_on)
SELECT $1, * FROM unnest($2::date[], $3::bigint[], $4::text[], $5::integer[], $6::integer[],
    $7::integer[], $8::integer[], $9::integer[], $10::integer[])
ON CONFLICT (account_id, day, manager_id, rule_id) DO UPDATE SET
    given = known.given + excluded.given, as_owner = known.as_owner + excluded.as_owner,
    on_duty = known.on_duty + excluded.on_duty, withdrawn = known.withdrawn + excluded.withdrawn,
    lapsed = known.lapsed + excluded.lapsed, passed_on = known.passed_on + excluded.passed_on
"""
IN_RANGE = """
SELECT day, manager_id, rule_id, given, as_owner, on_duty, withdrawn, lapsed, passed_on
FROM tallies.days
WHERE account_id = $1 AND day >= $2 AND day < $3 AND ($4::bigint IS NULL OR manager_id = $4)
ORDER BY day, manager_id, rule_id
"""
BY_RULE = """
SELECT rule_id, sum(given - withdrawn)::bigint AS leads FROM tallies.days
WHERE account_id = $1 AND day >= $2 AND day < $3 GROUP BY rule_id
"""
UTC_NAME = "UTC"


class Place(NamedTuple):
    """Which row a lead counts in."""

    day: date
    manager_id: int
    rule_id: str


@dataclass(slots=True)
class DayTally:
    """What a manager got in a day by a rule.

    Attributes:
        given: How often a lead was given to them.
        as_owner: How often of these because it was theirs already.
        on_duty: How often of these because they had duty.
        withdrawn: How often of these it was taken back before Kommo held it.
        lapsed: How often their turn with one ended untouched on this day (D7.3), whenever it had
            been given.
        passed_on: How often of these because they passed it on themselves (D7.6).
    """

    day: date
    manager_id: int
    rule_id: str
    given: int = 0
    as_owner: int = 0
    on_duty: int = 0
    withdrawn: int = 0
    lapsed: int = 0
    passed_on: int = 0


@dataclass(slots=True)
class Counting:
    """What a run of events comes to.

    Attributes:
        timezone: The account's, after them.
        rows: What is to be added to each row.
        pending: Lead to the row it may be taken back from; None once it no more can.
    """

    timezone: str
    rows: dict[Place, DayTally] = field(default_factory=dict)
    pending: dict[int, Place | None] = field(default_factory=dict)

    def row(self, place: Place) -> DayTally:
        """What is to be added to that row."""
        return self.rows.setdefault(place, DayTally(*place))

    def on_assigned(self, event: LeadAssigned) -> None:
        """Count it, and remember where."""
        place = Place(self._day(event.at), event.manager_id, event.rule_id)
        row = self.row(place)
        row.given += 1
        row.as_owner += event.policy == "owner"
        row.on_duty += event.policy == "duty"
        # Kommo is not told of a lead that stays whose it is, so nothing is taken back.
        self.pending[event.lead_id] = None if event.keeps_lead else place

    def on_withdrawn(self, event: AssignmentWithdrawn) -> None:
        """Count it where the lead had been given."""
        place = self.pending.get(event.lead_id)
        self.pending[event.lead_id] = None
        if place is not None:
            self.row(place).withdrawn += 1

    def on_lapsed(self, event: LeadLapsed) -> None:
        """Count it today."""
        row = self.row(Place(self._day(event.at), event.manager_id, event.rule_id))
        row.lapsed += 1
        row.passed_on += event.passed_on_by is not None

    def _day(self, at: datetime) -> date:
        return at.astimezone(_zone(self.timezone)).date()


def changes(now_in: str, known: Mapping[int, Place], events: Iterable[Recorded]) -> Counting:
    """Bring the events of one account down to what is to be added to each row."""
    counting = Counting(now_in, pending=dict(known))
    for recorded in events:
        match recorded.event:
            case AccountDescribed(timezone=timezone):
                counting.timezone = timezone
            case LeadAssigned() as event:
                counting.on_assigned(event)
            case AssignmentWithdrawn() as event:
                counting.on_withdrawn(event)
            case AssignmentConfirmed(lead_id=lead_id):
                counting.pending[lead_id] = None
            case LeadLapsed() as event:
                counting.on_lapsed(event)
            case _:
                pass
    return counting


async def project(connection: Connection, account_id: int, events: Sequence[Recorded]) -> None:
    """Apply the next events of an account inside the caller's transaction."""
    if not any(type(recorded.event) in EVENTS for recorded in events):
        return
    leads = {
        event.lead_id: None
        for recorded in events
        if isinstance(event := recorded.event, AssignmentConfirmed | AssignmentWithdrawn)
    }
    known: dict[int, Place] = {}
    if leads:
        rows = await connection.fetch(KNOWN, account_id, list(leads))
        known = {row["lead_id"]: Place(*list(row)[1:]) for row in rows}
    stored = await connection.fetchval(ZONE, account_id)
    counting = changes(stored or UTC_NAME, known, events)
    if counting.timezone != stored:
        await connection.execute(SET_ZONE, account_id, counting.timezone)
    if settled := [i for i in known if counting.pending[i] is None]:
        await connection.execute(SETTLE, account_id, settled)
    fresh = [(i, place) for i, place in counting.pending.items() if place and place != known.get(i)]
    if fresh:
        await connection.execute(
            KEEP,
            account_id,
            [lead_id for lead_id, _ in fresh],
            [place.day for _, place in fresh],
            [place.manager_id for _, place in fresh],
            [place.rule_id for _, place in fresh],
        )
    if counted := [counting.rows[place] for place in sorted(counting.rows)]:
        await connection.execute(
            COUNT,
            account_id,
            [row.day for row in counted],
            [row.manager_id for row in counted],
            [row.rule_id for row in counted],
            [row.given for row in counted],
            [row.as_owner for row in counted],
            [row.on_duty for row in counted],
            [row.withdrawn for row in counted],
            [row.lapsed for row in counted],
            [row.passed_on for row in counted],
        )


async def in_range(
    connection: Connection,
    *,
    account_id: int,
    since: date,
    until: date,
    manager_id: int | None = None,
) -> list[DayTally]:
    """What everybody, or one manager, got from a day to before another, by day and rule."""
    rows = await connection.fetch(IN_RANGE, account_id, since, until, manager_id)
    return [DayTally(**row) for row in rows]


async def given_by_rule(
    connection: Connection, *, account_id: int, since: date, until: date
) -> dict[str, int]:
    """How many leads each rule gave out from a day to before another, less what was taken back."""
    rows = await connection.fetch(BY_RULE, account_id, since, until)
    return {row["rule_id"]: row["leads"] for row in rows}


def _zone(name: str) -> ZoneInfo:
    try:
        return zone(name)
    except ValueError:  # Kommo's database has it and ours does not
        return zone(UTC_NAME)
