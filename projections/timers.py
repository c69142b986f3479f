"""The newest generation of each timer, and which of them the clock has sent.

`emitted_generation` is the clock's own mark and not derived from events. A rebuild carries it
over; were it lost, a timer would be sent once more, and a repeated or outdated timer changes
nothing (F10).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from contracts.events import Recorded, TimerScheduled
from projections import Connection

NAME = "timers"
REVISION = 1
EVENTS: frozenset[type] = frozenset({TimerScheduled})
TABLES = """
CREATE TABLE timers (
    account_id bigint NOT NULL,
    timer_id text NOT NULL,
    generation bigint NOT NULL,
    due_at timestamptz,
    emitted_generation bigint,
    PRIMARY KEY (account_id, timer_id)
);
CREATE INDEX timers_due_idx ON timers (due_at, account_id, timer_id)
    WHERE due_at IS NOT NULL AND emitted_generation IS DISTINCT FROM generation;
"""
# Run by a rebuild, in the transaction that makes the shadow the live one.
CARRY_OVER = """
UPDATE {shadow}.timers AS rebuilt SET emitted_generation = known.emitted_generation
FROM {live}.timers AS known
WHERE known.account_id = rebuilt.account_id AND known.timer_id = rebuilt.timer_id
    AND known.emitted_generation IS NOT NULL
"""

SCHEDULE = """
INSERT INTO timers (account_id, timer_id, generation, due_at)
SELECT $1, * FROM unnest($2::text[], $3::bigint[], $4::timestamptz[])
ON CONFLICT (account_id, timer_id) DO UPDATE
SET generation = excluded.generation, due_at = excluded.due_at
WHERE timers.generation < excluded.generation
"""
DUE = """
SELECT account_id, timer_id, generation, due_at FROM timers.timers
WHERE due_at <= $1 AND emitted_generation IS DISTINCT FROM generation
    AND ($3::bigint[] IS NULL OR account_id = ANY($3))
ORDER BY due_at, account_id, timer_id LIMIT $2
"""
NEXT_DUE_AT = """
SELECT min(due_at) FROM timers.timers
WHERE due_at IS NOT NULL AND emitted_generation IS DISTINCT FROM generation
    AND ($1::bigint[] IS NULL OR account_id = ANY($1))
"""
MARK_EMITTED = """
UPDATE timers.timers AS known SET emitted_generation = sent.generation
FROM unnest($1::bigint[], $2::text[], $3::bigint[]) AS sent (account_id, timer_id, generation)
WHERE known.account_id = sent.account_id AND known.timer_id = sent.timer_id
    AND known.generation = sent.generation
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """A timer that is set."""

    account_id: int
    timer_id: str
    generation: int
    due_at: datetime


def changes(events: Iterable[Recorded]) -> dict[str, TimerScheduled]:
    """The newest generation of each timer in the events."""
    newest: dict[str, TimerScheduled] = {}
    for recorded in events:
        event = recorded.event
        if isinstance(event, TimerScheduled):
            known = newest.get(event.timer_id)
            if known is None or known.generation < event.generation:
                newest[event.timer_id] = event
    return newest


async def project(connection: Connection, account_id: int, events: Sequence[Recorded]) -> None:
    """Apply the next events of an account inside the caller's transaction."""
    newest = changes(events)
    if not newest:
        return
    await connection.execute(
        SCHEDULE,
        account_id,
        list(newest),
        [timer.generation for timer in newest.values()],
        [timer.due_at for timer in newest.values()],
    )


async def due(
    connection: Connection,
    *,
    now: datetime,
    limit: int,
    account_ids: Sequence[int] | None = None,
) -> list[Timer]:
    """Timers that came due and were not sent, earliest first.

    Args:
        connection: Where to ask.
        now: What is due by then.
        limit: The most to return.
        account_ids: Of these accounts; None for all.
    """
    return [Timer(**row) for row in await connection.fetch(DUE, now, limit, account_ids)]


async def next_due_at(
    connection: Connection, account_ids: Sequence[int] | None = None
) -> datetime | None:
    """When the next timer of these accounts that was not sent is due; None: there is none."""
    at: datetime | None = await connection.fetchval(NEXT_DUE_AT, account_ids)
    return at


async def mark_emitted(connection: Connection, timers: Sequence[Timer]) -> None:
    """Note that the clock has sent these; those replaced meanwhile stay unmarked."""
    await connection.execute(
        MARK_EMITTED,
        [timer.account_id for timer in timers],
        [timer.timer_id for timer in timers],
        [timer.generation for timer in timers],
    )
