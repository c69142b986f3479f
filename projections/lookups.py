"""Leads that somebody should read from Kommo (F28): the gateway's second work list.

A reading is answered by whatever the account learns of the lead next, as in the aggregate.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from contracts.events import LeadDeleted, LeadSeen, LookupRequested, Recorded

NAME = "lookups"
REVISION = 1
TABLES = """
CREATE TABLE leads (
    account_id bigint NOT NULL,
    lead_id bigint NOT NULL,
    reason text NOT NULL,
    asked_version bigint NOT NULL,
    asked_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, lead_id)
);
CREATE INDEX leads_asked_idx ON leads (asked_at, account_id, lead_id);
"""

ANSWER = "DELETE FROM leads WHERE account_id = $1 AND lead_id = ANY($2::bigint[])"
ASK = """
INSERT INTO leads (account_id, lead_id, reason, asked_version, asked_at)
SELECT $1, * FROM unnest($2::bigint[], $3::text[], $4::bigint[], $5::timestamptz[])
ON CONFLICT (account_id, lead_id) DO UPDATE
SET reason = excluded.reason, asked_version = excluded.asked_version
"""
COLUMNS = "SELECT account_id, lead_id, reason, asked_version, asked_at FROM lookups.leads"
PENDING = f"{COLUMNS} ORDER BY asked_at, account_id, lead_id LIMIT $1"
PENDING_AFTER = f"""{COLUMNS} WHERE (asked_at, account_id, lead_id) > ($2, $3, $4)
ORDER BY asked_at, account_id, lead_id LIMIT $1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """A reading that was asked for.

    Attributes:
        asked_version: Of the latest time it was asked for.
        asked_at: When it was first asked for.
    """

    account_id: int
    lead_id: int
    reason: str
    asked_version: int
    asked_at: datetime

    @property
    def key(self) -> tuple[int, int]:
        """Names the lead within all accounts."""
        return self.account_id, self.lead_id


def changes(events: Iterable[Recorded]) -> tuple[list[int], list[Lookup]]:
    """Leads that were heard of, ascending, and what is asked for after that."""
    answered: set[int] = set()
    asked: dict[int, Lookup] = {}
    for recorded in events:
        match recorded.event:
            case LookupRequested() as request:
                before = asked.get(request.lead_id)
                asked[request.lead_id] = Lookup(
                    account_id=recorded.account_id,
                    lead_id=request.lead_id,
                    reason=request.reason,
                    asked_version=recorded.version,
                    asked_at=before.asked_at if before else request.at,
                )
            case LeadSeen(lead_id=lead_id) | LeadDeleted(lead_id=lead_id):
                answered.add(lead_id)
                asked.pop(lead_id, None)
            case _:
                pass
    return sorted(answered), list(asked.values())


async def project(
    connection: asyncpg.Connection, account_id: int, events: Sequence[Recorded]
) -> None:
    """Apply the next events of an account inside the caller's transaction."""
    answered, asked = changes(events)
    if answered:
        await connection.execute(ANSWER, account_id, answered)
    if asked:
        await connection.execute(
            ASK,
            account_id,
            [lookup.lead_id for lookup in asked],
            [lookup.reason for lookup in asked],
            [lookup.asked_version for lookup in asked],
            [lookup.asked_at for lookup in asked],
        )


async def pending(
    connection: asyncpg.Connection, *, limit: int, after: Lookup | None = None
) -> list[Lookup]:
    """What was not answered yet, over all accounts, the longest waiting first.

    Args:
        connection: Where to ask.
        limit: The most to return.
        after: The last one of the page before.
    """
    if after is None:
        rows = await connection.fetch(PENDING, limit)
    else:
        place = (after.asked_at, after.account_id, after.lead_id)
        rows = await connection.fetch(PENDING_AFTER, limit, *place)
    return [Lookup(**row) for row in rows]
