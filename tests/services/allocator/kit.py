"""An allocator on a real database, messages for it, and what it made of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from contracts.events import Recorded
from contracts.inbound import Inbound, InboundBody
from domain import snapshot
from services.allocator.accounts import Stores, load
from services.allocator.meter import UNMEASURED, AllocatorMeter
from services.allocator.run import CONSUMER, Allocator
from services.allocator.settings import AllocatorSettings
from services.log.port import Entry
from services.log.postgres import PostgresLogReader, PostgresLogWriter, source_of
from services.shared.codec import encode_inbound
from services.storage.dead_letters import DeadLetters, KeptLetter
from services.storage.events import EventStore
from services.storage.snapshots import Snapshot, SnapshotStore
from tests.domain.scenario import ANN, BOB, BOSS, CEM, DAN, NOON, dp, rule, rules, users
from tests.support.vault import VAULT, seal

ACCOUNT = 32_000_001


def at(number: int) -> datetime:
    return NOON + timedelta(seconds=number)


@dataclass(slots=True)
class Desk:
    """Publishes to the log of a database and reads back what became of it."""

    pool: Any
    numbers: dict[int, int] = field(default_factory=dict)

    @property
    def events(self) -> EventStore:
        return EventStore(self.pool)

    @property
    def stores(self) -> Stores:
        return Stores(self.events, SnapshotStore(self.pool))

    def allocator(
        self,
        *,
        stores: Stores | None = None,
        reader: Any = None,
        monotonic: Any = None,
        meter: AllocatorMeter = UNMEASURED,
        **settings: Any,
    ) -> Allocator:
        """One that does not wait for messages; a new one knows nothing, as after a crash."""
        return Allocator(
            reader or PostgresLogReader(self.pool, CONSUMER),
            stores or self.stores,
            AllocatorSettings(**{"batch_wait_ms": 1, "retry_pause_max_s": 0.01, **settings}),
            on_stored=lambda: None,
            seal=seal,
            meter=meter,
            **({"monotonic": monotonic} if monotonic else {}),
        )

    async def open(self, *account_ids: int) -> None:
        """Each account described, with a rule for Ann and Bob."""
        for account_id in account_ids or (ACCOUNT,):
            await self.tell(users(ANN, BOB, CEM, DAN, BOSS), rules(rule(ANN, BOB)), to=account_id)

    async def tell(self, *bodies: InboundBody, to: int = ACCOUNT) -> None:
        """Publish them as messages m1, m2, ... of the account, a second apart."""
        first = self.numbers.get(to, 0) + 1
        self.numbers[to] = first - 1 + len(bodies)
        await self.publish(
            to,
            [
                encode_inbound(
                    Inbound(account_id=to, message_id=f"m{number}", at=at(number), body=body)
                )
                for number, body in enumerate(bodies, first)
            ],
        )

    async def publish(self, account_id: int, values: Sequence[bytes]) -> None:
        entries = [Entry(account_id, value) for value in values]
        await PostgresLogWriter(self.pool).publish(entries)

    async def log(self, account_id: int = ACCOUNT) -> list[Recorded]:
        found: list[Recorded] = []
        while page := await self.events.stream(account_id, len(found)):
            found.extend(page)
        assert [recorded.version for recorded in found] == [*range(1, len(found) + 1)]
        return found

    async def position(self, account_id: int = ACCOUNT) -> int | None:
        return await self.events.position(CONSUMER, source_of(account_id))

    async def has_taken_in(self, account_id: int = ACCOUNT) -> bool:
        return await self.position(account_id) == self.numbers[account_id]

    async def letters(self) -> list[KeptLetter]:
        return sorted(await DeadLetters(self.pool, VAULT).page(limit=500), key=lambda kept: kept.id)

    async def digest(self, account_id: int = ACCOUNT) -> bytes:
        """Of the state after a replay of every event, snapshots left aside."""
        return snapshot.digest(await load(Stores(self.events, NO_SNAPSHOTS), account_id))


class _NoSnapshots:
    async def newest(self, *_: Any, **__: Any) -> Snapshot | None:
        return None


NO_SNAPSHOTS: Any = _NoSnapshots()


async def drain(allocator: Allocator) -> None:
    """Let it work until it finds nothing any more, and no snapshot is under way."""
    while await allocator.step():
        pass
    await allocator.snapshotter.finish()


def leads(count: int, first: int = 1) -> list[InboundBody]:
    return [dp(number) for number in range(first, first + count)]
