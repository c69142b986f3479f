"""Leases: which gateway may call Kommo for an account, so that never two do (F14, F20).

The consumer group shares the partitions out, but a gateway that slept does not know that its
are with another one. So whoever is given a partition first takes its lease in the database,
under a new epoch, and every call begins by asking whether its epoch is still the present one
(`services.gateway.starts`). What the last holder had under way may have reached Kommo: under a new
epoch everything pending is read before it is sent.

A take that was slow may come after that of the next holder, and then nobody who acts has the lease.
So whoever has just taken leases takes them again a few times: under the same epoch, if they are
still theirs. Later they are taken again only when a call was refused for want of its lease, after a
pause each time: a gateway that is out of the group and cannot know has it back for no longer than
until its next one is asked for.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import asyncpg
import structlog

from services.kommo.starts import Lease
from services.log.kafka import partition_of
from services.shared.errors import Unavailable
from services.shared.ownership import ignore
from services.storage.database import borrow, mapping

log = structlog.get_logger(__name__)

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
TAKEN_AGAIN_AFTER_S = (5.0, 15.0, 60.0)


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

    def lost(self, lease: Lease) -> None:
        """Nobody could have taken it."""

    def want(self, partitions: Iterable[int]) -> None:
        """Go on acting for all: nobody shares them out."""

    async def run(self, on_taken: Callable[[], None]) -> None:
        """Take nothing until cancelled."""
        del on_taken
        await asyncio.Event().wait()


class LeaseTable(Protocol):
    """Where it stands which gateway acts for a partition."""

    async def take(self, partitions: Sequence[int], holder: str) -> dict[int, int]:
        """Make somebody the holder of all of them, and tell the epoch of each.

        Raises:
            services.shared.errors.Unavailable: It may have been done.
        """
        ...


@dataclass(frozen=True, slots=True)
class PostgresLeases:
    """The table `gateway.leases`."""

    pool: asyncpg.Pool

    async def take(self, partitions: Sequence[int], holder: str) -> dict[int, int]:
        """Make somebody the holder of all of them, and tell the epoch of each."""
        async with borrow(self.pool) as connection:
            return mapping(await connection.fetch(TAKE, partitions, holder))


@dataclass(slots=True)
class SharedLeases:
    """The leases of one of several gateways.

    Attributes:
        table: Where all of them look.
        holder: Of this process alone; a restart is another holder.
        partitions: Of the installation.
        again_after_s: The pauses after which what was taken is taken again.
    """

    table: LeaseTable
    holder: str
    partitions: int
    again_after_s: tuple[float, ...] = TAKEN_AGAIN_AFTER_S
    _wanted: frozenset[int] = frozenset()
    _held: dict[int, int] = field(default_factory=dict)
    _news: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    _lack: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

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
        self._lack.set()

    def lost(self, lease: Lease) -> None:
        """It was found with another gateway: act no more under it, and take it again later."""
        if self._held.get(lease.partition) == lease.epoch:
            del self._held[lease.partition]
            self._lack.set()
            log.warning("lease_lost", partition=lease.partition, epoch=lease.epoch)

    async def run(self, on_taken: Callable[[], None] = ignore) -> None:
        """Take what is wanted until cancelled; a database that is away is waited for.

        Args:
            on_taken: Told that accounts have become ours.
        """
        failures = again = 0
        while True:
            again = 0 if await self._hear(again) else again + 1
            wanted = self._wanted
            try:
                taken = await self._take(sorted(wanted))
            except Unavailable as error:
                pause_s = PAUSES_S[min(failures, len(PAUSES_S) - 1)]
                failures += 1
                log.warning("leases_wait", reason=str(error), pause_s=pause_s)
                await asyncio.sleep(pause_s)
                self._news.set()
                self._lack.set()
                continue
            failures = 0
            # Else they were taken from us, or others were given.
            if wanted == self._wanted and (not again or taken != self._held):
                self._held = taken
                log.info("leases_taken", partitions=sorted(taken))
                on_taken()

    async def _hear(self, again: int) -> bool:
        """Wait for news; False when it is time to take the same again, for the next time."""
        pauses = self.again_after_s
        if again >= len(pauses):
            await self._lack.wait()
        self._lack.clear()
        try:
            async with asyncio.timeout(pauses[min(again, len(pauses) - 1)]):
                await self._news.wait()
        except TimeoutError:
            return False
        self._news.clear()
        return True

    async def _take(self, partitions: list[int]) -> dict[int, int]:
        return await self.table.take(partitions, self.holder) if partitions else {}
