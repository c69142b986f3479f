"""Snapshots."""

from typing import Any

from services.storage.snapshots import Snapshot, SnapshotStore


def snapshot(version: int, *, revision: int = 1, state: bytes = b"{}") -> Snapshot:
    return Snapshot(account_id=1, version=version, revision=revision, digest=b"d", state=state)


async def test_F83_only_a_snapshot_of_this_revision_is_used(pool: Any) -> None:
    store = SnapshotStore(pool)
    for saved in (snapshot(10), snapshot(20), snapshot(30, revision=2)):
        await store.save(saved)

    assert await store.newest(1, [1]) == snapshot(20)
    assert await store.newest(1, [2]) == snapshot(30, revision=2)
    assert await store.newest(1, [1, 2]) == snapshot(30, revision=2)
    assert await store.newest(1, [3]) is None
    assert await store.newest(2, [1]) is None


async def test_an_old_decision_is_explained_from_the_snapshot_before_it(pool: Any) -> None:
    store = SnapshotStore(pool)
    for saved in (snapshot(10), snapshot(20)):
        await store.save(saved)

    assert await store.newest(1, [1], at_most_version=19) == snapshot(10)
    assert await store.newest(1, [1], at_most_version=20) == snapshot(20)
    assert await store.newest(1, [1], at_most_version=9) is None


async def test_a_snapshot_replaces_one_of_the_same_version(pool: Any) -> None:
    store = SnapshotStore(pool)
    await store.save(snapshot(10))
    await store.save(snapshot(10, revision=2, state=b"[]"))

    assert await store.newest(1, [2]) == snapshot(10, revision=2, state=b"[]")


async def test_pruning_keeps_the_newest_and_one_in_each_stretch(pool: Any) -> None:
    store = SnapshotStore(pool)
    for version in range(10, 200, 10):
        await store.save(snapshot(version))

    await store.prune(1, keep=2, every=100)

    rows = await pool.fetch("SELECT version FROM account_snapshots ORDER BY version")
    assert [row["version"] for row in rows] == [10, 100, 180, 190]
