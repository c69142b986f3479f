"""What each manager got, what would have been fair, and his statement of credit (D3.5, D3.8).

A deviation is what a manager has over his fair share, in units; as long as nobody moves credit
by hand it is his credit with the other sign. What was corrected, or may be caught up with, is
made up for lead by lead, so the meter only counts how far he is outside of the way there. The
largest distance ever seen has to be followed event by event, so the rows of the managers
concerned are read, folded here and written back.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

import asyncpg

from contracts.events import (
    LEAD,
    AssignmentWithdrawn,
    CreditMoved,
    LeadAssigned,
    LeadLapsed,
    MovementReason,
    Recorded,
)

NAME = "fairness"
REVISION = 2
TABLES = """
CREATE TABLE shares (
    account_id bigint NOT NULL,
    ledger text NOT NULL,
    manager_id bigint NOT NULL,
    assigned bigint NOT NULL CHECK (assigned >= 0),
    share_units bigint NOT NULL,
    credit_units bigint NOT NULL,
    deviation_units_max bigint NOT NULL,
    PRIMARY KEY (account_id, ledger, manager_id)
) WITH (fillfactor = 85);
CREATE TABLE movements (
    account_id bigint NOT NULL,
    ledger text NOT NULL,
    manager_id bigint NOT NULL,
    version bigint NOT NULL,
    units bigint NOT NULL,
    balance_units bigint NOT NULL,
    reason text NOT NULL,
    lead_id bigint,
    at timestamptz NOT NULL,
    PRIMARY KEY (account_id, ledger, manager_id, version)
);
"""

KNOWN = """
SELECT ledger, manager_id, assigned, share_units, credit_units, deviation_units_max FROM shares
WHERE account_id = $1
    AND (ledger, manager_id) IN (SELECT * FROM unnest($2::text[], $3::bigint[]))
"""
STORE = """
INSERT INTO shares (account_id, ledger, manager_id, assigned, share_units, credit_units,
    deviation_units_max)
SELECT $1, * FROM unnest($2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
    $7::bigint[])
ON CONFLICT (account_id, ledger, manager_id) DO UPDATE SET assigned = excluded.assigned,
    share_units = excluded.share_units, credit_units = excluded.credit_units,
    deviation_units_max = excluded.deviation_units_max
"""
BOOK = """
INSERT INTO movements (account_id, ledger, manager_id, version, units, balance_units, reason,
    lead_id, at)
SELECT $1, * FROM unnest($2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
    $7::text[], $8::bigint[], $9::timestamptz[])
"""
OF_ACCOUNT = """
SELECT ledger, manager_id, assigned, share_units, credit_units, deviation_units_max
FROM fairness.shares WHERE account_id = $1 ORDER BY ledger, manager_id
"""
STATEMENT = """
SELECT ledger, manager_id, version, units, balance_units, reason, lead_id, at
FROM fairness.movements
WHERE account_id = $1 AND ledger = $2 AND manager_id = $3 AND version < $4
ORDER BY version DESC LIMIT $5
"""
SUMS = """
SELECT account_id, ledger, sum(credit_units)::bigint AS units FROM fairness.shares
GROUP BY account_id, ledger HAVING sum(credit_units) <> 0 ORDER BY account_id, ledger
"""
# `Share.meter_units` in the database.
METER = f"""greatest(
    assigned * {LEAD} - share_units - greatest(0, credit_units + assigned * {LEAD} - share_units),
    least(0, credit_units + assigned * {LEAD} - share_units) - assigned * {LEAD} + share_units,
    0)"""
BEYOND = f"""
SELECT account_id, ledger, manager_id, assigned, share_units, credit_units, deviation_units_max
FROM fairness.shares WHERE {METER} >= $1
ORDER BY account_id, ledger, manager_id LIMIT 100
"""  # noqa: S608 - constants of ours
WIDEST = """
SELECT account_id, max(deviation_units_max) AS units FROM fairness.shares
GROUP BY account_id ORDER BY account_id
"""
PRESENT = f"SELECT max({METER}) FROM fairness.shares"  # noqa: S608 - constants of ours
AFTER_ALL = 2**63 - 1
DEVIATION_MAX_UNITS = 2 * LEAD  # of an alert (D3.5)

Reason = MovementReason | Literal["refunded"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One manager in one ledger.

    Attributes:
        assigned: Leads given to him and not withdrawn.
        share_units: What he would have got if leads could be cut.
        credit_units: His balance in the ledger, corrections included.
        deviation_units_max: The largest `meter_units` ever seen.
    """

    ledger: str
    manager_id: int
    assigned: int = 0
    share_units: int = 0
    credit_units: int = 0
    deviation_units_max: int = 0

    @property
    def deviation_units(self) -> int:
        """How far he is above his fair share; negative means below."""
        return self.assigned * LEAD - self.share_units

    @property
    def meter_units(self) -> int:
        """How far he is from his fair share, either way, but for what moved without a lead."""
        moved = self.credit_units + self.deviation_units
        above = self.deviation_units - max(0, moved)
        below = min(0, moved) - self.deviation_units
        return max(0, above, below)


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """One line of a manager's statement.

    Attributes:
        balance_units: After this line.
        lead_id: None when credit moved without a lead.
    """

    ledger: str
    manager_id: int
    version: int
    units: int
    balance_units: int
    reason: Reason
    lead_id: int | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Imbalance:
    """A ledger that does not add up to 0, which must not exist (I8)."""

    account_id: int
    ledger: str
    units: int


