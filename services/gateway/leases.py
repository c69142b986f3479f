"""Leases: which gateway may call Kommo for an account, so that never two do (F14, F20).

The consumer group shares the partitions out, but a gateway that slept does not know that its
are with another one. So whoever is given a partition first takes its lease in the database,
under a new epoch, and every call begins by asking whether its epoch is still the present one
(`services.gateway.starts`). What the last holder had under way may have reached Kommo: under a new
epoch everything pending is read before it is sent.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import structlog

from services.errors import Unavailable
from services.kommo.starts import Lease
from services.log.kafka import partition_of
from services.storage.database import borrow

log = structlog.get_logger(__name__)

TABLES = """
CREATE TABLE IF NOT EXISTS gateway.leases (
    partition integer PRIMARY KEY,
    epoch bigint NOT NULL,
    holder text NOT NULL,
    taken_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
"""
# A holder that gets it back, and nobody had it in between, goes on under the same epoch.
TAKE = """
INSERT INTO gateway.leases AS held (partition, epoch, holder)
SELECT partition, 1, $2 FROM unnest($1::integer[]) AS wanted (partition) ORDER BY partition
ON CONFLICT (partition) DO UPDATE SET
    epoch = held.epoch + CASE WHEN held.holder = excluded.holder THEN 0 ELSE 1 END,
    holder = excluded.holder,
    taken_at = CASE WHEN held.holder = excluded.holder THEN held.taken_at ELSE now() END
RETURNING partition, epoch
"""
PAUSES_S = (0.1, 0.5, 1.0, 2.0, 5.0)


def _nobody() -> None:
    """Tell nobody."""


class AllOurs:
    """The leases of a gateway that has no other beside it, as in the embedded installation."""

    def owns(self, account_id: int) -> bool:
        """Whether the account is ours: it is."""
        del account_id
        return True

    def lease_of(self, account_id: int) -> Lease | None:
        """No lease: nobody else could act."""
        del account_id
        return None


@dataclass(slots=True)
class SharedLeases:
    """The leases of one of several gateways.

    Attributes:
        holder: Of this process alone; a restart is another holder.
        partitions: Of the installation.
        on_taken: Told that accounts have become ours.
    """

    pool: Any
    holder: str
    partitions: int
    on_taken: Callable[[], None] = _nobody
    _wanted: frozenset[int] = frozenset()
    _held: dict[int, int] = field(default_factory=dict)
    _news: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    def owns(self, account_id: int) -> bool:
        """Whether the account's partition is ours now, lease included."""
        return partition_of(account_id, self.partitions) in self._held

    def lease_of(self, account_id: int) -> Lease | None:
        """The lease of its partition; None when it is not ours."""
        partition = partition_of(account_id, self.partitions)
        epoch = self._held.get(partition)
        return None if epoch is None else Lease(partition=partition, epoch=epoch)

    def want(self, partitions: Iterable[int]) -> None:
        """Act for these partitions as soon as their leases are taken, and for no others."""
        self._wanted = frozenset(partitions)
        self._held = {each: epoch for each, epoch in self._held.items() if each in self._wanted}
        self._news.set()

    async def run(self) -> None:
        """Take what is wanted until cancelled; a database that is away is waited for."""
        failures = 0
        while True:
            await self._news.wait()
            self._news.clear()
            wanted = self._wanted
            try:
                taken = await self._take(sorted(wanted))
            except Unavailable as error:
                pause_s = PAUSES_S[min(failures, len(PAUSES_S) - 1)]
                failures += 1
                log.warning("leases_wait", reason=str(error), pause_s=pause_s)
                await asyncio.sleep(pause_s)
                self._news.set()
                continue
            failures = 0
            if wanted == self._wanted:  # else they were taken from us, or others were given
                self._held = taken
                log.info("leases_taken", partitions=sorted(taken))
                self.on_taken()

    async def _take(self, partitions: list[int]) -> dict[int, int]:
        if not partitions:
            return {}
        async with borrow(self.pool) as connection:
            return dict(await connection.fetch(TAKE, partitions, self.holder))
