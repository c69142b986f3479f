"""Snapshots are taken beside the decisions: neither their length nor their failure stops any."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from domain import snapshot
from services.allocator.accounts import Stores
from services.allocator.snapshots import Snapshotter
from services.shared.errors import Unavailable
from services.storage.snapshots import Snapshot, SnapshotStore
from tests.services.allocator.kit import ACCOUNT, Desk, drain, leads


@dataclass
class Held:
    """The real store, which stores nothing before it is let; `trouble` comes instead."""

    real: SnapshotStore
    trouble: Exception | None = None
    let: asyncio.Event = field(default_factory=asyncio.Event)
    begun: list[int] = field(default_factory=list)
    is_asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def newest(
        self, account_id: int, revisions: Sequence[int], *, at_most_version: int | None = None
    ) -> Snapshot | None:
        return await self.real.newest(account_id, revisions, at_most_version=at_most_version)

    async def save(self, taken: Snapshot) -> None:
        self.begun.append(taken.version)
        self.is_asked.set()
        await self.let.wait()
        if self.trouble is not None:
            raise self.trouble
        await self.real.save(taken)

    async def prune(self, account_id: int) -> None:
        await self.real.prune(account_id)


async def desk_with_leads(pool: Any, count: int) -> Desk:
    desk = Desk(pool)
    await desk.open()
    await desk.tell(*leads(count))
    return desk


async def newest(pool: Any) -> Snapshot | None:
    return await SnapshotStore(pool).newest(ACCOUNT, snapshot.READABLE)


async def test_F73_decisions_go_on_while_a_snapshot_is_stored(pool: Any) -> None:
    desk = await desk_with_leads(pool, 30)
    store: Any = Held(SnapshotStore(pool))
    allocator = desk.allocator(
        stores=Stores(desk.events, store), batch_size_max=5, snapshot_every=10
    )
    while await allocator.step():
        pass

    assert await desk.has_taken_in()
    assert len(store.begun) == 1  # one at a time
    assert await newest(pool) is None

    store.let.set()
    await allocator.snapshotter.finish()
    kept = await newest(pool)
    assert kept is not None
    assert kept.version == store.begun[0] < await desk.events.head(ACCOUNT)


async def test_F37_a_snapshot_that_cannot_be_stored_is_given_up_and_decisions_go_on(
    pool: Any,
) -> None:
    desk = await desk_with_leads(pool, 30)
    store: Any = Held(SnapshotStore(pool), Unavailable("gone"))
    store.let.set()
    allocator = desk.allocator(
        stores=Stores(desk.events, store), batch_size_max=5, snapshot_every=10
    )
    await drain(allocator)
    assert len(store.begun) > 1
    assert await desk.has_taken_in()

    store.trouble = None
    await desk.tell(*leads(10, first=31))
    await drain(allocator)
    assert await newest(pool) is not None


async def test_F33_a_snapshot_that_trips_over_a_bug_is_not_passed_over_in_silence(
    pool: Any,
) -> None:
    desk = await desk_with_leads(pool, 30)
    store: Any = Held(SnapshotStore(pool), RuntimeError("a bug"))
    store.let.set()
    allocator = desk.allocator(
        stores=Stores(desk.events, store), batch_size_max=5, snapshot_every=10
    )

    with pytest.raises(RuntimeError, match="a bug"):
        await drain(allocator)


async def test_stopping_gives_up_the_snapshot_that_is_being_taken(pool: Any) -> None:
    desk = await desk_with_leads(pool, 30)
    store: Any = Held(SnapshotStore(pool))
    allocator = desk.allocator(stores=Stores(desk.events, store), snapshot_every=10)
    running = asyncio.create_task(allocator.run())
    async with asyncio.timeout(60):
        await store.is_asked.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert [task.get_name() for task in asyncio.all_tasks() if task.get_name() == "snapshot"] == []
    assert await newest(pool) is None
    await drain(desk.allocator(snapshot_every=10))  # nothing new, nothing broken
    assert await desk.has_taken_in()


async def test_F73_events_since_the_last_snapshot_are_counted_over_restarts(pool: Any) -> None:
    desk = await desk_with_leads(pool, 1)
    for round_ in range(1, 5):  # each allocator alone stores too few for a snapshot
        await desk.tell(*leads(5, first=10 * round_))
        await drain(desk.allocator(snapshot_every=30))

    kept = await newest(pool)
    assert kept is not None
    assert kept.version >= 30


async def test_a_snapshotter_that_was_stopped_can_begin_again(pool: Any) -> None:
    desk = await desk_with_leads(pool, 1)
    allocator = desk.allocator()
    await drain(allocator)
    account = await allocator._accounts.get(ACCOUNT)
    store: Any = Held(SnapshotStore(pool))
    snapshotter = Snapshotter(store)

    assert snapshotter.begin(account)
    assert not snapshotter.begin(account)
    await snapshotter.stop()
    store.let.set()
    assert snapshotter.begin(account)
    await snapshotter.finish()

    kept = await newest(pool)
    assert kept is not None
    assert kept.state == snapshot.dump(account)
