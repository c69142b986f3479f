"""The accounts an allocator holds in memory, loaded from the event store when first needed."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from contracts.events import Recorded
from domain import snapshot
from domain.evolve import evolve
from domain.state import Account
from services.allocator.snapshots import Snapshotter
from services.storage.events import EventStore
from services.storage.snapshots import SnapshotStore

log = structlog.get_logger(__name__)

STREAM_CHUNK = 2_000


@dataclass(frozen=True, slots=True)
class Stores:
    """Where accounts come from: their events, and snapshots that save reading them all."""

    events: EventStore
    snapshots: SnapshotStore


async def load(stores: Stores, account_id: int, *, up_to: int | None = None) -> Account:
    """The account after all its events, or after one: newest usable snapshot, then the tail.

    A snapshot that cannot be read is passed over: the log alone always suffices (F83).
    """
    account = await _from_snapshot(stores.snapshots, account_id, up_to)
    await catch_up(account, stores.events, up_to)
    return account


def fold(account: Account, recorded: Sequence[Recorded]) -> None:
    """Fold consecutive events into the account.

    Raises:
        ValueError: The first event is not the next one.
    """
    for event in recorded:
        if event.version != account.version + 1:
            text = f"account {account.account_id}: event {event.version} after {account.version}"
            raise ValueError(text)
        evolve(account, event.event)


async def catch_up(account: Account, events: EventStore, up_to: int | None = None) -> None:
    """Fold in what the store has beyond the account, or only up to a version.

    Raises:
        services.shared.errors.Unavailable: The database does not answer; the account is as far as
            it got.
    """
    limit = STREAM_CHUNK
    while up_to is None or account.version < up_to:
        if up_to is not None:
            limit = min(STREAM_CHUNK, up_to - account.version)
        recorded = await events.stream(account.account_id, account.version, limit)
        fold(account, recorded)
        if len(recorded) < limit:
            return


async def _from_snapshot(
    snapshots: SnapshotStore, account_id: int, up_to: int | None = None
) -> Account:
    """The account after its newest usable snapshot; as it began where there is none."""
    found = await snapshots.newest(account_id, snapshot.READABLE, at_most_version=up_to)
    if found is None:
        return Account(account_id)
    if snapshot.digest_of(found.state) != found.digest:
        log.error("snapshot_digest_differs", account_id=account_id, version=found.version)
        return Account(account_id)
    try:
        account = snapshot.load(found.state, found.revision)
    except Exception:
        log.exception("snapshot_unreadable", account_id=account_id, version=found.version)
        return Account(account_id)
    if account.version != found.version:
        log.error("snapshot_of_another_version", account_id=account_id, version=found.version)
        return Account(account_id)
    return account


class AccountStates:
    """A bounded cache of account states; the one writer of each account asks here."""

    def __init__(
        self,
        stores: Stores,
        snapshotter: Snapshotter,
        *,
        cached_max: int,
        snapshot_every: int,
        snapshot_evicted_every: int,
    ) -> None:
        self._stores = stores
        self._snapshotter = snapshotter
        self._cached_max = cached_max
        self._snapshot_every = snapshot_every
        self._snapshot_evicted_every = snapshot_evicted_every
        self._cached: OrderedDict[int, Account] = OrderedDict()
        self._snapshot_versions: dict[int, int] = {}

    def __contains__(self, account_id: int) -> bool:
        """Whether `get` answers from memory."""
        return account_id in self._cached

    async def get(self, account_id: int) -> Account:
        """The account's present state; whoever advances it must store the events or `drop` it."""
        account = self._cached.get(account_id)
        if account is None:
            account = await _from_snapshot(self._stores.snapshots, account_id)
            snapshot_version = account.version
            await catch_up(account, self._stores.events)
            self._cached[account_id] = account
            self._snapshot_versions[account_id] = snapshot_version
        self._cached.move_to_end(account_id)
        return account

    def drop(self, account_ids: Sequence[int]) -> None:
        """Forget states that may have moved beyond what is stored."""
        for account_id in account_ids:
            self._cached.pop(account_id, None)
            self._snapshot_versions.pop(account_id, None)

    def forget(self) -> None:
        """Forget all states: another writer is at work, and may have moved any of them on."""
        self._cached.clear()
        self._snapshot_versions.clear()

    def settle(self, account_ids: Sequence[int]) -> None:
        """After a commit: snapshot what has grown, and give back memory beyond the bound."""
        for account_id in account_ids:
            account = self._cached[account_id]
            # A large state takes long to write out: two leads for each event, whatever its size.
            # The events since then are read in about the time that the snapshot itself takes.
            every = max(self._snapshot_every, len(account.leads) // 2)
            is_due = account.version - self._snapshot_versions[account_id] >= every
            if is_due and self._snapshotter.begin(account):
                self._snapshot_versions[account_id] = account.version
        while len(self._cached) > self._cached_max:
            account_id, account = self._cached.popitem(last=False)
            grown = account.version - self._snapshot_versions.pop(account_id)
            if grown >= self._snapshot_evicted_every:
                # It is read again at its next message: that shall not be all of its history.
                self._snapshotter.begin(account)
