"""Open leads whose newest request ended without a manager, and why (D1.6).

A row is there from the end of the request until the lead is asked for again, gets a manager by
us, moves or ends. Once a person has chosen a manager it says so, and the lead is on no list any
more: an order leaves it alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import get_args

from contracts.events import (
    CloseReason,
    LeadAssigned,
    LeadDeleted,
    LeadSeen,
    Recorded,
    RequestClosed,
    RequestOpened,
    UnassignedReason,
)
from projections import Connection

NAME = "unassigned"
REVISION = 1
EVENTS: frozenset[type] = frozenset(
    {LeadAssigned, LeadDeleted, LeadSeen, RequestClosed, RequestOpened}
)
TABLES = """
CREATE TABLE leads (
    account_id bigint NOT NULL,
    lead_id bigint NOT NULL,
    request_id text NOT NULL,
    reason text NOT NULL,
    detail text NOT NULL,
    since timestamptz NOT NULL,
    PRIMARY KEY (account_id, lead_id)
);
"""

STORE = """
INSERT INTO leads (account_id, lead_id, request_id, reason, detail, since)
SELECT $1, * FROM unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::timestamptz[])
ON CONFLICT (account_id, lead_id) DO UPDATE SET request_id = excluded.request_id,
    reason = excluded.reason, detail = excluded.detail, since = excluded.since
"""
FORGET = "DELETE FROM leads WHERE account_id = $1 AND lead_id = ANY($2::bigint[])"
TAKE = """
UPDATE leads SET reason = 'taken_by_person', detail = ''
WHERE account_id = $1 AND lead_id = ANY($2::bigint[])
"""
COLUMNS = "SELECT account_id, lead_id, request_id, reason, detail, since FROM unassigned.leads"
OF_LEADS = f"{COLUMNS} WHERE account_id = $1 AND lead_id = ANY($2::bigint[]) ORDER BY lead_id"
PAGE = f"""{COLUMNS} WHERE account_id = $1 AND lead_id > $2 AND reason <> 'taken_by_person'
ORDER BY lead_id LIMIT $3
"""
BY_REASON = """
SELECT account_id, reason, detail, count(*) AS leads, min(lead_id) AS example_id,
    min(since) AS since
FROM unassigned.leads WHERE reason <> 'taken_by_person'
    AND ($2::bigint IS NULL OR account_id = $2)
GROUP BY account_id, reason, detail ORDER BY account_id, reason, detail LIMIT $1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How the newest request of an open lead ended.

    Attributes:
        reason: One of those without a manager, or `taken_by_person`.
        detail: Kommo's own words, or the rule whose pass is over.
    """

    account_id: int
    lead_id: int
    request_id: str
    reason: CloseReason
    detail: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Unassigned:
    """Leads without a manager by us that are so for the same reason.

    Attributes:
        example_id: One of them.
        since: The longest.
    """

    account_id: int
    reason: UnassignedReason
    detail: str
    leads: int
    example_id: int
    since: datetime


# What happens to the row of a lead: another one, none any more, or `TAKEN` for one that is there.
TAKEN = "taken"
Change = Ending | str | None
ENDS: tuple[str, ...] = (*get_args(UnassignedReason), "taken_by_person")


def changes(events: Iterable[Recorded]) -> dict[int, Change]:
    """Lead to what becomes of its row, by id."""
    found: dict[int, Change] = {}
    for recorded in events:
        event = recorded.event
        match event:
            case RequestClosed(reason=reason) if reason in ENDS:
                found[event.lead_id] = Ending(
                    account_id=recorded.account_id,
                    lead_id=event.lead_id,
                    request_id=event.request_id,
                    reason=reason,
                    detail=event.detail,
                    since=event.at,
                )
            case LeadSeen():
                _seen(found, event)
            case LeadAssigned() | LeadDeleted() | RequestOpened():
                found[event.lead_id] = None
            case _:
                pass
    return dict(sorted(found.items()))


def _seen(found: dict[int, Change], event: LeadSeen) -> None:
    known = found.get(event.lead_id, TAKEN)
    if event.was_stage != event.stage:
        found[event.lead_id] = None
    elif event.was_owner_id in (None, event.owner_id) or event.source == "own_write":
        return
    elif isinstance(known, Ending):
        found[event.lead_id] = replace(known, reason="taken_by_person", detail="")
    elif known is not None:
        found[event.lead_id] = TAKEN


async def project(connection: Connection, account_id: int, events: Sequence[Recorded]) -> None:
    """Apply the next events of an account inside the caller's transaction."""
    found = changes(events)
    if gone := [lead_id for lead_id, change in found.items() if change is None]:
        await connection.execute(FORGET, account_id, gone)
    if taken := [lead_id for lead_id, change in found.items() if change == TAKEN]:
        await connection.execute(TAKE, account_id, taken)
    if ended := [change for change in found.values() if isinstance(change, Ending)]:
        await connection.execute(
            STORE,
            account_id,
            [each.lead_id for each in ended],
            [each.request_id for each in ended],
            [each.reason for each in ended],
            [each.detail for each in ended],
            [each.since for each in ended],
        )


async def of_leads(
    connection: Connection, *, account_id: int, lead_ids: Sequence[int]
) -> Mapping[int, Ending]:
    """How the newest requests of these leads ended, of those that have no manager by us."""
    rows = await connection.fetch(OF_LEADS, account_id, lead_ids)
    return {row["lead_id"]: Ending(**row) for row in rows}


async def page(
    connection: Connection, *, account_id: int, after_id: int = 0, limit: int = 1_000
) -> list[Ending]:
    """The leads without a manager by us, by id."""
    return [Ending(**row) for row in await connection.fetch(PAGE, account_id, after_id, limit)]


async def by_reason(
    connection: Connection, *, account_id: int | None = None, limit: int = 100
) -> list[Unassigned]:
    """How many leads have none, and why; over all accounts if none is named."""
    return [Unassigned(**row) for row in await connection.fetch(BY_REASON, limit, account_id)]
