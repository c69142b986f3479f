"""When each account last did what it does, and how many leads it gave out in the last day.

One row an account. What is waiting, pending or unfair is counted by the projections of these;
here is what tells a quiet account from one that nobody hears of any more.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from contracts.events import (
    AssignmentConfirmed,
    AssignmentWithdrawn,
    LeadAssigned,
    LeadSeen,
    Recorded,
    RequestOpened,
)
from projections import Connection

NAME = "health"
REVISION = 1
EVENTS: frozenset[type] = frozenset(
    {AssignmentConfirmed, AssignmentWithdrawn, LeadAssigned, LeadSeen, RequestOpened}
)
TABLES = """
CREATE TABLE accounts (
    account_id bigint PRIMARY KEY,
    version bigint NOT NULL,
    heard_at timestamptz,
    asked_at timestamptz,
    decided_at timestamptz,
    confirmed_at timestamptz,
    refused_at timestamptz,
    given bigint NOT NULL,
    swept bigint NOT NULL,
    hours timestamptz[] NOT NULL,
    given_in_hours integer[] NOT NULL
) WITH (fillfactor = 50);
"""

COLUMNS = """
SELECT account_id, version, heard_at, asked_at, decided_at, confirmed_at, refused_at, given, swept,
    hours, given_in_hours
"""
KNOWN = f"{COLUMNS} FROM accounts WHERE account_id = $1"
ALL = f"""{COLUMNS} FROM health.accounts
WHERE ($1::bigint[] IS NULL OR account_id = ANY ($1)) ORDER BY account_id
"""
ONE = f"{COLUMNS} FROM health.accounts WHERE account_id = $1"
STORE = """
INSERT INTO accounts (account_id, version, heard_at, asked_at, decided_at, confirmed_at,
    refused_at, given, swept, hours, given_in_hours)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (account_id) DO UPDATE SET version = excluded.version, heard_at = excluded.heard_at,
    asked_at = excluded.asked_at, decided_at = excluded.decided_at,
    confirmed_at = excluded.confirmed_at, refused_at = excluded.refused_at,
    given = excluded.given, swept = excluded.swept, hours = excluded.hours,
    given_in_hours = excluded.given_in_hours
"""
KEPT = timedelta(hours=24)
TOLD = ("dp_hook", "dp_widget", "webhook")
REFUSALS = ("manager_refused", "rejected")


@dataclass(slots=True, kw_only=True)
class Vitals:
    """How an account does.

    Attributes:
        version: Of the last event that is counted here.
        heard_at: When a webhook of Kommo last told something new of a lead.
        asked_at: When a lead last asked for a manager.
        decided_at: When one was last given to somebody.
        confirmed_at: When Kommo last held a decision.
        refused_at: When Kommo last refused one.
        given: How often a lead was given to somebody.
        swept: How many leads asked that only a sweep of Kommo had found.
        by_hour: How many were given in the hours of the day up to the last decision.
    """

    account_id: int
    version: int = 0
    heard_at: datetime | None = None
    asked_at: datetime | None = None
    decided_at: datetime | None = None
    confirmed_at: datetime | None = None
    refused_at: datetime | None = None
    given: int = 0
    swept: int = 0
    by_hour: dict[datetime, int] = field(default_factory=dict)

    def given_since(self, at: datetime) -> int:
        """How many leads were given since the beginning of that hour, at most a day ago."""
        first = _hour(at)
        return sum(count for hour, count in self.by_hour.items() if hour >= first)

    def follow(self, recorded: Recorded) -> None:
        """Take the next event."""
        self.version, event = recorded.version, recorded.event
        match event:
            case LeadSeen():
                if event.source in TOLD:
                    self.heard_at = event.at
            case RequestOpened():
                self.asked_at = event.at
                self.swept += event.source == "sweep"
            case LeadAssigned():
                self._on_assigned(event.at)
            case AssignmentConfirmed():
                self.confirmed_at = event.at
            case AssignmentWithdrawn():
                if event.reason in REFUSALS:
                    self.refused_at = event.at
            case _:
                pass

    def _on_assigned(self, at: datetime) -> None:
        """Count it; hours that are over for a day go."""
        self.decided_at, hour = at, _hour(at)
        self.given += 1
        if hour in self.by_hour:
            self.by_hour[hour] += 1
            return
        kept = {known: count for known, count in self.by_hour.items() if known > hour - KEPT}
        self.by_hour = {**kept, hour: 1}


async def project(connection: Connection, account_id: int, events: Sequence[Recorded]) -> None:
    """Apply the next events of an account inside the caller's transaction."""
    if not any(type(recorded.event) in EVENTS for recorded in events):
        return
    row = await connection.fetchrow(KNOWN, account_id)
    found = Vitals(account_id=account_id) if row is None else _vitals(dict(row))
    for recorded in events:
        found.follow(recorded)
    await connection.execute(
        STORE,
        account_id,
        found.version,
        found.heard_at,
        found.asked_at,
        found.decided_at,
        found.confirmed_at,
        found.refused_at,
        found.given,
        found.swept,
        list(found.by_hour),
        list(found.by_hour.values()),
    )


async def of_accounts(
    connection: Connection, account_ids: Sequence[int] | None = None
) -> list[Vitals]:
    """How some or all accounts do that ever had such an event, by id."""
    return [_vitals(dict(row)) for row in await connection.fetch(ALL, account_ids)]


async def of_one(connection: Connection, account_id: int) -> Vitals:
    """How one account does."""
    row = await connection.fetchrow(ONE, account_id)
    return Vitals(account_id=account_id) if row is None else _vitals(dict(row))


def _vitals(row: dict[str, Any]) -> Vitals:
    hours, counts = row.pop("hours"), row.pop("given_in_hours")
    return Vitals(**row, by_hour=dict(zip(hours, counts, strict=True)))


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)
