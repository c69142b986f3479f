"""Starts and pauses of our address, noted in the database: for all processes, and for restarts.

The database's clock is the one they share. There is one address for an installation; a row per
address is for the day on which there are several.

Noting a start also asks whether the lease of the account's partition is still ours, so that a
gateway that slept while another took over begins nothing any more (F14).
"""

from dataclasses import dataclass
from typing import Any

from services.kommo.starts import WINDOW_S, Lease, LeaseLost
from services.storage.database import borrow

TABLES = """
CREATE TABLE IF NOT EXISTS gateway.addresses (
    address text PRIMARY KEY,
    starts timestamptz[] NOT NULL DEFAULT '{}',  -- the last ones, ascending
    closed_until timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
INSERT INTO gateway.addresses (address) VALUES ('') ON CONFLICT DO NOTHING;
"""
LOST = -1.0
# clock_timestamp(): the statement may have waited for the row. FOR SHARE: whoever takes the
# lease over waits for this statement, or this one sees that it is taken.
TAKE = """
WITH held AS (
    SELECT true AS is_ours FROM gateway.leases WHERE partition = $3 AND epoch = $4 FOR SHARE
), lease AS (
    SELECT $3::integer IS NULL OR EXISTS (SELECT FROM held) AS is_ours
), noted AS (
    UPDATE gateway.addresses
    SET starts = (starts || clock_timestamp())[greatest(1, cardinality(starts) + 2 - $1):]
    WHERE (SELECT is_ours FROM lease)
        AND address = '' AND closed_until <= clock_timestamp()
        AND (cardinality(starts) < $1
            OR starts[cardinality(starts) - $1 + 1] <= clock_timestamp() - $2 * interval '1 s')
    RETURNING true
)
SELECT CASE WHEN NOT (SELECT is_ours FROM lease) THEN -1.0
WHEN EXISTS (SELECT FROM noted) THEN 0.0 ELSE greatest(0.001, extract(epoch FROM
    greatest(closed_until, starts[cardinality(starts) - $1 + 1] + $2 * interval '1 s')
    - clock_timestamp())) END::float8
FROM gateway.addresses WHERE address = ''
"""
PAUSE = """
UPDATE gateway.addresses
SET closed_until = greatest(closed_until, clock_timestamp() + $1 * interval '1 s')
WHERE address = ''
"""


@dataclass(frozen=True, slots=True)
class SharedStarts:
    """`services.kommo.starts.Starts` in the table `gateway.addresses`."""

    pool: Any

    async def take(self, most: int, lease: Lease | None = None) -> float:
        """Note a start, or tell how long to wait.

        Raises:
            LeaseLost: Another process has the lease now.
        """
        partition, epoch = (lease.partition, lease.epoch) if lease is not None else (None, None)
        async with borrow(self.pool) as connection:
            wait_s: float = await connection.fetchval(TAKE, most, WINDOW_S, partition, epoch)
        if wait_s == LOST:
            raise LeaseLost(f"another gateway has partition {partition} now")
        return wait_s

    async def pause(self, seconds: float) -> None:
        """Let nothing begin for so long."""
        async with borrow(self.pool) as connection:
            await connection.execute(PAUSE, seconds)
