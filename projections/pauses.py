"""Who is paused, by whom, since when, until when and why (D9.2)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from contracts.events import ManagerPaused, ManagerResumed, Recorded
from projections import Connection

NAME = "pauses"
REVISION = 1
EVENTS: frozenset[type] = frozenset({ManagerPaused, ManagerResumed})
TABLES = """
CREATE TABLE managers (
    account_id bigint NOT NULL,
    manager_id bigint NOT NULL,
    ordered_by text NOT NULL,
    by_administrator boolean NOT NULL,
    paused_at timestamptz NOT NULL,
    until timestamptz,
    reason text NOT NULL,
    PRIMARY KEY (account_id, manager_id)
);
"""

STORE = """
INSERT INTO managers (account_id, manager_id, ordered_by, by_administrator, paused_at, until,
    reason)
SELECT $1, * FROM unnest($2::bigint[], $3::text[], $4::boolean[], $5::timestamptz[],
    $6::timestamptz[], $7::text[])
ON CONFLICT (account_id, manager_id) DO UPDATE SET ordered_by = excluded.ordered_by,
    by_administrator = excluded.by_administrator, paused_at = excluded.paused_at,
    until = excluded.until, reason = excluded.reason
"""
END = "DELETE FROM managers WHERE account_id = $1 AND manager_id = ANY($2::bigint[])"
OF_ACCOUNT = """
SELECT account_id, manager_id, ordered_by, by_administrator, paused_at, until, reason
FROM pauses.managers WHERE account_id = $1 ORDER BY manager_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A pause in force.

    Attributes:
        ordered_by: The manager or an administrator, as the order named them.
        until: None without an end.
    """

    account_id: int
    manager_id: int
    ordered_by: str
    by_administrator: bool
    paused_at: datetime
    until: datetime | None
    reason: str


def changes(events: Iterable[Recorded]) -> dict[int, Pause | None]:
    """Manager to their last pause, None if they were resumed since, by id."""
    found: dict[int, Pause | None] = {}
    for recorded in events:
        match recorded.event:
            case ManagerPaused() as event:
                found[event.manager_id] = Pause(
                    account_id=recorded.account_id,
                    manager_id=event.manager_id,
                    ordered_by=event.by,
                    by_administrator=event.by_administrator,
                    paused_at=event.at,
                    until=event.until,
                    reason=event.reason,
                )
            case ManagerResumed(manager_id=manager_id):
                found[manager_id] = None
            case _:
                pass
    return dict(sorted(found.items()))


async def project(connection: Connection, account_id: int, events: Sequence[Recorded]) -> None:
    """Apply the next events of an account inside the caller's transaction."""
    found = changes(events)
    paused = [pause for pause in found.values() if pause is not None]
    if ended := [manager_id for manager_id, pause in found.items() if pause is None]:
        await connection.execute(END, account_id, ended)
    if paused:
        await connection.execute(
            STORE,
            account_id,
            [pause.manager_id for pause in paused],
            [pause.ordered_by for pause in paused],
            [pause.by_administrator for pause in paused],
            [pause.paused_at for pause in paused],
            [pause.until for pause in paused],
            [pause.reason for pause in paused],
        )


async def of_account(connection: Connection, account_id: int) -> list[Pause]:
    """The pauses of an account that are in force, by manager."""
    return [Pause(**row) for row in await connection.fetch(OF_ACCOUNT, account_id)]
