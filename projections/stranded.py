"""Leads that everybody has been offered and nobody works on: they stay with the last (D7.3).

A row is there from the end of the pass until anything happens to the lead that is seen here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from contracts.events import (
    LeadAssigned,
    LeadDeleted,
    LeadSeen,
    Recorded,
    RequestClosed,
    RequestOpened,
)

NAME = "stranded"
REVISION = 1
TABLES = """
CREATE TABLE leads (
    account_id bigint NOT NULL,
    lead_id bigint NOT NULL,
    rule_id text NOT NULL,
    since timestamptz NOT NULL,
    PRIMARY KEY (account_id, lead_id)
);
"""

STRAND = """
INSERT INTO leads (account_id, lead_id, rule_id, since)
SELECT $1, * FROM unnest($2::bigint[], $3::text[], $4::timestamptz[])
ON CONFLICT (account_id, lead_id) DO UPDATE
SET rule_id = excluded.rule_id, since = excluded.since
"""
FLOAT = "DELETE FROM leads WHERE account_id = $1 AND lead_id = ANY($2::bigint[])"
BY_RULE = """
SELECT account_id, rule_id, count(*) AS leads, min(lead_id) AS example_id, min(since) AS since
FROM stranded.leads GROUP BY account_id, rule_id ORDER BY account_id, rule_id LIMIT $1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stranded:
    """Leads of a rule that lie with their last manager.

    Attributes:
        example_id: One of them.
        since: The longest.
    """

    account_id: int
    rule_id: str
    leads: int
    example_id: int
    since: datetime


def changes(events: Iterable[Recorded]) -> dict[int, tuple[str, datetime] | None]:
    """Lead to its rule and since when it lies there, None if it does not any more, by id."""
    found: dict[int, tuple[str, datetime] | None] = {}
    for recorded in events:
        event = recorded.event
        match event:
            case RequestClosed(reason="pass_exhausted" | "hops_exhausted", detail=rule_id):
                found[event.lead_id] = (rule_id, event.at)
            case LeadSeen():
                was = (event.was_stage, event.was_owner_id)
                if was != (event.stage, event.owner_id):
                    found[event.lead_id] = None
            case LeadAssigned() | LeadDeleted() | RequestOpened():
                found[event.lead_id] = None
            case _:
                pass
    return dict(sorted(found.items()))


async def project(
    connection: asyncpg.Connection, account_id: int, events: Sequence[Recorded]
) -> None:
    """Apply the next events of an account inside the caller's transaction."""
    found = changes(events)
    lying = {lead_id: place for lead_id, place in found.items() if place is not None}
    if afloat := [lead_id for lead_id in found if lead_id not in lying]:
        await connection.execute(FLOAT, account_id, afloat)
    if lying:
        rules, since = zip(*lying.values(), strict=True)
        await connection.execute(STRAND, account_id, list(lying), list(rules), list(since))


async def by_rule(connection: asyncpg.Connection, *, limit: int = 100) -> list[Stranded]:
    """How many leads lie where, over all accounts."""
    return [Stranded(**row) for row in await connection.fetch(BY_RULE, limit)]
