"""An account's log, replayed from the database against its chain and its snapshots (I7, S23)."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

from domain import snapshot
from domain.state import Account
from services.application.access import note_access
from services.application.audit.replay import Fault, Faulty, Replay, StoredBytes, chain_fault
from services.application.installation import Installation
from services.application.past import state_at
from services.application.principal import Principal
from services.application.progress import Progress, untold
from services.shared.errors import Malformed
from services.storage.accounts import RegisteredAccount
from services.storage.chain import Broken, ChainStore, Head
from services.storage.snapshots import SnapshotStore

CHUNK = 2_000
PIECE = 200  # some 10 ms: others have their turn in between

Sink = Callable[[Sequence[StoredBytes]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """What came of an audit.

    Attributes:
        first: Version of the first event that was replayed.
        last: Of the last one that was to be; smaller than the first where there is none.
        events: How many are as they were.
        decisions: How many decisions among them came out again.
        snapshots: How many snapshots of the way have the digest of the state.
        digest: Of the state after the last one; empty if there is a fault.
        link: Of the last one, with which the chain ends; empty if there is a fault.
        fault: The first one.
    """

    account_id: int
    first: int
    last: int
    events: int
    decisions: int
    snapshots: int
    digest: str = ""
    link: str = ""
    fault: Fault | None = None


async def audit(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    *,
    first: int = 1,
    last: int | None = None,
    progress: Progress = untold,
) -> Audited:
    """Replay an account's events: chain, decisions, digests; up to the first that is not as it was.

    Args:
        installation: Where.
        account: Whose.
        principal: Who asks.
        first: Version of the first event; what was before is taken from a snapshot.
        last: Of the last one; None for all there are now.
        progress: Told how many of how many events are done.

    Raises:
        Refused: They may not look.
        services.shared.errors.Unavailable: The database does not answer.
    """
    principal.require("audit")
    await note_access(installation, account.account_id, principal, "audit")
    walk = Walk(installation, account.account_id, progress=progress)
    return await walk.go(first=first, last=last)


@dataclass(slots=True)
class Walk:
    """From one event of an account to another one, each replayed.

    Attributes:
        sink: Told of each piece that was as it should be.
    """

    installation: Installation
    account_id: int
    progress: Progress
    sink: Sink = lambda _piece: None
    replay: Replay = field(init=False)
    snapshots: int = 0

    async def go(self, *, first: int, last: int | None) -> Audited:
        """What came of it."""
        fault, digest, end = None, b"", last or 0
        try:
            head = await self._begin(first)
            end = head.version if last is None else min(last, head.version)
            await self._on_to(first, end)
            if end == head.version:
                self.replay.chain.end(head)
            digest = await _digest(self.replay.account)
        except Broken as broken:
            fault = chain_fault(broken)
        except Malformed as error:  # before the first one that was asked for
            fault = Fault(kind="unreadable", version=self.replay.account.version, found=str(error))
        except Faulty as faulty:
            fault = faulty.fault
        return Audited(
            account_id=self.account_id,
            first=first,
            last=end,
            events=self.replay.events,
            decisions=self.replay.decisions,
            snapshots=self.snapshots,
            digest=digest.hex(),
            link="" if fault else self.replay.chain.link.hex(),
            fault=fault,
        )

    async def _begin(self, first: int) -> Head:
        chains = ChainStore(self.installation.pool)
        account = Account(self.account_id)
        self.replay = Replay(account, await chains.behind(self.account_id, 0))
        head = await chains.head(self.account_id)
        if first > 1:
            account = await state_at(self.installation, self.account_id, first - 1)
            self.replay = Replay(account, await chains.behind(self.account_id, first - 1))
        return head

    async def _on_to(self, first: int, end: int) -> None:
        store = SnapshotStore(self.installation.pool)
        kept = await store.versions(self.account_id, snapshot.REVISION, after=first - 1, up_to=end)
        async for piece in self._pieces(end, frozenset(kept)):
            self.replay.take(piece)
            self.sink(piece)
            if self.replay.account.version in kept:
                await self._compare(store)
            self.progress(self.replay.events, end - first + 1)
        if self.replay.account.version < end:
            raise Broken(self.replay.account.version + 1, "event_missing")

    async def _pieces(
        self, end: int, stops: frozenset[int]
    ) -> AsyncIterator[Sequence[StoredBytes]]:
        """The next events up to the end, in pieces that end where there is a snapshot."""
        chains, events = ChainStore(self.installation.pool), self.installation.events
        while (after := self.replay.account.version) < end:
            limit = min(CHUNK, end - after)
            stored = await events.stored({self.account_id: after}, limit=limit)
            if not stored:
                return
            last = stored[-1].originator_version
            self.replay.chain.expect(await chains.links(self.account_id, after, last))
            piece: list[StoredBytes] = []
            for each in stored:
                piece.append(StoredBytes(each.originator_version, each.topic, each.state))
                if len(piece) == PIECE or piece[-1].version in stops:
                    yield piece
                    await asyncio.sleep(0)
                    piece = []
            if piece:
                yield piece

    async def _compare(self, store: SnapshotStore) -> None:
        """Hold the state against the snapshot of this version."""
        version = self.replay.account.version
        kept = await store.newest(self.account_id, [snapshot.REVISION], at_most_version=version)
        if kept is None or kept.version != version:  # it was dropped meanwhile
            return
        found = await _digest(self.replay.account)
        for recorded in (kept.digest, snapshot.digest_of(kept.state)):
            if recorded != found:
                raise Faulty(
                    Fault(
                        kind="digest", version=version, recorded=recorded.hex(), found=found.hex()
                    )
                )
        self.snapshots += 1


async def _digest(account: Account) -> bytes:
    """Of the state, with pauses for others."""
    written = bytearray()
    for part in snapshot.parts(account):
        written += part
        await asyncio.sleep(0)
    return snapshot.digest_of(bytes(written))
