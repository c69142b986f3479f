"""Open tasks of managers, where rules have a limit of them (D5.6)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from contracts.events import Recorded, RulesApplied, TaskChange, TasksCounted
from projections import Connection

NAME = "tasks"
REVISION = 1
EVENTS: frozenset[type] = frozenset({RulesApplied, TasksCounted})
TABLES = """
CREATE TABLE open_tasks (
    account_id bigint NOT NULL,
    task_id bigint NOT NULL,
    manager_id bigint NOT NULL,
    due_at timestamptz,
    PRIMARY KEY (account_id, task_id)
);
CREATE TABLE listed (
    account_id bigint PRIMARY KEY,
    listed_at timestamptz NOT NULL
);
"""

FORGET = "DELETE FROM open_tasks WHERE account_id = $1"
FORGET_LIST = "DELETE FROM listed WHERE account_id = $1"
END = "DELETE FROM open_tasks WHERE account_id = $1 AND task_id = ANY($2::bigint[])"
STORE = """
INSERT INTO open_tasks (account_id, task_id, manager_id, due_at)
SELECT $1, * FROM unnest($2::bigint[], $3::bigint[], $4::timestamptz[])
ON CONFLICT (account_id, task_id) DO UPDATE SET manager_id = excluded.manager_id,
    due_at = excluded.due_at
"""
STORE_LIST = """
INSERT INTO listed (account_id, listed_at) VALUES ($1, $2)
ON CONFLICT (account_id) DO NOTHING
"""
OF_ACCOUNT = """
SELECT manager_id, count(*) FILTER (WHERE due_at IS NULL OR due_at > $2) AS to_do,
    count(*) FILTER (WHERE due_at <= $2) AS overdue
FROM tasks.open_tasks WHERE account_id = $1 GROUP BY manager_id ORDER BY manager_id
"""
LISTED = "SELECT listed_at FROM tasks.listed WHERE account_id = $1"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskLoad:
    """How many open tasks a manager has.

    Attributes:
        to_do: Those that are not overdue.
    """

    manager_id: int
    to_do: int
    overdue: int


@dataclass(slots=True)
class Changed:
    """What events change.

    Attributes:
        is_forgotten: What was there before is gone: no rule counts tasks any more.
        tasks: By id, ascending; of one that does not count any more the manager is None.
        listed_at: When Kommo's list was known for the first time.
    """

    is_forgotten: bool = False
    tasks: dict[int, TaskChange] = field(default_factory=dict)
    listed_at: datetime | None = None


def counts_tasks(rules: dict[str, Any]) -> bool:
    """As the engine judges it (`domain.configuration`), of the file as it was applied."""
    return any(
        part.get("limit_tasks") is not None
        for rule in rules.get("rules", ())
        for part in (rule, *rule.get("participants", ()))
    )


def changes(events: Iterable[Recorded]) -> Changed:
    """What the events change, the last word of each task."""
    found = Changed()
    for recorded in events:
        match recorded.event:
            case RulesApplied() as applied if not counts_tasks(applied.rules):
                found = Changed(is_forgotten=True)
            case TasksCounted() as counted:
                found.tasks.update({change.task_id: change for change in counted.changes})
                found.listed_at = found.listed_at or (counted.at if counted.is_whole else None)
            case _:
                pass
    found.tasks = dict(sorted(found.tasks.items()))
    return found


async def project(connection: Connection, account_id: int, events: Sequence[Recorded]) -> None:
    """Apply the next events of an account inside the caller's transaction."""
    found = changes(events)
    if found.is_forgotten:
        await connection.execute(FORGET, account_id)
        await connection.execute(FORGET_LIST, account_id)
    if ended := [task_id for task_id, change in found.tasks.items() if change.manager_id is None]:
        await connection.execute(END, account_id, ended)
    if kept := [change for change in found.tasks.values() if change.manager_id is not None]:
        await connection.execute(
            STORE,
            account_id,
            [change.task_id for change in kept],
            [change.manager_id for change in kept],
            [change.due_at for change in kept],
        )
    if found.listed_at is not None:
        await connection.execute(STORE_LIST, account_id, found.listed_at)


async def of_account(
    connection: Connection, account_id: int, at: datetime
) -> list[TaskLoad] | None:
    """Managers with open tasks at an instant, by id; None while nobody knows tasks."""
    if await connection.fetchval(LISTED, account_id) is None:
        return None
    rows = await connection.fetch(OF_ACCOUNT, account_id, at)
    return [TaskLoad(**row) for row in rows]
