"""Leads that somebody should read from Kommo (F28): the gateway's second work list.

A reading is answered by whatever the account learns of the lead next, as in the aggregate.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from contracts.events import LeadDeleted, LeadSeen, LookupRequested, Recorded
from domain.state import ANNOUNCED, CROWDED
from projections import Connection

NAME = "lookups"
REVISION = 1
EVENTS: frozenset[type] = frozenset({LeadDeleted, LeadSeen, LookupRequested})
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
PENDING = f"""{COLUMNS} WHERE (reason = ANY($2::text[])) = $3 AND account_id <> ALL($4::bigint[])
ORDER BY asked_at, account_id, lead_id LIMIT $1
"""
PENDING_AFTER = f"""{COLUMNS}
WHERE (reason = ANY($2::text[])) = $3 AND account_id <> ALL($4::bigint[])
    AND (asked_at, account_id, lead_id) > ($5, $6, $7)
ORDER BY asked_at, account_id, lead_id LIMIT $1
"""
# Of leads that nobody knew: perhaps somebody has made them up.
UNKNOWN = (ANNOUNCED, CROWDED)


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


async def project(connection: Connection, account_id: int, events: Sequence[Recorded]) -> None:
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
    connection: Connection,
    *,
    limit: int,
    after: Lookup | None = None,
    but_for: Sequence[int] = (),
) -> list[Lookup]:
    """What was not answered yet of known leads, over all accounts, the longest waiting first.

    Args:
        connection: Where to ask.
        limit: The most to return.
        after: The last one of the page before.
        but_for: Accounts that are left out.
    """
    return await _pending(connection, limit, after, but_for, of_unknown=False)


async def unknown(
    connection: Connection,
    *,
    limit: int,
    after: Lookup | None = None,
    but_for: Sequence[int] = (),
) -> list[Lookup]:
    """The same of leads that the accounts do not know."""
    return await _pending(connection, limit, after, but_for, of_unknown=True)


async def _pending(
    connection: Connection,
    limit: int,
    after: Lookup | None,
    but_for: Sequence[int],
    *,
    of_unknown: bool,
) -> list[Lookup]:
    if after is None:
        rows = await connection.fetch(PENDING, limit, UNKNOWN, of_unknown, but_for)
    else:
        place = (after.asked_at, after.account_id, after.lead_id)
        rows = await connection.fetch(PENDING_AFTER, limit, UNKNOWN, of_unknown, but_for, *place)
    return [Lookup(**row) for row in rows]
