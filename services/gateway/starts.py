"""Starts and pauses of our address, noted in the database: for all processes, and for restarts.

The database's clock is the one they share. There is one address for an installation; a row per
address is for the day on which there are several.

Noting a start also asks whether the lease of the account's partition is still ours, so that a
gateway that slept while another took over begins nothing any more (F14).

That clock may be set back, and then what is noted lies ahead of it: by an hour, if it was set back
by an hour. Nobody waits for that hour: starts are taken for starts of just now, and a pause lasts
no longer from now than it was to last in all (F64).
"""

from collections.abc import Callable
from dataclasses import dataclass

import asyncpg
import structlog

from services.kommo.starts import WINDOW_S, Lease, LeaseLost
from services.kommo.transport import nobody
from services.storage.database import borrow

log = structlog.get_logger(__name__)

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
    - clock_timestamp())) END::float8 AS wait_s,
    coalesce(starts[cardinality(starts)] > clock_timestamp(), false)
    OR closed_until > clock_timestamp() + closed_s * interval '1 s' AS is_ahead
FROM gateway.addresses WHERE address = ''
"""
# The clock was set back since.
SET_BACK = """
UPDATE gateway.addresses SET
    starts = ARRAY(SELECT least(noted, clock_timestamp()) FROM unnest(starts) AS noted ORDER BY 1),
    closed_until = least(closed_until, clock_timestamp() + closed_s * interval '1 s')
WHERE address = ''
"""
PAUSE = """
UPDATE gateway.addresses
SET closed_until = clock_timestamp() + $1 * interval '1 s', closed_s = $1
WHERE address = '' AND closed_until < clock_timestamp() + $1 * interval '1 s'
"""


@dataclass(frozen=True, slots=True)
class SharedStarts:
    """`services.kommo.starts.Starts` in the table `gateway.addresses`.

    Attributes:
        on_lost: Told a lease that another gateway was found to have.
    """

    pool: asyncpg.Pool
    on_lost: Callable[[Lease], None] = nobody

    async def take(self, most: int, lease: Lease | None = None) -> float:
        """Note a start, or tell how long to wait.

        Raises:
            LeaseLost: Another process has the lease now.
        """
        partition, epoch = (lease.partition, lease.epoch) if lease is not None else (None, None)
        asked = (TAKE, most, WINDOW_S, partition, epoch)
        async with borrow(self.pool) as connection:
            found = await connection.fetchrow(*asked)
            assert found is not None, "the address is noted when the table is made"  # noqa: S101
            if found["is_ahead"] and found["wait_s"] > 0:
                log.error("clock_set_back", wait_s=round(found["wait_s"], 1))
                await connection.execute(SET_BACK)
                found = await connection.fetchrow(*asked) or found
        if lease is not None and found["wait_s"] == LOST:
            self.on_lost(lease)
            raise LeaseLost(f"another gateway has partition {partition} now")
        return float(found["wait_s"])

    async def pause(self, seconds: float) -> None:
        """Let nothing begin for so long."""
        async with borrow(self.pool) as connection:
            await connection.execute(PAUSE, seconds)
