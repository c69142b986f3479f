"""What is on the disks: the log, the event store, everything that a crash leaves behind.

Plain objects that act at once and as a whole; `tests.simulation.twins` puts the network before
them. They hold encoded bytes, so that all that is read went through the real codecs.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from eventsourcing.persistence import StoredEvent

from contracts.events import LeadAssigned, Recorded
from services.log.port import Entry, Record
from services.shared.codec import decode_event, encode_event, originator_id
from services.storage.dead_letters import DeadLetter
from services.storage.events import (
    AlreadyRecorded,
    ConcurrentAppend,
    DecidedTwice,
    Moved,
    account_source,
)
from services.storage.snapshots import Snapshot
from services.storage.wakeup import INBOUND


@dataclass
class DurableLog:
    """One of the two logs.

    Attributes:
        partitions: How many sources there are; 0 for one per account.
        name: Of the log: its sources begin with it, and its readers are woken by it.
    """

    partitions: int = 0
    name: str = INBOUND
    sources: dict[str, list[Record]] = field(default_factory=lambda: defaultdict(list))

    def source_of(self, account_id: int) -> str:
        """Where the messages of an account are."""
        number = account_id % self.partitions if self.partitions else account_id
        return f"{self.name}/{number}"

    def publish(self, entries: Sequence[Entry]) -> None:
        """Append all."""
        for entry in entries:
            records = self.sources[self.source_of(entry.account_id)]
            records.append(Record(entry.account_id, len(records) + 1, entry.value))

    def after(self, source: str, position: int, limit: int) -> tuple[Record, ...]:
        """What comes next."""
        return tuple(self.sources[source][position : position + limit])

    def of_account(self, account_id: int) -> list[Record]:
        """All messages of an account."""
        records = self.sources[self.source_of(account_id)]
        return [record for record in records if record.account_id == account_id]


@dataclass
class DurableStore:
    """Events, positions, dead letters and snapshots: one database."""

    events: dict[int, list[Recorded]] = field(default_factory=lambda: defaultdict(list))
    encoded: dict[int, list[tuple[str, bytes]]] = field(default_factory=lambda: defaultdict(list))
    decisions: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    consumed: dict[tuple[str, str], int] = field(default_factory=dict)
    letters: list[DeadLetter] = field(default_factory=list)
    kept: set[tuple[str, int | None]] = field(default_factory=set)
    snapshots: dict[int, dict[int, Snapshot]] = field(default_factory=lambda: defaultdict(dict))

    def append(
        self,
        events: Sequence[Recorded],
        *,
        consumer: str,
        source: str,
        position: int,
        dead: Sequence[DeadLetter],
    ) -> None:
        """Everything or nothing, as `append_events_v2` does it."""
        if self.consumed.get((consumer, source), -1) >= position:
            raise AlreadyRecorded(f"position {position} of {source} is recorded already")
        heads: dict[int, int] = {}
        keys: set[tuple[int, str]] = set()
        for recorded in events:
            head = heads.get(recorded.account_id, self.head(recorded.account_id))
            if recorded.version != head + 1:
                raise ConcurrentAppend(f"account {recorded.account_id} is not at {head}")
            heads[recorded.account_id] = recorded.version
            if (key := decision_key(recorded)) is not None:
                if key in self.decisions[recorded.account_id] or (recorded.account_id, key) in keys:
                    raise DecidedTwice(f"{source} up to {position}: {key}")
                keys.add((recorded.account_id, key))
        for recorded in events:
            name, state = encode_event(recorded)
            self.encoded[recorded.account_id].append((name, state))
            self.events[recorded.account_id].append(
                decode_event(recorded.account_id, recorded.version, name, state)
            )
        for account_id, key in sorted(keys):
            self.decisions[account_id].add(key)
        self.consumed[consumer, source] = position
        self.keep(dead)

    def keep(self, letters: Sequence[DeadLetter]) -> None:
        """Store letters; one with a known place is there already."""
        for letter in letters:
            place = letter.source, letter.position
            if letter.position is None or place not in self.kept:
                self.kept.add(place)
                self.letters.append(letter)

    def stream(self, account_id: int, after: int, limit: int) -> list[Recorded]:
        """The next events."""
        return self.events[account_id][after : after + limit]

    def head(self, account_id: int) -> int:
        """The last version."""
        return len(self.events[account_id])

    def heads(self) -> dict[int, int]:
        """The last version of every account that has one, ids ascending."""
        return {
            account_id: len(self.events[account_id])
            for account_id in sorted(self.events)
            if self.events[account_id]
        }

    def moved(self, consumer: str, limit: int, after: int) -> list[Moved]:
        """Accounts whose events go beyond the consumer's position."""
        heads = self.heads()
        accounts = list(heads)
        found = []
        for account_id in accounts[bisect_right(accounts, after) :]:
            position = self.consumed.get((consumer, account_source(account_id)), 0)
            if heads[account_id] > position:
                found.append(Moved(account_id, heads[account_id], position))
        return found[:limit]

    def stored(self, after: Mapping[int, int], limit: int) -> list[StoredEvent]:
        """The next events of several accounts, as bytes."""
        return [
            StoredEvent(originator_id(account_id), version, *self.encoded[account_id][version - 1])
            for account_id in sorted(after)
            for version in range(
                after[account_id] + 1, min(after[account_id] + limit, self.head(account_id)) + 1
            )
        ]

    def advance(self, consumer: str, positions: Mapping[int, int]) -> None:
        """Note how far a consumer has come, never backwards."""
        for account_id, version in positions.items():
            key = consumer, account_source(account_id)
            self.consumed[key] = max(self.consumed.get(key, 0), version)

    def save(self, snapshot: Snapshot) -> None:
        """Store a snapshot."""
        self.snapshots[snapshot.account_id][snapshot.version] = snapshot

    def newest(
        self, account_id: int, revisions: Sequence[int], at_most: int | None
    ) -> Snapshot | None:
        """The latest snapshot of the revisions."""
        fitting = [
            version
            for version, snapshot in self.snapshots[account_id].items()
            if snapshot.revision in revisions and (at_most is None or version <= at_most)
        ]
        return self.snapshots[account_id][max(fitting)] if fitting else None

    def prune(self, account_id: int, keep: int, every: int) -> None:
        """Drop all but the newest, and the first in each so many versions."""
        versions = sorted(self.snapshots[account_id])
        firsts: dict[int, int] = {}
        for version in versions:
            firsts.setdefault(version // every, version)
        for version in versions[:-keep]:
            if version not in firsts.values():
                del self.snapshots[account_id][version]


def decision_key(recorded: Recorded) -> str | None:
    """What may be decided once only (I3)."""
    event = recorded.event
    return f"{event.request_id}/{event.attempt}" if isinstance(event, LeadAssigned) else None
