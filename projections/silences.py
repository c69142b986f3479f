"""Triggers of the widget that were deleted in Kommo, as it seems (D1.8)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from contracts.events import Recorded, RulesApplied, TriggerFellSilent, TriggerHeard
from projections import Connection

NAME = "silences"
REVISION = 1
EVENTS: frozenset[type] = frozenset({RulesApplied, TriggerFellSilent, TriggerHeard})
TABLES = """
CREATE TABLE triggers (
    account_id bigint NOT NULL,
    rule_id text NOT NULL,
    pipeline_id bigint NOT NULL,
    stage_id bigint NOT NULL,
    since timestamptz NOT NULL,
    PRIMARY KEY (account_id, rule_id, pipeline_id, stage_id)
);
"""

RAISE = """
INSERT INTO triggers (account_id, rule_id, pipeline_id, stage_id, since)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (account_id, rule_id, pipeline_id, stage_id) DO UPDATE SET since = excluded.since
"""
END = """
DELETE FROM triggers
WHERE account_id = $1 AND rule_id = $2 AND pipeline_id = $3 AND stage_id = $4
"""
KEEP = """
DELETE FROM triggers WHERE account_id = $1 AND (rule_id, pipeline_id, stage_id) NOT IN (
    SELECT * FROM unnest($2::text[], $3::bigint[], $4::bigint[])
)
"""
PRESENT = """
SELECT account_id, rule_id, pipeline_id, stage_id, since FROM silences.triggers
ORDER BY account_id, rule_id, pipeline_id, stage_id LIMIT $1
"""
OF_ACCOUNT = """
SELECT account_id, rule_id, pipeline_id, stage_id, since FROM silences.triggers
WHERE account_id = $1 ORDER BY rule_id, pipeline_id, stage_id
"""

AMONG = "SELECT DISTINCT account_id FROM silences.triggers WHERE account_id = ANY ($1)"


@dataclass(frozen=True, slots=True, kw_only=True)
class SilentTrigger:
    """One of them, and since when leads came of which it did not tell."""

    account_id: int
    rule_id: str
    pipeline_id: int
    stage_id: int
    since: datetime


Place = tuple[str, int, int]


def triggers_of(rules: RulesApplied) -> list[Place]:
    """The rules of triggers that take leads, each with a stage of it."""
    return [
        (rule["id"], stage["pipeline"], stage["stage"])
        for rule in rules.rules.get("rules", ())
        if rule.get("enabled", True) and _tells_of_all(rule.get("widget"))
        for stage in rule["stages"]
    ]


def _tells_of_all(widget: dict[str, object] | None) -> bool:
    return widget is not None and not widget.get("has_conditions_of_its_own")


def changes(events: Iterable[Recorded]) -> tuple[dict[Place, datetime | None], list[Place] | None]:
    """Place to since when it is silent, None if it is not; which stay, if the rules changed."""
    found: dict[Place, datetime | None] = {}
    kept: list[Place] | None = None
    for recorded in events:
        match recorded.event:
            case TriggerFellSilent(rule_id=rule_id, stage=stage, since=since):
                found[rule_id, *stage] = since
            case TriggerHeard(rule_id=rule_id, stage=stage):
                found[rule_id, *stage] = None
            case RulesApplied() as rules:
                kept = triggers_of(rules)
                found = {place: at if place in kept else None for place, at in found.items()}
            case _:
                pass
    return found, kept


async def project(connection: Connection, account_id: int, events: Sequence[Recorded]) -> None:
    """Apply the next events of an account inside the caller's transaction."""
    found, kept = changes(events)
    if kept is not None:
        columns = [[place[column] for place in kept] for column in range(3)]
        await connection.execute(KEEP, account_id, *columns)
    for place, since in found.items():
        if since is None:
            await connection.execute(END, account_id, *place)
        else:
            await connection.execute(RAISE, account_id, *place, since)


async def present(connection: Connection, *, limit: int = 100) -> list[SilentTrigger]:
    """Those of now, over all accounts."""
    return [SilentTrigger(**row) for row in await connection.fetch(PRESENT, limit)]


async def among(connection: Connection, account_ids: Sequence[int]) -> frozenset[int]:
    """Those of the accounts in which a trigger is silent now."""
    return frozenset(row["account_id"] for row in await connection.fetch(AMONG, account_ids))


async def of_account(connection: Connection, account_id: int) -> list[SilentTrigger]:
    """Those of an account."""
    return [SilentTrigger(**row) for row in await connection.fetch(OF_ACCOUNT, account_id)]
