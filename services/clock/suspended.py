"""Tells of accounts that have let nobody in for a week, so that nothing waits for them (F57).

What is told again changes nothing, so nothing is kept of it.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NoReturn

import asyncpg
import structlog

from contracts.inbound import Inbound, StayedSuspended
from services.clock.clock import Publisher
from services.shared.errors import Unavailable
from services.shared.ownership import Owns
from services.storage.database import borrow_to_read

log = structlog.get_logger(__name__)

KEPT_FOR = timedelta(days=7)
LOOK_EVERY_S = 600.0
# One message ends at most so many (`domain.requests.suspension`).
AT_ONCE = 500
PARTS_MAX = 20
SELECT = """
SELECT account_id, suspended_at, (
    SELECT count(*) FROM requests.requests AS r
    WHERE r.account_id = a.account_id AND r.state IN ('waiting', 'undecided') AND r.opened_at < $1
) + (
    SELECT count(*) FROM assignments.leads AS l
    JOIN requests.requests AS r USING (account_id, request_id)
    WHERE l.account_id = a.account_id AND l.state = 'pending' AND r.opened_at < $1
) AS unserved
FROM accounts AS a WHERE suspended_at < $1 ORDER BY account_id
"""


class Suspensions:
    """Looks for them now and then."""

    def __init__(
        self, pool: asyncpg.Pool, publisher: Publisher, owns: Owns, now: Callable[[], datetime]
    ) -> None:
        self._pool = pool
        self._publisher = publisher
        self._owns = owns
        self._now = now

    async def run(self) -> NoReturn:
        """Tell until cancelled."""
        while True:
            try:
                await self.step()
            except Unavailable as error:
                log.warning("suspensions_not_told", reason=type(error).__name__)
            await asyncio.sleep(LOOK_EVERY_S)

    async def step(self) -> Sequence[Inbound]:
        """Tell once; what was told.

        Raises:
            services.shared.errors.Unavailable: Perhaps something was told; again is safe.
        """
        now = self._now()
        before = now - KEPT_FOR
        async with borrow_to_read(self._pool) as connection:
            rows = await connection.fetch(SELECT, before)
        messages = [
            Inbound(
                account_id=account_id,
                message_id=f"suspended/{account_id}/{int(now.timestamp())}/{part}",
                at=now,
                body=StayedSuspended(since=suspended_at, asked_before=before),
            )
            for account_id, suspended_at, unserved in rows
            if self._owns(account_id)
            for part in range(min(-(-unserved // AT_ONCE), PARTS_MAX))
        ]
        if messages:
            await self._publisher.publish(messages)
            log.warning("suspensions_told", messages=len(messages))
        return messages
