"""What the reconciliation found that webhooks had not told (D11.2), counted by account."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from contracts.events import AllocationEvent, LeadDeleted, LeadSeen, Recorded, RequestOpened
from projections import Connection

NAME = "repairs"
REVISION = 1
EVENTS: frozenset[type] = frozenset({LeadDeleted, LeadSeen, RequestOpened})
TABLES = """
CREATE TABLE repairs (
    account_id bigint NOT NULL,
    kind text NOT NULL,
    found bigint NOT NULL,
    newest_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, kind)
);
"""

COUNT = """
INSERT INTO repairs AS known (account_id, kind, found, newest_at)
SELECT $1, * FROM unnest($2::text[], $3::bigint[], $4::timestamptz[])
ON CONFLICT (account_id, kind) DO UPDATE SET found = known.found + excluded.found,
    newest_at = greatest(known.newest_at, excluded.newest_at)
"""
OF_ACCOUNT = """
SELECT kind, found, newest_at FROM repairs.repairs WHERE account_id = $1 ORDER BY kind
"""

Kind = Literal["changed", "new", "vanished", "requested"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """How often the reconciliation found something of a kind.

    Attributes:
        kind: `changed`: a known lead was elsewhere or another's; `new`: it was not known;
            `vanished`: it did not exist any more; `requested`: it asked for a manager.
        newest_at: When it did so last.
    """

    kind: Kind
    found: int
    newest_at: datetime


def changes(events: Iterable[Recorded]) -> list[Repair]:
    """What the events found, by kind."""
    found: Counter[Kind] = Counter()
    newest: dict[Kind, datetime] = {}
    for recorded in events:
        if (kind := _kind(recorded.event)) is not None:
            found[kind] += 1
            newest[kind] = recorded.event.at
    return [Repair(kind=kind, found=found[kind], newest_at=newest[kind]) for kind in sorted(found)]


async def project(connection: Connection, account_id: int, events: Sequence[Recorded]) -> None:
    """Apply the next events of an account inside the caller's transaction."""
    if repairs := changes(events):
        await connection.execute(
            COUNT,
            account_id,
            [repair.kind for repair in repairs],
            [repair.found for repair in repairs],
            [repair.newest_at for repair in repairs],
        )


async def of_account(connection: Connection, account_id: int) -> list[Repair]:
    """What was found in an account so far, by kind."""
    return [Repair(**row) for row in await connection.fetch(OF_ACCOUNT, account_id)]


def _kind(event: AllocationEvent) -> Kind | None:
    match event:
        case LeadSeen(source="sweep", was_stage=None):
            return "new"
        case LeadSeen(source="sweep"):
            is_moved = (event.was_stage, event.was_owner_id) != (event.stage, event.owner_id)
            return "changed" if is_moved else None
        case LeadDeleted(source="lookup", was_stage=was_stage) if was_stage is not None:
            return "vanished"
        case RequestOpened(source="sweep"):
            return "requested"
        case _:
            return None
