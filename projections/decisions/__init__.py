"""Where in an account's log the decisions are: of a lead, a manager, a rule, a stage, for a reason.

Only enough to find them: whoever explains a decision reads the event itself from the store.
"""

from collections.abc import Sequence
from typing import get_args

from contracts.events import Recorded
from projections import Connection
from projections.decisions.entries import Decided, Decision, Kind, changes
from projections.decisions.queries import (
    ALL,
    DecisionFilter,
    first_since,
    given_between,
    given_in,
    of_lead,
    page,
    paged,
)

__all__ = [
    "ALL",
    "EVENTS",
    "NAME",
    "REVISION",
    "TABLES",
    "Decision",
    "DecisionFilter",
    "Kind",
    "changes",
    "first_since",
    "given_between",
    "given_in",
    "of_lead",
    "page",
    "paged",
    "project",
]

NAME = "decisions"
REVISION = 6
EVENTS: frozenset[type] = frozenset(get_args(Decided))
TABLES = """
CREATE TABLE feed (
    account_id bigint NOT NULL,
    version bigint NOT NULL,
    lead_id bigint NOT NULL,
    request_id text NOT NULL,
    kind text NOT NULL,
    at timestamptz NOT NULL,
    manager_id bigint,
    rule_id text,
    pipeline_id bigint,
    status_id bigint,
    reason text,
    PRIMARY KEY (account_id, version)
);
CREATE INDEX feed_lead_idx ON feed (account_id, lead_id, version);
CREATE INDEX feed_at_idx ON feed (account_id, at, version);
CREATE INDEX feed_manager_idx ON feed (account_id, manager_id, version)
    WHERE manager_id IS NOT NULL;
CREATE INDEX feed_rule_idx ON feed (account_id, rule_id, version) WHERE rule_id IS NOT NULL;
CREATE INDEX feed_stage_idx ON feed (account_id, pipeline_id, status_id, version)
    WHERE pipeline_id IS NOT NULL;
CREATE INDEX feed_kind_idx ON feed (account_id, kind, version) WHERE kind <> 'assigned';
CREATE INDEX feed_reason_idx ON feed (account_id, reason, version) WHERE reason IS NOT NULL;
"""

APPEND = """
INSERT INTO feed (account_id, version, lead_id, request_id, kind, at, manager_id, rule_id,
    pipeline_id, status_id, reason)
SELECT $1, * FROM unnest($2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::timestamptz[],
    $7::bigint[], $8::text[], $9::bigint[], $10::bigint[], $11::text[])
"""


async def project(connection: Connection, account_id: int, events: Sequence[Recorded]) -> None:
    """Apply the next events of an account inside the caller's transaction."""
    decided = changes(events)
    if not decided:
        return
    await connection.execute(
        APPEND,
        account_id,
        [decision.version for decision in decided],
        [decision.lead_id for decision in decided],
        [decision.request_id for decision in decided],
        [decision.kind for decision in decided],
        [decision.at for decision in decided],
        [decision.manager_id for decision in decided],
        [decision.rule_id for decision in decided],
        [decision.pipeline_id for decision in decided],
        [decision.status_id for decision in decided],
        [decision.reason for decision in decided],
    )
