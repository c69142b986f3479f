"""Tells the traces which decisions a PATCH has carried out."""

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from projections.assignments import Assignment
from services.shared.codec import cause_of, originator_id
from services.shared.errors import Unavailable
from services.shared.tracing import Traces
from services.storage.database import borrow, mapping

EVENTS = """
SELECT originator_version, state FROM account_events
WHERE originator_id = $1 AND originator_version = ANY($2::bigint[])
"""


@dataclass(frozen=True, slots=True)
class PostgresTrail:
    """Finds out which message each decision answers; the work list does not say."""

    pool: asyncpg.Pool
    traces: Traces

    async def patched(self, rows: Sequence[Assignment], *, began_ns: int, ended_ns: int) -> None:
        """Tell of a PATCH of leads of one account; one that cannot be traced is not."""
        if not rows or not self.traces.is_on:
            return
        account_id = rows[0].account_id
        versions = [row.decided_version for row in rows]
        try:
            async with borrow(self.pool) as connection:
                found = mapping(await connection.fetch(EVENTS, originator_id(account_id), versions))
        except Unavailable:
            return
        for row in rows:
            if row.decided_version in found:
                self.traces.tell(
                    "gateway.patch",
                    cause_of(found[row.decided_version]),
                    after="allocator.decide",
                    began_ns=began_ns,
                    ended_ns=ended_ns,
                    key=row.decided_version,
                    account_id=account_id,
                    lead_id=row.lead_id,
                    leads=len(rows),
                )
