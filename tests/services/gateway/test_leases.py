"""Several gateways on one database: never two of them act for an account."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from contracts.inbound import ResponsibleSet
from services.gateway.connections import Connections
from services.gateway.leases import TAKEN_AGAIN_AFTER_S, PostgresLeases, SharedLeases
from services.gateway.pusher import Pusher
from services.gateway.settings import PushSettings
from services.gateway.starts import SharedStarts
from services.kommo.limiter import Limiter
from services.kommo.settings import LimiterSettings
from services.kommo.starts import Lease, LeaseLost
from services.log.kafka import partition_of
from services.sandbox.sample import ACCOUNT_ID
from tests.services.gateway.world import World, running, utc_now, world
from tests.support.waiting import more, until

PARTITIONS = 4
HOME = partition_of(ACCOUNT_ID, PARTITIONS)
ANA, BRUNO = 501, 502
WAITING = """
SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
WHERE datname = current_database() AND relation = 'gateway.leases'::regclass AND NOT granted
"""


@asynccontextmanager
async def holding(leases: SharedLeases, *partitions: int) -> AsyncIterator[SharedLeases]:
    """Leases that take what they want."""
    async with running(leases.run()):
        await take(leases, *partitions)
        yield leases


async def take(leases: SharedLeases, *partitions: int) -> None:
    leases.want(partitions)
    await until(lambda: set(partitions) == set(leases._held))


def shared(pool: Any, holder: str, *again_after_s: float) -> SharedLeases:
    table = PostgresLeases(pool)
    return SharedLeases(table, holder, PARTITIONS, again_after_s or TAKEN_AGAIN_AFTER_S)


async def test_F14_whoever_is_given_a_partition_takes_it_from_who_had_it(pool: Any) -> None:
    starts = SharedStarts(pool)
    async with holding(shared(pool, "a"), HOME) as a, holding(shared(pool, "b"), HOME) as b:
        before, after = a.lease_of(ACCOUNT_ID), b.lease_of(ACCOUNT_ID)

        assert (before, after) == (Lease(partition=HOME, epoch=1), Lease(partition=HOME, epoch=2))
        with pytest.raises(LeaseLost):
            await starts.take(7, before)
        assert await pool.fetchval("SELECT cardinality(starts) FROM gateway.addresses") == 0
        assert await starts.take(7, after) == 0


async def test_F20_a_partition_that_nobody_had_in_between_keeps_its_epoch(pool: Any) -> None:
    async with holding(shared(pool, "a"), HOME) as a:
        before = a.lease_of(ACCOUNT_ID)
        a.want(())
        assert (a.owns(ACCOUNT_ID), a.lease_of(ACCOUNT_ID)) == (False, None)
        await take(a, HOME)
        assert a.lease_of(ACCOUNT_ID) == before
        async with holding(shared(pool, "b"), HOME):
            pass
        await take(a, HOME, (HOME + 1) % PARTITIONS)
        assert a.lease_of(ACCOUNT_ID) == Lease(partition=HOME, epoch=3)


async def test_F20_what_was_taken_away_while_it_was_being_taken_is_not_ours(pool: Any) -> None:
    leases = shared(pool, "a")
    ours: list[bool] = []
    async with running(leases.run(lambda: ours.append(leases.owns(ACCOUNT_ID)))):
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("LOCK TABLE gateway.leases")
            leases.want([HOME])
            await until(lambda: connection.fetchval(WAITING))
            leases.want([])
        await until(lambda: bool(ours))

    assert await pool.fetchval("SELECT holder FROM gateway.leases") == "a"  # it was taken
    assert ours == [False]


async def test_F20_a_take_that_comes_late_leaves_no_partition_without_a_gateway(pool: Any) -> None:
    late, present = (
        shared(pool, "late"),
        SharedLeases(PostgresLeases(pool), "b", PARTITIONS, (0.05, 0.05)),
    )
    moved: list[Lease | None] = []
    async with running(present.run(lambda: moved.append(present.lease_of(ACCOUNT_ID)))):
        present.want([HOME])
        await until(lambda: len(moved) == 1)
        assert await late._take([HOME]) == {HOME: 2}  # it was given away meanwhile
        await until(lambda: len(moved) == 2)

    assert moved == [Lease(partition=HOME, epoch=1), Lease(partition=HOME, epoch=3)]


@dataclass
class Counted:
    """The table, and how often it was asked."""

    table: PostgresLeases
    asked: int = 0

    async def take(self, partitions: Sequence[int], holder: str) -> dict[int, int]:
        self.asked += 1
        return await self.table.take(partitions, holder)


async def test_F14_who_is_refused_for_want_of_a_lease_takes_it_again_however_late_it_is(
    pool: Any,
) -> None:
    table = Counted(PostgresLeases(pool))
    late, present = shared(pool, "late"), SharedLeases(table, "b", PARTITIONS, (0.05,))
    starts = SharedStarts(pool, present.lost)
    async with holding(present, HOME):
        await until(lambda: table.asked == 2)  # from now on it has no reason to
        await late._take([HOME])
        with pytest.raises(LeaseLost):
            await starts.take(7, present.lease_of(ACCOUNT_ID))
        assert not present.owns(ACCOUNT_ID)
        await until(lambda: present.owns(ACCOUNT_ID))

        assert await starts.take(7, present.lease_of(ACCOUNT_ID)) == 0


class Gateway:
    """A pusher under leases, before the world's Kommo."""

    def __init__(self, here: World, pool: Any, holder: str) -> None:
        self.leases = shared(pool, holder)
        limiter = Limiter(LimiterSettings(rate_per_s=100), here.timing, SharedStarts(pool))
        self.connections = Connections(here.accounts, limiter, leases=self.leases)
        self.pusher = Pusher(
            work=here.books,
            connections=self.connections,
            publisher=here.books,
            now=utc_now,
            random=lambda: 0.5,
            settings=PushSettings(fresh_s=3_000.0, settle_s=3_000.0),
            timing=here.timing,
        )

    @asynccontextmanager
    async def acting(self) -> AsyncIterator[None]:
        async with holding(self.leases, HOME):
            await self.connections.reload()
            async with running(self.pusher.run()):
                yield
            await self.connections.aclose()


