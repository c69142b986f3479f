"""States in memory: snapshots are a shortcut and never a source, and memory is bounded."""

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from eventsourcing.application import Application

from contracts.events import Recorded
from domain import snapshot
from domain.decide import decide
from domain.state import Account
from services.allocator.accounts import AccountStates, Stores, fold, load
from services.allocator.snapshots import Snapshotter
from services.shared.codec import decode_inbound, originator_id
from services.storage.events import EventStore
from services.storage.snapshots import Snapshot, SnapshotStore
from tests.domain.scenario import pause, resume
from tests.domain.test_snapshot import KEPT as OLDER
from tests.golden.replay import FOLDER, read
from tests.services.allocator.kit import ACCOUNT, Desk, drain, leads


class Reads:
    """The real event store; `after` notes behind which version each stream began."""

    def __init__(self, real: EventStore) -> None:
        self.real = real
        self.after: list[tuple[int, int]] = []

    async def stream(self, account_id: int, after: int = 0, limit: int = 1_000) -> list[Recorded]:
        self.after.append((account_id, after))
        return await self.real.stream(account_id, after, limit)


async def a_history(pool: Any, *, snapshot_every: int = 10_000) -> Desk:
    desk = Desk(pool)
    await desk.open()
    allocator = desk.allocator(snapshot_every=snapshot_every, batch_size_max=5)
    told = [*leads(40), pause(), *leads(10, first=41), resume(), *leads(10, first=20)]
    for start in range(0, len(told), 10):
        await desk.tell(*told[start : start + 10])
        await drain(allocator)  # the snapshot included: only one is taken at a time
    return desk


async def test_I7_the_state_in_memory_equals_a_replay_of_its_events(pool: Any) -> None:
    desk = Desk(pool)
    await desk.open()
    await desk.tell(*leads(30), pause(), *leads(5, first=31), resume())
    allocator = desk.allocator(batch_size_max=4)
    await drain(allocator)

    state = await allocator._accounts.get(ACCOUNT)

    assert snapshot.digest(state) == await desk.digest()
    assert state.version == len(await desk.log())


async def test_F83_snapshots_are_taken_as_the_account_grows_and_used_on_load(pool: Any) -> None:
    desk = await a_history(pool, snapshot_every=50)
    newest = await SnapshotStore(pool).newest(ACCOUNT, snapshot.READABLE)
    head = await desk.events.head(ACCOUNT)
    assert newest is not None
    assert head - 50 - 5 * 5 <= newest.version <= head
    reads: Any = Reads(desk.events)

    account = await load(Stores(reads, SnapshotStore(pool)), ACCOUNT)

    assert snapshot.digest(account) == await desk.digest()
    assert reads.after[0] == (ACCOUNT, newest.version)


async def test_no_snapshot_is_taken_before_its_time(pool: Any) -> None:
    await a_history(pool, snapshot_every=10_000)

    assert await SnapshotStore(pool).newest(ACCOUNT, snapshot.READABLE) is None


@pytest.mark.parametrize(
    "damage",
    [
        {"state": b""},
        {"state": b"{}"},
        {"state": b"\xff not JSON"},
        {"digest": b"\0" * 32},
        {"revision": snapshot.REVISION + 1},
        {"revision": snapshot.REVISION - 1},
    ],
    ids=str,
)
async def test_F83_an_unusable_snapshot_is_passed_over_for_a_full_replay(
    pool: Any, damage: dict[str, Any]
) -> None:
    desk = await a_history(pool, snapshot_every=50)
    store = SnapshotStore(pool)
    newest = await store.newest(ACCOUNT, snapshot.READABLE)
    assert newest is not None
    await pool.execute("DELETE FROM account_snapshots")
    await store.save(replace(newest, **damage))
    reads: Any = Reads(desk.events)

    account = await load(Stores(reads, store), ACCOUNT)

    assert snapshot.digest(account) == await desk.digest()
    assert reads.after[0] == (ACCOUNT, 0)


async def test_F83_a_snapshot_of_another_version_than_it_says_is_passed_over(pool: Any) -> None:
    desk = await a_history(pool, snapshot_every=50)
    store = SnapshotStore(pool)
    newest = await store.newest(ACCOUNT, snapshot.READABLE)
    assert newest is not None
    await store.save(replace(newest, version=newest.version + 3))

    account = await load(desk.stores, ACCOUNT)

    assert snapshot.digest(account) == await desk.digest()


async def test_F83_a_snapshot_of_the_revision_before_is_used_on_load(pool: Any) -> None:
    kept = OLDER[-1]
    golden = read(FOLDER / kept["release"] / f"{kept['story']}.jsonl")
    account_id = golden.head["account_id"]
    desk, store = Desk(pool), SnapshotStore(pool)
    recorded = [each for _, answer in golden.steps for each in answer]
    await desk.events.append(recorded, consumer="allocator", source="inbound/1", position=1)
    state = json.dumps(kept["state"], sort_keys=True, separators=(",", ":")).encode()
    older = Snapshot(
        account_id=account_id,
        version=kept["version"],
        revision=kept["revision"],
        digest=bytes.fromhex(kept["digest"]),
        state=state,
    )
    await store.save(older)
    reads: Any = Reads(desk.events)

    account = await load(Stores(reads, store), account_id)

    assert snapshot.digest(account) == await desk.digest(account_id)
    assert reads.after[0] == (account_id, older.version)

    await store.save(replace(older, state=state.replace(b"[", b" [", 1)))
    reads.after.clear()
    await load(Stores(reads, store), account_id)

    assert reads.after[0] == (account_id, 0), "its bytes are not those of its digest"


