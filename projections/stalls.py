"""Rules whose leads wait though nobody of them will be at work within 14 days (D8.3)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from contracts.events import Recorded, RuleRevived, RuleStalled
from projections import Connection

NAME = "stalls"
REVISION = 1
EVENTS: frozenset[type] = frozenset({RuleRevived, RuleStalled})
TABLES = """
CREATE TABLE rules (
    account_id bigint NOT NULL,
    rule_id text NOT NULL,
    stalled_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, rule_id)
);
"""

RAISE = """
INSERT INTO rules (account_id, rule_id, stalled_at)
SELECT $1, * FROM unnest($2::text[], $3::timestamptz[])
ON CONFLICT (account_id, rule_id) DO UPDATE SET stalled_at = excluded.stalled_at
"""
END = "DELETE FROM rules WHERE account_id = $1 AND rule_id = ANY($2::text[])"
PRESENT = """
SELECT account_id, rule_id, stalled_at FROM stalls.rules ORDER BY account_id, rule_id LIMIT $1
"""
OF_ACCOUNT = """
SELECT account_id, rule_id, stalled_at FROM stalls.rules WHERE account_id = $1 ORDER BY rule_id
"""

AMONG = "SELECT DISTINCT account_id FROM stalls.rules WHERE account_id = ANY ($1)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall:
    """One rule that stands still, and since when."""

    account_id: int
    rule_id: str
    stalled_at: datetime


def changes(events: Iterable[Recorded]) -> dict[str, datetime | None]:
    """Rule to when it was stalled last, None if it was revived since, by id."""
    found: dict[str, datetime | None] = {}
    for recorded in events:
        match recorded.event:
            case RuleStalled(rule_id=rule_id, at=at):
                found[rule_id] = at
            case RuleRevived(rule_id=rule_id):
                found[rule_id] = None
            case _:
                pass
    return dict(sorted(found.items()))


async def project(connection: Connection, account_id: int, events: Sequence[Recorded]) -> None:
    """Apply the next events of an account inside the caller's transaction."""
    found = changes(events)
    stalled = {rule_id: at for rule_id, at in found.items() if at is not None}
    if ended := [rule_id for rule_id in found if rule_id not in stalled]:
        await connection.execute(END, account_id, ended)
    if stalled:
        await connection.execute(RAISE, account_id, list(stalled), list(stalled.values()))


async def present(connection: Connection, *, limit: int = 100) -> list[Stall]:
    """The rules that stand still now, over all accounts."""
    return [Stall(**row) for row in await connection.fetch(PRESENT, limit)]


async def among(connection: Connection, account_ids: Sequence[int]) -> frozenset[int]:
    """Those of the accounts in which a rule stands still now."""
    return frozenset(row["account_id"] for row in await connection.fetch(AMONG, account_ids))


async def of_account(connection: Connection, account_id: int) -> list[Stall]:
    """The rules of an account that stand still now."""
    return [Stall(**row) for row in await connection.fetch(OF_ACCOUNT, account_id)]