async def test_F14_a_gateway_that_slept_through_a_take_over_sends_nothing(pool: Any) -> None:
    async with world(3) as here:
        sleeper, other = Gateway(here, pool, "a"), Gateway(here, pool, "b")
        async with sleeper.acting():
            await until(lambda: here.books.readings > 1)
            # It believes that the partition is its own: nobody could tell it.
            async with holding(other.leases, HOME):
                here.books.decide(here.lead_ids, ANA)
                await more(lambda: here.books.readings)

        assert sleeper.leases.owns(ACCOUNT_ID) is True
        assert here.requests() == []


async def test_F14_whoever_takes_over_reads_what_is_pending_before_it_sends(pool: Any) -> None:
    async with world(3) as here:
        first, second = Gateway(here, pool, "a"), Gateway(here, pool, "b")
        one, *others = here.lead_ids
        async with first.acting():
            await until(lambda: here.books.readings > 1)
        here.books.decide(here.lead_ids, ANA)
        here.person_takes([one], BRUNO)
        async with second.acting():
            await until(here.books.is_settled)

        assert here.requests()[0].method == "GET"
        assert sorted(here.patched_ids()) == others
        assert (here.owner(one), {here.owner(each) for each in others}) == (BRUNO, {ANA})


async def test_F20_after_a_revocation_nothing_begins_and_what_flies_may_land(pool: Any) -> None:
    async with world(60) as here:
        gateway = Gateway(here, pool, "a")
        async with gateway.acting():
            await until(lambda: here.books.readings > 1)
            here.books.decide(here.lead_ids, ANA)
            await until(lambda: here.requests("PATCH") != [])
            gateway.leases.want(())
            await asyncio.wait_for(gateway.pusher.let_go(), 60)
            sent = len(here.patched_ids())
            await more(lambda: here.books.readings)

        assert len(here.patched_ids()) == sent
        answered = {each.lead_id for each in here.books.bodies(ResponsibleSet)}
        assert answered == set(here.patched_ids())