async def test_F83_decisions_after_a_bad_snapshot_are_those_of_a_replay(pool: Any) -> None:
    desk = await a_history(pool, snapshot_every=50)
    await pool.execute("UPDATE account_snapshots SET state = 'x'")
    await desk.tell(*leads(5, first=100))

    await drain(desk.allocator())

    replayed = Account(ACCOUNT)
    log = await desk.log()
    fold(replayed, log)
    assert snapshot.digest(replayed) == await desk.digest()
    assert [r.cause for r in log[-1:]] == [f"m{desk.numbers[ACCOUNT]}"]


async def test_F74_only_so_many_accounts_are_held_the_least_recently_used_go(pool: Any) -> None:
    account_ids = [1, 2, 3, 4]
    desk = Desk(pool)
    await desk.open(*account_ids)
    allocator = desk.allocator(accounts_cached_max=2)
    await drain(allocator)

    for round_ in range(1, 4):
        for account_id in account_ids:
            await desk.tell(*leads(2, first=round_ * 10), to=account_id)
        await drain(allocator)
        held = [account_id for account_id in account_ids if account_id in allocator._accounts]
        assert len(held) == 2

    for account_id in account_ids:
        state = await allocator._accounts.get(account_id)
        assert snapshot.digest(state) == await desk.digest(account_id)


async def test_F74_a_state_in_use_is_not_read_again(pool: Any) -> None:
    desk = Desk(pool)
    await desk.open(1, 2, 3)
    await drain(desk.allocator())
    reads: Any = Reads(desk.events)
    store = SnapshotStore(pool)
    accounts = AccountStates(
        Stores(reads, store),
        Snapshotter(store),
        cached_max=2,
        snapshot_every=1_000,
        snapshot_evicted_every=1_000,
    )
    for account_id in (1, 2, 1, 3, 1):
        await accounts.get(account_id)
        accounts.settle([account_id])
    assert [account_id for account_id, after in reads.after if after == 0] == [1, 2, 3]

    await accounts.get(2)

    assert [account_id for account_id, after in reads.after if after == 0] == [1, 2, 3, 2]


async def test_F74_what_leaves_the_memory_is_not_read_from_its_first_event_again(pool: Any) -> None:
    desk = Desk(pool)
    await desk.open(1, 2)
    await desk.tell(*leads(20), to=1)
    await drain(desk.allocator())
    reads: Any = Reads(desk.events)
    snapshotter = Snapshotter(SnapshotStore(pool))
    accounts = AccountStates(
        Stores(reads, SnapshotStore(pool)),
        snapshotter,
        cached_max=1,
        snapshot_every=1_000,
        snapshot_evicted_every=10,
    )
    for account_id in (1, 2):
        await accounts.get(account_id)
        accounts.settle([account_id])
    await snapshotter.finish()
    reads.after.clear()

    again = await accounts.get(1)

    assert reads.after == [(1, again.version)]
    assert snapshot.digest(again) == await desk.digest(1)


async def test_events_with_a_gap_are_never_folded(pool: Any) -> None:
    desk = await a_history(pool)
    log = await desk.log()
    account = Account(ACCOUNT)
    fold(account, log[:3])

    with pytest.raises(ValueError, match=r"event 5 after 3"):
        fold(account, log[4:])


class Library(Application[str]):
    """The same aggregate on the library alone: its recorder, event store and repository."""

    env: ClassVar[dict[str, str]] = {"MAPPER_TOPIC": "services.shared.codec:RecordedMapper"}


def project(account: Account | None, recorded: Iterable[Any]) -> Account | None:
    """The projector function that the library's repository asks for."""
    for event in recorded:
        account = account or Account(event.account_id)
        fold(account, [event])
    return account


async def test_I7_the_librarys_own_application_folds_the_same_events_to_the_same_state(
    pool: Any,
) -> None:
    desk = await a_history(pool, snapshot_every=50)
    library = Library()
    library.events.put(await desk.log())

    account: Any = library.repository.get(originator_id(ACCOUNT), projector_func=project)
    past: Any = library.repository.get(originator_id(ACCOUNT), version=10, projector_func=project)

    assert snapshot.digest(account) == await desk.digest()
    assert (account.version, past.version) == (await desk.events.head(ACCOUNT), 10)


async def test_I7_a_decision_taken_on_the_librarys_state_is_the_allocators(pool: Any) -> None:
    desk = Desk(pool)
    await desk.open()
    await desk.tell(*leads(20))
    await drain(desk.allocator())
    library = Library()
    library.events.put(before := await desk.log())
    account: Any = library.repository.get(originator_id(ACCOUNT), projector_func=project)
    await desk.tell(*leads(1, first=21))
    (batch,) = await desk.allocator()._reader.read(limit=10, wait_s=0)

    own = decide(account, decode_inbound(batch.records[0].value))
    await drain(desk.allocator())

    assert [r.event for r in (await desk.log())[len(before) :]] == list(own)