Key = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Posting:
    """What one event does to one manager."""

    key: Key
    units: int
    share_units: int
    assigned: int


def concerned(events: Iterable[Recorded]) -> list[Key]:
    """The (ledger, manager) pairs the events touch, ascending."""
    return sorted({posting.key for recorded in events for posting in _postings(recorded)})


def changes(
    known: Mapping[Key, Share], events: Iterable[Recorded]
) -> tuple[list[Share], list[Movement]]:
    """The rows after the events, by ledger and manager, and the lines to book, in order."""
    shares = dict(known)
    booked: list[Movement] = []
    touched: set[Key] = set()
    for recorded in events:
        for posting in _postings(recorded):
            before = shares.get(posting.key) or Share(
                ledger=posting.key[0], manager_id=posting.key[1]
            )
            moved = replace(
                before,
                assigned=before.assigned + posting.assigned,
                share_units=before.share_units + posting.share_units,
                credit_units=before.credit_units + posting.units,
            )
            after = replace(
                moved,
                deviation_units_max=max(moved.deviation_units_max, moved.meter_units),
            )
            shares[posting.key] = after
            touched.add(posting.key)
            booked.append(_line(recorded, posting, after))
    return [shares[key] for key in sorted(touched)], booked


async def project(
    connection: asyncpg.Connection, account_id: int, events: Sequence[Recorded]
) -> None:
    """Apply the next events of an account inside the caller's transaction."""
    keys = concerned(events)
    if not keys:
        return
    rows = await connection.fetch(
        KNOWN, account_id, [ledger for ledger, _ in keys], [manager_id for _, manager_id in keys]
    )
    known = {(row["ledger"], row["manager_id"]): Share(**row) for row in rows}
    shares, booked = changes(known, events)
    await connection.execute(
        STORE,
        account_id,
        [share.ledger for share in shares],
        [share.manager_id for share in shares],
        [share.assigned for share in shares],
        [share.share_units for share in shares],
        [share.credit_units for share in shares],
        [share.deviation_units_max for share in shares],
    )
    await connection.execute(
        BOOK,
        account_id,
        [line.ledger for line in booked],
        [line.manager_id for line in booked],
        [line.version for line in booked],
        [line.units for line in booked],
        [line.balance_units for line in booked],
        [line.reason for line in booked],
        [line.lead_id for line in booked],
        [line.at for line in booked],
    )


async def of_account(connection: asyncpg.Connection, account_id: int) -> list[Share]:
    """Every manager of every ledger of an account, by ledger and manager."""
    return [Share(**row) for row in await connection.fetch(OF_ACCOUNT, account_id)]


