"""Open leads of each manager at each stage (D5.2, D11.1).

Every event that changes where a lead counts names the place it leaves and the place it takes,
so the counts follow from increments alone and nothing is remembered per lead.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import asyncpg

from contracts.events import AssignmentWithdrawn, LeadAssigned, LeadDeleted, LeadSeen, Recorded
from contracts.stage import CLOSED_STATUSES, Stage
from projections import Connection

NAME = "loads"
REVISION = 1
EVENTS: frozenset[type] = frozenset({AssignmentWithdrawn, LeadAssigned, LeadDeleted, LeadSeen})
TABLES = """
CREATE TABLE open_leads (
    account_id bigint NOT NULL,
    manager_id bigint NOT NULL,
    pipeline_id bigint NOT NULL,
    status_id bigint NOT NULL,
    open_leads bigint NOT NULL CHECK (open_leads > 0),
    PRIMARY KEY (account_id, manager_id, pipeline_id, status_id)
);
"""

# MERGE and not INSERT ... ON CONFLICT: that one checks the proposed row first, so a decrement
# would already fail as an insert of a negative count.
APPLY = """
MERGE INTO open_leads AS known
USING (
    SELECT $1::bigint AS account_id, *
    FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])
        AS moved (manager_id, pipeline_id, status_id, change)
) AS moved
ON known.account_id = moved.account_id AND known.manager_id = moved.manager_id
    AND known.pipeline_id = moved.pipeline_id AND known.status_id = moved.status_id
WHEN MATCHED AND known.open_leads + moved.change = 0 THEN DELETE
WHEN MATCHED THEN UPDATE SET open_leads = known.open_leads + moved.change
WHEN NOT MATCHED THEN
    INSERT (account_id, manager_id, pipeline_id, status_id, open_leads)
    VALUES (moved.account_id, moved.manager_id, moved.pipeline_id, moved.status_id, moved.change)
"""
OF_ACCOUNT = """
SELECT manager_id, pipeline_id, status_id, open_leads FROM loads.open_leads
WHERE account_id = $1 ORDER BY manager_id, pipeline_id, status_id
"""
OF_MANAGER = """
SELECT manager_id, pipeline_id, status_id, open_leads FROM loads.open_leads
WHERE account_id = $1 AND manager_id = $2 ORDER BY pipeline_id, status_id
"""

Place = tuple[int, Stage]


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """How many open leads a manager has at one stage; never 0."""

    manager_id: int
    stage: Stage
    open_leads: int


def changes(events: Iterable[Recorded]) -> dict[Place, int]:
    """What the events add to each (manager, stage), ascending; places that stay are left out."""
    moved: Counter[Place] = Counter()
    for recorded in events:
        match recorded.event:
            case LeadSeen() as seen:
                moved.subtract(_place(seen.was_owner_id, seen.was_stage))
                moved.update(_place(seen.owner_id, seen.stage))
            case LeadDeleted() as deleted:
                moved.subtract(_place(deleted.was_owner_id, deleted.was_stage))
            case LeadAssigned(keeps_lead=False) as assigned:
                moved.subtract(_place(assigned.was_owner_id, assigned.stage))
                moved.update(_place(assigned.manager_id, assigned.stage))
            case AssignmentWithdrawn() as withdrawn:
                # A lead that is gone has left its place by its own event.
                moved.subtract(_place(withdrawn.manager_id, withdrawn.stage))
                moved.update(_place(withdrawn.owner_id, withdrawn.stage))
            case _:
                pass
    return {place: moved[place] for place in sorted(moved) if moved[place]}


async def project(connection: Connection, account_id: int, events: Sequence[Recorded]) -> None:
    """Apply the next events of an account inside the caller's transaction.

    Raises:
        asyncpg.CheckViolationError: A count would become negative: the log contradicts itself.
    """
    moved = changes(events)
    if not moved:
        return
    await connection.execute(
        APPLY,
        account_id,
        [manager_id for manager_id, _ in moved],
        [stage.pipeline_id for _, stage in moved],
        [stage.status_id for _, stage in moved],
        list(moved.values()),
    )


async def of_account(connection: Connection, account_id: int) -> list[Load]:
    """All loads of an account by manager, pipeline and stage."""
    return [_load(row) for row in await connection.fetch(OF_ACCOUNT, account_id)]


async def of_manager(connection: Connection, *, account_id: int, manager_id: int) -> list[Load]:
    """The loads of one manager by pipeline and stage."""
    return [_load(row) for row in await connection.fetch(OF_MANAGER, account_id, manager_id)]


def _place(manager_id: int | None, stage: Stage | None) -> tuple[Place, ...]:
    if manager_id is None or stage is None or stage.status_id in CLOSED_STATUSES:
        return ()
    return ((manager_id, stage),)


def _load(row: asyncpg.Record) -> Load:
    return Load(
        manager_id=row["manager_id"],
        stage=Stage(row["pipeline_id"], row["status_id"]),
        open_leads=row["open_leads"],
    )
