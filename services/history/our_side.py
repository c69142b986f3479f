"""What an installation's database knows of an account's past."""

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Protocol

import asyncpg

from contracts.events import Recorded
from contracts.inbound import Inbound
from contracts.topics import INBOUND
from domain import snapshot
from services.history.record import History, KeptSnapshot, Row, Tables
from services.log.postgres import source_of
from services.shared.codec import decode_event, decode_inbound, originator_id
from services.shared.errors import Malformed
from services.storage.chain import SELECT_LINKS, Chain, Head, Links
from services.storage.database import Connection, borrow
from services.storage.dead_letters import DeadLetters
from services.storage.events import SELECT_STREAM

ALLOCATOR = "allocator"
PAGE = 5_000
ID = re.compile(rb"\d{1,18}")  # a body that was not understood still shows its numbers
TABLES = {
    "requests": "SELECT * FROM requests.requests WHERE account_id = $1",
    "assignments": "SELECT * FROM assignments.leads WHERE account_id = $1",
    "open_leads": "SELECT * FROM loads.open_leads WHERE account_id = $1",
    "shares": "SELECT * FROM fairness.shares WHERE account_id = $1",
    "kind_shares": "SELECT * FROM fairness.kind_shares WHERE account_id = $1",
    "timers": "SELECT * FROM timers.timers WHERE account_id = $1",
}
SNAPSHOTS = """
SELECT version, digest, state FROM account_snapshots
WHERE account_id = $1 AND revision = $2 ORDER BY version
"""
SELECT_LINKED = "SELECT version, link FROM account_heads WHERE account_id = $1"
INBOUND_LOG = "SELECT position, value FROM inbound_log WHERE account_id = $1 ORDER BY position"
_SHOWN = " AND ".join(
    f"(SELECT coalesce(max(version), 0) FROM {name}.positions WHERE account_id = $1) = head"  # noqa: S608
    for name in ("requests", "assignments", "loads", "fairness", "timers")
)
AT_REST = f"""
SELECT {_SHOWN} AND told <= decided FROM (
    SELECT coalesce((SELECT version FROM account_heads WHERE account_id = $1), 0) AS head,
        coalesce((SELECT position FROM inbound_heads WHERE account_id = $1), 0) AS told,
        coalesce((SELECT position FROM positions WHERE consumer = '{ALLOCATOR}' AND source = $2), 0)
            AS decided
) AS pulse
"""  # noqa: S608 - names of ours
POSITION = f"SELECT position FROM positions WHERE consumer = '{ALLOCATOR}' AND source = $1"  # noqa: S608 - a name of ours


class OutsideLog(Protocol):
    """An inbound log that is not in the database: it cannot be read at the same moment."""

    def source_of(self, account_id: int) -> str:
        """Under which name the allocator keeps its position in the account's messages."""
        ...

    async def messages(self, account_id: int, position: int) -> tuple[Inbound, ...] | None:
        """The account's messages in their order; None if there is more behind a position."""
        ...


async def with_our_side(
    history: History,
    pool: asyncpg.Pool,
    *,
    letters: DeadLetters,
    topic: OutsideLog | None = None,
) -> History | None:
    """The history with our side at one moment: log, snapshots, tables, and what came in.

    Args:
        history: With Kommo's side as it was a little earlier: what Kommo was told yes to, and what
            it was asked for, is known to us by now.
        pool: Of the installation's database.
        letters: Of the installation.
        topic: The inbound log, where it is not in the database.

    Raises:
        services.storage.chain.Broken: An event is not the one that was stored.

    Returns:
        None at a moment when something is not decided, or decided and not shown in the tables.
    """
    async with (
        borrow(pool) as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        account_id = history.account_id
        if not await connection.fetchval(AT_REST, account_id, source_of(account_id)):
            return None
        events = await _events(connection, account_id)
        tables: dict[str, tuple[Row, ...]] = {
            name: tuple(map(dict, await connection.fetch(statement, account_id)))
            for name, statement in TABLES.items()
        }
        kept = await connection.fetch(SNAPSHOTS, account_id, snapshot.REVISION)
        logged = await connection.fetch(INBOUND_LOG, account_id)
        kept_letters = await letters.of_account(connection, account_id)
        source = source_of(account_id) if topic is None else topic.source_of(account_id)
        position: int = await connection.fetchval(POSITION, source) or 0
    inbound: Iterable[Inbound] | None = None
    if topic is not None:
        inbound = await topic.messages(account_id, position)
        if inbound is None:
            return None
    elif [row["position"] for row in logged] == [*range(1, len(logged) + 1)]:
        inbound = _readable(row["value"] for row in logged)
    poisonous = [letter.body for letter in kept_letters if letter.source.startswith(INBOUND)]
    bodies = [letter.body for letter in kept_letters if not letter.source.startswith(INBOUND)]
    return replace(
        history,
        events=tuple(events),
        inbound=None if inbound is None else tuple(inbound),
        quarantined_ids=tuple(message.message_id for message in _readable(poisonous)),
        set_aside_lead_ids=tuple(int(number) for body in bodies for number in ID.findall(body)),
        snapshots=tuple(KeptSnapshot(**row) for row in kept),
        tables=Tables(**tables),
    )


async def _events(connection: Connection, account_id: int) -> list[Recorded]:
    """All events, which must fit their chain (S23)."""
    found: list[Recorded] = []
    chain = Chain.of(account_id)
    while rows := await connection.fetch(
        SELECT_STREAM, originator_id(account_id), chain.version, PAGE
    ):
        last = chain.version + len(rows)
        written = await connection.fetch(SELECT_LINKS, account_id, chain.version, last)
        chain.expect(Links(*row) for row in written)
        for row in rows:
            chain.follow(*row)
            found.append(decode_event(account_id, *row))
    head = await connection.fetchrow(SELECT_LINKED, account_id)
    if head is not None:
        chain.end(Head(*head))
    return found


def _readable(values: Iterable[bytes]) -> list[Inbound]:
    """The messages; what is none was set aside by the allocator, too."""
    found = []
    for value in values:
        try:
            found.append(decode_inbound(value))
        except Malformed:
            continue
    return found