async def statement(
    connection: asyncpg.Connection,
    *,
    account_id: int,
    ledger: str,
    manager_id: int,
    limit: int,
    before: int = AFTER_ALL,
) -> list[Movement]:
    """A manager's movements, newest first, those before a version of the account."""
    rows = await connection.fetch(STATEMENT, account_id, ledger, manager_id, before, limit)
    return [Movement(**row) for row in rows]


async def unbalanced(connection: asyncpg.Connection) -> list[Imbalance]:
    """Ledgers whose credits do not add up to 0; always empty (I8)."""
    return [Imbalance(**row) for row in await connection.fetch(SUMS)]


async def beyond(
    connection: asyncpg.Connection, *, units: int = DEVIATION_MAX_UNITS
) -> list[tuple[int, Share]]:
    """Who is so far or further from his fair share now, by account; the first 100 (D3.5)."""
    rows = await connection.fetch(BEYOND, units)
    return [
        (row["account_id"], Share(**{k: v for k, v in row.items() if k != "account_id"}))
        for row in rows
    ]


async def widest_deviations(connection: asyncpg.Connection) -> dict[int, int]:
    """Account to the largest distance of any manager ever seen, in units (D3.5)."""
    return {row["account_id"]: row["units"] for row in await connection.fetch(WIDEST)}


async def present_deviation(connection: asyncpg.Connection) -> int:
    """The largest distance of any manager from his fair share as it is now, in units (D3.5)."""
    return await connection.fetchval(PRESENT) or 0


def _postings(recorded: Recorded) -> tuple[_Posting, ...]:
    match recorded.event:
        case LeadAssigned() as event:
            return _assigned(event)
        case AssignmentWithdrawn() as event:
            return _refunded(event)
        case CreditMoved() as event:
            return tuple(
                _Posting(key=(event.ledger, manager_id), units=units, share_units=0, assigned=0)
                for manager_id, units in event.movements
            )
        case LeadLapsed(charged_units=charged) as event if charged:
            # Nothing moves: the line says that the charge stays (D7.3).
            key = (event.ledger, event.manager_id)
            return (_Posting(key=key, units=0, share_units=0, assigned=0),)
        case _:
            return ()


def _assigned(event: LeadAssigned) -> tuple[_Posting, ...]:
    if not event.movements:  # outside the ledger, as a duty lead is (D7.4)
        return ()
    moved = dict(event.movements)
    # The share is what he got, less what he paid for it: the whole lead, unless it went to its
    # owner and his debt is bounded (D3.7). The winner is there even if his movement is 0, as it
    # is for a manager who was alone.
    return tuple(
        _Posting(
            key=(event.ledger, manager_id),
            units=moved.get(manager_id, 0),
            share_units=moved.get(manager_id, 0) + LEAD * (manager_id == event.manager_id),
            assigned=int(manager_id == event.manager_id),
        )
        for manager_id in sorted({*moved, event.manager_id})
    )


def _refunded(event: AssignmentWithdrawn) -> tuple[_Posting, ...]:
    if not event.movements:
        return ()
    moved = dict(event.movements)
    # The refund of the one who had it is 10^9 less his share; of the others, less theirs.
    return tuple(
        _Posting(
            key=(event.ledger, manager_id),
            units=moved.get(manager_id, 0),
            share_units=moved.get(manager_id, 0) - LEAD * (manager_id == event.manager_id),
            assigned=-int(manager_id == event.manager_id),
        )
        for manager_id in sorted({*moved, event.manager_id})
    )


def _line(recorded: Recorded, posting: _Posting, after: Share) -> Movement:
    match recorded.event:
        case LeadAssigned(lead_id=lead_id):
            reason: Reason = "assigned"
            lead: int | None = lead_id
        case AssignmentWithdrawn(lead_id=lead_id):
            reason, lead = "refunded", lead_id
        case LeadLapsed(lead_id=lead_id):
            reason, lead = "lapsed", lead_id
        case CreditMoved(reason=moved_for):
            reason, lead = moved_for, None
        case other:
            raise AssertionError(f"{type(other).__name__} moves no credit")
    return Movement(
        ledger=after.ledger,
        manager_id=after.manager_id,
        version=recorded.version,
        units=posting.units,
        balance_units=after.credit_units,
        reason=reason,
        lead_id=lead,
        at=recorded.event.at,
    )
