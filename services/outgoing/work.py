"""What is to be sent, and what came of it, in the database.

Instants are the sender's: it alone acts for an account.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from contracts.events import Recorded
from services.outgoing.post import Attempt
from services.outgoing.schedule import rest_after
from services.storage.database import borrow
from services.storage.webhook_deliveries import (
    Delivery,
    NewDelivery,
    list_deliveries,
)

PING = "ping"

BEHIND = """
SELECT target.account_id, target.name, target.events, target.position
FROM webhook_targets AS target JOIN account_heads AS head USING (account_id)
WHERE target.position < head.version AND target.off_at IS NULL AND (
    SELECT count(*) FROM (
        SELECT FROM webhook_deliveries AS waiting
        WHERE waiting.account_id = target.account_id AND waiting.target = target.name
            AND waiting.state = 'pending' LIMIT $1
    ) AS counted
) < $1
ORDER BY target.account_id, target.name
"""
MOVE = """
UPDATE webhook_targets SET position = $4 WHERE account_id = $1 AND name = $2 AND position = $3
RETURNING position
"""
# The next one of each target: a ping, else in the order of the account, but for what waits for
# another try.
DUE = f"""
SELECT next.*, target.url FROM webhook_targets AS target CROSS JOIN LATERAL (
    SELECT * FROM webhook_deliveries AS waiting
    WHERE waiting.account_id = target.account_id AND waiting.target = target.name
        AND waiting.state = 'pending' AND waiting.next_at <= $1 AND (waiting.type = '{PING}'
            OR (target.off_at IS NULL AND coalesce(target.rests_until <= $1, true)))
    ORDER BY waiting.version LIMIT 1
) AS next
WHERE $2::bigint IS NULL OR (target.account_id = $2 AND target.name = $3)
ORDER BY next.next_at, next.account_id, next.target LIMIT $4
"""  # noqa: S608 - a constant of ours
# The target first, then its deliveries: so they are locked by whoever removes it, too.
HOLD = "SELECT FROM webhook_targets WHERE account_id = $1 AND name = $2 FOR NO KEY UPDATE"
TAKEN = """
UPDATE webhook_deliveries SET state = 'delivered', attempts = attempts + 1,
    first_at = coalesce(first_at, $4), last_at = $4, status = $5, error = NULL
WHERE account_id = $1 AND target = $2 AND message_id = $3
"""
# A target that answers a ping is one again.
WELL = """
UPDATE webhook_targets SET failing_since = NULL, failures = 0, rests_until = NULL, off_at = NULL,
    off_because = NULL
WHERE account_id = $1 AND name = $2 AND (failing_since IS NOT NULL OR off_at IS NOT NULL)
"""
NOT_TAKEN = """
UPDATE webhook_deliveries SET attempts = attempts + 1, first_at = coalesce(first_at, $4),
    last_at = $4, status = $5, error = $6, next_at = coalesce($7, next_at),
    state = CASE WHEN $7::timestamptz IS NULL THEN 'failed' ELSE 'pending' END
WHERE account_id = $1 AND target = $2 AND message_id = $3
"""
FAILING = """
UPDATE webhook_targets SET failing_since = coalesce(failing_since, $3), failures = failures + 1
WHERE account_id = $1 AND name = $2 AND off_at IS NULL RETURNING failing_since, failures
"""
REST = "UPDATE webhook_targets SET rests_until = $3 WHERE account_id = $1 AND name = $2"
OFF = """
UPDATE webhook_targets SET off_at = $3, off_because = $4
WHERE account_id = $1 AND name = $2 AND off_at IS NULL
"""
# Rules name targets that may not be there, or were given up: their accounts are told so.
ORPHANS = """
SELECT wanted.account_id, wanted.order_id, target.name IS NOT NULL AS is_known
FROM notices.wanted AS wanted LEFT JOIN webhook_targets AS target
    ON target.account_id = wanted.account_id AND target.name = wanted.target
