"""What targets of webhooks were told, are being told, or would not take (A8.4)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import asyncpg

from services.storage.database import Connection, borrow

DeliveryState = Literal["pending", "delivered", "failed"]

COLUMNS = """account_id, target, message_id, version, type, body, order_id, state, attempts,
    listed_at, first_at, last_at, next_at, status, error"""
LIST = """
INSERT INTO webhook_deliveries (account_id, target, message_id, version, type, body, order_id)
SELECT $1, $2, * FROM unnest($3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[])
ON CONFLICT DO NOTHING
"""
OLDER = f"""
SELECT {COLUMNS} FROM webhook_deliveries
WHERE account_id = $1 AND ($2::text IS NULL OR target = $2) AND ($3::text IS NULL OR state = $3)
    AND ($4::timestamptz IS NULL OR (listed_at, message_id) < ($4, $5))
ORDER BY listed_at DESC, message_id DESC LIMIT $6
"""  # noqa: S608 - constants of ours
NEWER = OLDER.replace("<", ">").replace("DESC", "ASC")
ONE = f"""
SELECT {COLUMNS} FROM webhook_deliveries
WHERE account_id = $1 AND target = $2 AND message_id = $3
"""  # noqa: S608 - constants of ours
# What was delivered can be sent once more as well: the receiver may have lost it.
AGAIN = """
UPDATE webhook_deliveries SET state = 'pending', attempts = 0, first_at = NULL, next_at = now(),
    status = NULL, error = NULL
WHERE account_id = $1 AND target = $2 AND ($3::text IS NULL OR message_id = $3)
    AND (state = 'failed' OR ($3::text IS NOT NULL AND state = 'delivered'))
RETURNING message_id
"""
# What was told stays for a week, what was not for a month.
FORGET = """
DELETE FROM webhook_deliveries WHERE ctid = ANY (ARRAY (
    SELECT ctid FROM webhook_deliveries
    WHERE state <> 'pending' AND last_at < now() - interval '7 days'
        AND (state = 'delivered' OR last_at < now() - interval '30 days')
    LIMIT 1000
))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event for one target.

    Attributes:
        message_id: As the target sees it: the same at every attempt.
        version: Of the event; 0 of a ping.
        type: Its stored name, or `ping`.
        order_id: The decision that a rule lets the target be told of, if it is that.
        attempts: So many were made since it was listed, or ordered again.
        next_at: When it is tried next, while it is pending.
        status: What the target answered last; None when it did not answer.
        error: Why it was not taken, in a word.
    """

    account_id: int
    target: str
    message_id: str
    version: int
    type: str
    body: str
    order_id: str | None
    state: DeliveryState
    attempts: int
    listed_at: datetime
    first_at: datetime | None
    last_at: datetime | None
    next_at: datetime
    status: int | None
    error: str | None

    @property
    def place(self) -> tuple[datetime, str]:
        """By which deliveries are ordered."""
        return self.listed_at, self.message_id


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDelivery:
    """What is to be told; the fields are those of `Delivery`."""

    message_id: str
    version: int
    type: str
    body: str
    order_id: str | None = None


async def list_deliveries(
    connection: Connection, account_id: int, target: str, new: Sequence[NewDelivery]
) -> None:
    """List them for the target, but for those that are there."""
    await connection.execute(
        LIST,
        account_id,
        target,
        [each.message_id for each in new],
        [each.version for each in new],
        [each.type for each in new],
        [each.body for each in new],
        [each.order_id for each in new],
    )


@dataclass(frozen=True, slots=True)
class WebhookDeliveries:
    """Those of all accounts; each method raises `services.shared.errors.Unavailable`."""

    pool: asyncpg.Pool

    async def page(
        self,
        account_id: int,
        *,
        target: str | None = None,
        state: DeliveryState | None = None,
        beside: tuple[datetime, str] | None = None,
        is_back: bool = False,
        limit: int,
    ) -> list[Delivery]:
        """The newest, or those before one that is named by when it was listed, and its id.

        Args:
            account_id: Whose.
            target: Of this target only.
            state: Only those that stand so.
            beside: That one.
            is_back: Those after it instead, the nearest first.
            limit: The most.
        """
        query = NEWER if is_back else OLDER
        place = beside or (None, None)
        async with borrow(self.pool) as connection:
            rows = await connection.fetch(query, account_id, target, state, *place, limit)
        return [Delivery(**row) for row in rows]

    async def one(self, account_id: int, target: str, message_id: str) -> Delivery | None:
        """A single one."""
        async with borrow(self.pool) as connection:
            row = await connection.fetchrow(ONE, account_id, target, message_id)
        return None if row is None else Delivery(**row)

    async def add(self, account_id: int, target: str, new: NewDelivery) -> None:
        """List one that is of no event."""
        async with borrow(self.pool) as connection:
            await list_deliveries(connection, account_id, target, [new])

    async def send_again(
        self, account_id: int, target: str, message_id: str | None = None
    ) -> list[str]:
        """Have one sent once more, or all that failed; the ids of those that will be."""
        async with borrow(self.pool) as connection:
            rows = await connection.fetch(AGAIN, account_id, target, message_id)
        return [row[0] for row in rows]

    async def forget(self) -> None:
        """Forget some of what is long over."""
        async with borrow(self.pool) as connection:
            await connection.execute(FORGET)
