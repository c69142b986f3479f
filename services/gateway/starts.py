"""Starts and pauses of our address, noted in the database: for all processes, and for restarts.

The database's clock is the one they share. There is one address for an installation; a row per
address is for the day on which there are several.

Callers take turns here as they do within a process: a start is refused to who had one since
another one had that waits, too, urgent ones before the others (F70).

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

from services.kommo.starts import ASKS_S, WINDOW_S, YIELDS_S, Asker, Lease, LeaseLost
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
), asker AS (
    SELECT hashtextextended($5::text, 0) AS caller, $6::boolean AS is_urgent WHERE $5 IS NOT NULL
), others AS (
    SELECT EXISTS (
        SELECT FROM asker LEFT JOIN gateway.callers AS own USING (caller), gateway.callers AS other
        WHERE other.caller <> asker.caller
            AND other.asks_until BETWEEN clock_timestamp() AND clock_timestamp() + interval '3 s'
            AND (NOT other.is_urgent, other.served_at)
            < (NOT asker.is_urgent, coalesce(own.served_at, '-infinity'))
    ) AS are_next
), noted AS (
    UPDATE gateway.addresses
    SET starts = (starts || clock_timestamp())[greatest(1, cardinality(starts) + 2 - $1):]
    WHERE (SELECT is_ours FROM lease) AND NOT (SELECT are_next FROM others)
        AND address = '' AND closed_until <= clock_timestamp()
        AND (cardinality(starts) < $1
            OR starts[cardinality(starts) - $1 + 1] <= clock_timestamp() - $2 * interval '1 s')
    RETURNING true
), answer AS (
    SELECT CASE WHEN NOT (SELECT is_ours FROM lease) THEN -1.0
    WHEN EXISTS (SELECT FROM noted) THEN 0.0 ELSE greatest(
        CASE WHEN (SELECT are_next FROM others) THEN $7 ELSE 0.001 END, extract(epoch FROM
        greatest(closed_until, starts[cardinality(starts) - $1 + 1] + $2 * interval '1 s')
        - clock_timestamp())) END::float8 AS wait_s,
        coalesce(starts[cardinality(starts)] > clock_timestamp(), false)
        OR closed_until > clock_timestamp() + closed_s * interval '1 s' AS is_ahead
    FROM gateway.addresses WHERE address = ''
), marked AS (
    INSERT INTO gateway.callers AS known (caller, is_urgent, served_at, asks_until)
    SELECT caller, is_urgent,
        CASE WHEN wait_s > 0 THEN '-infinity' ELSE clock_timestamp() END,
        CASE WHEN wait_s > 0
        THEN clock_timestamp() + (least(wait_s, 2) + $8) * interval '1 s' ELSE '-infinity' END
    FROM asker, answer WHERE wait_s >= 0
    ON CONFLICT (caller) DO UPDATE SET
        is_urgent = excluded.is_urgent
            OR known.is_urgent AND known.asks_until > clock_timestamp(),
        served_at = greatest(known.served_at, excluded.served_at),
        asks_until = excluded.asks_until
)
SELECT wait_s, is_ahead FROM answer
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

    async def take(
        self, most: int, lease: Lease | None = None, asker: Asker | None = None
    ) -> float:
        """Note a start, or tell how long to wait.

        Raises:
            LeaseLost: Another process has the lease now.
        """
        partition, epoch = (lease.partition, lease.epoch) if lease is not None else (None, None)
        caller, is_urgent = (asker.caller, asker.is_urgent) if asker is not None else (None, True)
        asked = (TAKE, most, WINDOW_S, partition, epoch, caller, is_urgent, YIELDS_S, ASKS_S)
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
