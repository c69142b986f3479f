"""What each manager got, what would have been fair, and their statement of credit (D3.5, D3.8).

A deviation is what a manager has over the fair share, in units; as long as nobody moves credit
by hand it is their credit with the other sign. What was corrected, or may be caught up with, is
made up for lead by lead, so the meter only counts how far they are outside of the way there. The
largest distance ever seen has to be followed event by event, so the rows of the managers
concerned are read, folded here and written back.

An event that moves credit is one row, however many managers it concerns. For each of them the row
holds the balance after it and how many versions back their row before is: a statement follows
these steps, and costs as many look-ups as it has lines. Where a ledger tells leads apart (D3.9),
the row holds the kinds of its lead as well, and `kinds` counts the same in each of them.
"""

from collections.abc import Sequence

from contracts.events import (
    AssignmentWithdrawn,
    CreditMoved,
    LeadAssigned,
    LeadLapsed,
    Recorded,
    RulesApplied,
)
from projections import Connection
from projections.fairness.books import (
    DEVIATION_MAX_UNITS,
    Entry,
    Key,
    Reason,
    Share,
    changes,
    concerned,
    meter_units,
)
from projections.fairness.history import Furthest, history
from projections.fairness.kinds import (
    DEVIATION_IN_KIND_MAX_UNITS,
    KindKey,
    KindShare,
    kinds_after,
    of_kinds,
    project_kinds,
)
from projections.fairness.kinds import TABLES as KIND_TABLES
from projections.fairness.queries import (
    AFTER_ALL,
    Imbalance,
    Movement,
    Widest,
    beyond,
    beyond_among,
    beyond_in_kind,
    movements_after,
    of_account,
    present_deviation,
    present_deviation_in_kind,
    present_deviations,
    promised,
    statement,
    unbalanced,
    unfair,
    widest_deviations,
    with_kinds,
)

__all__ = [
    "AFTER_ALL",
    "DEVIATION_IN_KIND_MAX_UNITS",
    "DEVIATION_MAX_UNITS",
    "EVENTS",
    "NAME",
    "REVISION",
    "TABLES",
    "Entry",
    "Furthest",
    "Imbalance",
    "Key",
    "KindKey",
    "KindShare",
    "Movement",
    "Reason",
    "Share",
    "Widest",
    "beyond",
    "beyond_among",
    "beyond_in_kind",
    "changes",
    "concerned",
    "history",
    "kinds_after",
    "meter_units",
    "movements_after",
    "of_account",
    "of_kinds",
    "present_deviation",
    "present_deviation_in_kind",
    "present_deviations",
    "project",
    "promised",
    "statement",
    "unbalanced",
    "unfair",
    "widest_deviations",
    "with_kinds",
]

NAME = "fairness"
REVISION = 4
EVENTS: frozenset[type] = frozenset(
    {AssignmentWithdrawn, CreditMoved, LeadAssigned, LeadLapsed, RulesApplied}
)
TABLES = f"""
CREATE TABLE shares (
    account_id bigint NOT NULL,
    ledger text NOT NULL,
    manager_id bigint NOT NULL,
    assigned bigint NOT NULL CHECK (assigned >= 0),
    share_units bigint NOT NULL,
    credit_units bigint NOT NULL,
    deviation_units_max bigint NOT NULL,
    last_version bigint NOT NULL,
    PRIMARY KEY (account_id, ledger, manager_id)
) WITH (fillfactor = 85);
CREATE TABLE movements (
    account_id bigint NOT NULL,
    version bigint NOT NULL,
    lead_id bigint,
    at timestamptz NOT NULL,
    ledger text NOT NULL,
    reason text NOT NULL,
    manager_ids bigint[] NOT NULL,
    balances_units bigint[] NOT NULL,
    steps_back bigint[] NOT NULL,
    whats text[] NOT NULL,
    kinds bigint[] NOT NULL,
    PRIMARY KEY (account_id, ledger, version)
);
{KIND_TABLES}"""
KNOWN = """
SELECT ledger, manager_id, assigned, share_units, credit_units, deviation_units_max, last_version
FROM shares
WHERE account_id = $1
    AND (ledger, manager_id) IN (SELECT * FROM unnest($2::text[], $3::bigint[]))
"""
STORE = """
INSERT INTO shares (account_id, ledger, manager_id, assigned, share_units, credit_units,
    deviation_units_max, last_version)
SELECT $1, * FROM unnest($2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
    $7::bigint[], $8::bigint[])
ON CONFLICT (account_id, ledger, manager_id) DO UPDATE SET assigned = excluded.assigned,
    share_units = excluded.share_units, credit_units = excluded.credit_units,
    deviation_units_max = excluded.deviation_units_max, last_version = excluded.last_version
"""
# Arrays of one row each: arrays of arrays would have to be equally long.
BOOK = """
INSERT INTO movements (account_id, ledger, version, reason, lead_id, at, manager_ids,
    balances_units, steps_back, whats, kinds)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""


async def project(connection: Connection, account_id: int, events: Sequence[Recorded]) -> None:
    """Apply the next events of an account inside the caller's transaction."""
    await project_kinds(connection, account_id, events)
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
        [share.last_version for share in shares],
    )
    await connection.executemany(
        BOOK,
        [
            (
                account_id,
                entry.ledger,
                entry.version,
                entry.reason,
                entry.lead_id,
                entry.at,
                entry.manager_ids,
                entry.balances_units,
                entry.steps_back,
                [each.what for each in entry.kinds],
                [each.kind for each in entry.kinds],
            )
            for entry in booked
        ],
    )
