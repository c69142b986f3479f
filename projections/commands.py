"""Which commands were taken up, and in which version: what they came to follows there (A5.3)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from contracts.events import CommandReceived, Recorded
from domain.state.commands import KEPT_FOR
from projections import Connection

NAME = "commands"
REVISION = 1
EVENTS: frozenset[type] = frozenset({CommandReceived})
TABLES = """
CREATE TABLE taken (
    account_id bigint NOT NULL,
    message_id text NOT NULL,
    version bigint NOT NULL,
    taken_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, message_id)
);
CREATE INDEX taken_at_idx ON taken (account_id, taken_at);
"""

STORE = """
INSERT INTO taken (account_id, message_id, version, taken_at)
SELECT $1, * FROM unnest($2::text[], $3::bigint[], $4::timestamptz[])
ON CONFLICT (account_id, message_id) DO UPDATE
SET version = excluded.version, taken_at = excluded.taken_at
"""
FORGET = "DELETE FROM taken WHERE account_id = $1 AND taken_at <= $2"
OF_MESSAGES = """
SELECT message_id, version FROM commands.taken WHERE account_id = $1 AND message_id = ANY($2)
"""
NEWEST = """
SELECT version FROM commands.taken WHERE account_id = $1
ORDER BY taken_at DESC, version DESC LIMIT $2
"""


def changes(events: Iterable[Recorded]) -> dict[str, tuple[int, datetime]]:
    """Id to version and time of the event that says so, the last of each."""
    return {
        recorded.event.message_id: (recorded.version, recorded.event.at)
        for recorded in events
        if isinstance(recorded.event, CommandReceived)
    }


async def project(connection: Connection, account_id: int, events: Sequence[Recorded]) -> None:
    """Apply the next events of an account inside the caller's transaction.

    As long as the account keeps their ids: whatever comes with the last one goes by its time.
    """
    taken = changes(events)
    if not taken:
        return
    versions = [version for version, _ in taken.values()]
    times = [at for _, at in taken.values()]
    await connection.execute(STORE, account_id, list(taken), versions, times)
    await connection.execute(FORGET, account_id, max(times) - KEPT_FOR)


async def taken_up(
    connection: Connection, account_id: int, message_ids: Sequence[str]
) -> Mapping[str, int]:
    """Id to the version in which it was taken up; those that were not are missing."""
    rows = await connection.fetch(OF_MESSAGES, account_id, list(message_ids))
    return {row["message_id"]: row["version"] for row in rows}


async def newest(connection: Connection, account_id: int, *, limit: int) -> list[int]:
    """The versions of those that were taken up last."""
    return [row[0] for row in await connection.fetch(NEWEST, account_id, limit)]