WHERE wanted.kind = 'webhook' AND (target.name IS NULL OR target.off_at IS NOT NULL)
ORDER BY wanted.asked_at, wanted.account_id, wanted.asked_version LIMIT $1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BehindTarget:
    """A target that has not been told all of its account."""

    account_id: int
    name: str
    events: tuple[str, ...]
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphan:
    """A decision whose target is told nothing.

    Attributes:
        is_known: There is such a target, which was given up.
    """

    account_id: int
    order_id: str
    is_known: bool


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery that is to be sent now."""

    delivery: Delivery
    url: str


@dataclass(frozen=True, slots=True)
class WebhookWork:
    """The sender's own statements; each method raises `services.shared.errors.Unavailable`."""

    pool: asyncpg.Pool

    async def behind(self, backlog_max: int) -> list[BehindTarget]:
        """Targets whose account has moved, and that have not too much to take already."""
        async with borrow(self.pool) as connection:
            rows = await connection.fetch(BEHIND, backlog_max)
        return [BehindTarget(**{**row, "events": tuple(row["events"])}) for row in rows]

    async def list_events(
        self, target: BehindTarget, scanned: Sequence[Recorded], new: Sequence[NewDelivery]
    ) -> bool:
        """List deliveries of the events that follow, and move on past all that were looked at."""
        place = (target.account_id, target.name)
        async with borrow(self.pool) as connection, connection.transaction():
            moved = await connection.fetchval(MOVE, *place, target.position, scanned[-1].version)
            if moved is not None:
                await list_deliveries(connection, *place, new)
        return moved is not None

    async def due(
        self, now: datetime, *, of: tuple[int, str] | None = None, limit: int
    ) -> list[Due]:
        """The next delivery of each target, or of one; whoever waited longest first."""
        account_id, name = of or (None, None)
        async with borrow(self.pool) as connection:
            rows = await connection.fetch(DUE, now, account_id, name, limit)
        return [_due(row) for row in rows]

    async def taken(self, delivery: Delivery, answer: Attempt, *, at: datetime) -> None:
        """The target has it: it is well."""
        place = (delivery.account_id, delivery.target)
        async with borrow(self.pool) as connection, connection.transaction():
            await connection.execute(HOLD, *place)
            await connection.execute(TAKEN, *place, delivery.message_id, at, answer.status)
            await connection.execute(WELL, *place)

    async def not_taken(
        self,
        delivery: Delivery,
        answer: Attempt,
        *,
        at: datetime,
        next_at: datetime | None,
        off_after: timedelta,
    ) -> bool:
        """The target has it not, and rests; whether it is given up by this.

        Args:
            delivery: Of what.
            answer: Why.
            at: When.
            next_at: When it is tried again; None for never.
            off_after: A target that has taken nothing for so long is given up.
        """
        place = (delivery.account_id, delivery.target)
        async with borrow(self.pool) as connection, connection.transaction():
            await connection.execute(HOLD, *place)
            await connection.execute(
                NOT_TAKEN,
                *place,
                delivery.message_id,
                at,
                answer.status,
                answer.failure,
                next_at,
            )
            if delivery.type == PING:
                return False
            row = await connection.fetchrow(FAILING, *place, at)
            if row is None:
                return False
            await connection.execute(REST, *place, at + rest_after(row["failures"]))
            is_over = answer.failure == "gone" or at - row["failing_since"] >= off_after
            if is_over:
                await connection.execute(OFF, *place, at, answer.failure)
        return bool(is_over)

    async def orphans(self, limit: int) -> list[Orphan]:
        """Decisions that rules let targets be told of which are told nothing."""
        async with borrow(self.pool) as connection:
            return [Orphan(**row) for row in await connection.fetch(ORPHANS, limit)]


def _due(row: asyncpg.Record) -> Due:
    fields = dict(row)
    return Due(url=fields.pop("url"), delivery=Delivery(**fields))
