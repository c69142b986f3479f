"""The gateways of an installation share the accounts out, as a consumer group of Kafka does.

What it shares out is told late, and not at all to whoever sleeps or is cut off: after a session
they are out, and go on as if nothing had happened until they hear of it (F14, F20). What is between
them and the others are leases, which the database gives to whoever asks last.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from services.gateway.leases import SharedLeases
from services.kommo.starts import Lease
from tests.simulation.faults import Faults
from tests.simulation.loop import Process
from tests.simulation.peers import Peer

# A frozen member is out after so long, and no rebalance waits longer for anybody.
SESSION_S = 45.0
HEARTBEAT_S = 3.0


@dataclass
class LeaseRows:
    """The table `gateway.leases`: partition to holder and epoch."""

    held: dict[int, tuple[str, int]] = field(default_factory=dict)

    def take(self, partitions: Iterable[int], holder: str) -> dict[int, int]:
        """As `services.gateway.leases.TAKE`."""
        for each in partitions:
            before, epoch = self.held.get(each, (holder, 1))
            self.held[each] = (holder, epoch + (before != holder))
        return {each: self.held[each][1] for each in partitions}

    def is_in_force(self, lease: Lease) -> bool:
        """Whether nobody has taken it since."""
        return self.held[lease.partition][1] == lease.epoch


@dataclass(frozen=True)
class LeasesTwin:
    """`services.gateway.leases.LeaseTable`, over the network."""

    peer: Peer
    rows: LeaseRows

    async def take(self, partitions: Sequence[int], holder: str) -> dict[int, int]:
        """Make somebody the holder."""
        taken: dict[int, int] = await self.peer.call(lambda: self.rows.take(partitions, holder))
        return taken


@dataclass(eq=False)
class Member:
    """One gateway in the group.

    Attributes:
        let_go: Ends what is under way for accounts that are its own no more.
        generation: The last one it takes part in.
        is_cut_off: Nothing comes from the group, nor gets there.
        untold: What waits for that to end.
    """

    process: Process
    leases: SharedLeases
    let_go: Callable[[], Awaitable[None]]
    generation: int = 0
    is_cut_off: bool = False
    untold: list[Callable[[], object]] = field(default_factory=list)


class Group:
    """The coordinator; it runs where the servers run, and its members hear of it in time."""

    def __init__(self, servers: Process, partitions: int, random: Random, faults: Faults) -> None:
        self.partitions = partitions
        self._servers = servers
        self._loop = servers.loop
        self._random = random
        self._faults = faults
        self._members: list[Member] = []
        self._everybody: list[Member] = []
        self._joined: list[Member] = []
        self._generation = 0

    def join(self, member: Member) -> None:
        """Take part, as long as its process lives and wakes often enough."""
        process = member.process
        self._everybody.append(member)
        process.on_death.append(lambda: self._later(SESSION_S, self._expel, member))
        process.on_freeze.append(lambda: self._later(SESSION_S, self._expel_if_silent, member))
        process.on_thaw.append(lambda: self._tell(member, self._wake, member))
        self._ask_in(member)

    def cut_off(self, process: Process) -> None:
        """Let nothing pass between a member and the group."""
        for member in self._everybody:
            if member.process is process:
                member.is_cut_off = True
                self._later(SESSION_S, self._expel_if_silent, member)

    def let_through(self) -> None:
        """Let everything pass again, first what waited."""
        for member in self._everybody:
            if member.is_cut_off:
                member.is_cut_off = False
                untold, member.untold = member.untold, []
                for tell in untold:
                    tell()
                self._tell(member, self._wake, member)

    def _ask_in(self, member: Member) -> None:
        is_heard = member.process.is_alive and not member.is_cut_off
        if member not in self._members and is_heard:
            self._members.append(member)
            self._rebalance()

    def _expel_if_silent(self, member: Member) -> None:
        if member.process.is_frozen or member.is_cut_off:
            self._expel(member)

    def _expel(self, member: Member) -> None:
        if member in self._members:
            self._members.remove(member)
            self._rebalance()

    def _rebalance(self) -> None:
        self._generation += 1
        self._joined = []
        for member in self._members:
            self._tell(member, self._rejoin, member, self._generation)
        self._later(SESSION_S, self._share_out, self._generation)

    def _share_out(self, generation: int) -> None:
        """Once all have come, or the time for it is over: who did not come is out."""
        if generation != self._generation or not self._joined:
            return
        self._members = list(self._joined)
        self._generation += 1
        for place, member in enumerate(self._members):
            share = range(place, self.partitions, len(self._members))
            self._tell(member, self._assign, member, generation, share)

    # In the process of the member.

    def _assign(self, member: Member, generation: int, share: Sequence[int]) -> None:
        if member.generation == generation:
            member.leases.want(share)

    def _wake(self, member: Member) -> None:
        """It beats again, and is told when it is out."""
        if member not in self._members:
            self._faults.note("gateway.expelled")
            member.process.spawn(self._leave(member))

    async def _leave(self, member: Member) -> None:
        member.generation = 0
        member.leases.want(())
        await member.let_go()
        self._later(0.0, self._ask_in, member)

    def _rejoin(self, member: Member, generation: int) -> None:
        """Answers come in their order: what a later one overtook is not for it any more."""
        if generation > member.generation:
            member.generation = generation
            member.process.spawn(self._let_go_and_join(member, generation))

    async def _let_go_and_join(self, member: Member, generation: int) -> None:
        member.leases.want(())
        await member.let_go()
        self._later(0.0, self._came, member, generation)

    # Where the servers are.

    def _came(self, member: Member, generation: int) -> None:
        if member.is_cut_off:
            return
        if generation == self._generation and member in self._members:
            self._joined.append(member)
            if len(self._joined) == len(self._members):
                self._share_out(generation)

    def _later(self, seconds: float, act: Callable[..., object], *told: Any) -> None:
        way_s = 0.01 * self._random.random()
        self._loop.call_later(seconds + way_s, act, *told, context=self._servers.context)

    def _tell(self, member: Member, act: Callable[..., object], *told: Any) -> None:
        if member.is_cut_off:
            member.untold.append(lambda: self._tell(member, act, *told))
            return
        way_s = HEARTBEAT_S * self._random.random()
        self._loop.call_later(way_s, act, *told, context=member.process.context)
