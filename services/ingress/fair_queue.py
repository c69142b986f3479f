"""Whose turn it is: deficit round robin over accounts, each in its own order.

However much one account has waiting, another one's next thing is in the next round (F70). Cost
is counted, not things: an account of large ones has as much of a round as one of small ones.

Source:
    Shreedhar and Varghese, Efficient Fair Queuing using Deficit Round Robin, 1995.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class _Lane(Generic[T]):
    """What waits of one account, with its costs, and what it saved up for something costly."""

    things: deque[tuple[T, int]] = field(default_factory=deque)
    credit: int = 0
    cost: int = 0


class FairQueue(Generic[T]):
    """Things that wait, by account."""

    def __init__(self, turn_cost: int) -> None:
        """`turn_cost`: what an account may have of a round; saved up while that is too little."""
        self._turn_cost = turn_cost
        self._lanes: dict[int, _Lane[T]] = {}  # in the order of their turns
        self._cost = 0

    def __bool__(self) -> bool:
        return bool(self._lanes)

    def __iter__(self) -> Iterator[T]:
        return (thing for lane in self._lanes.values() for thing, _ in lane.things)

    @property
    def cost(self) -> int:
        """Of all that waits."""
        return self._cost

    def cost_of(self, account_id: int) -> int:
        """Of what waits of one account."""
        lane = self._lanes.get(account_id)
        return 0 if lane is None else lane.cost

    @property
    def costliest(self) -> int:
        """The account that has most waiting; there must be one."""
        return max(self._lanes, key=lambda account_id: self._lanes[account_id].cost)

    def append(self, account_id: int, thing: T, cost: int) -> None:
        """Wait behind all others of the account."""
        lane = self._lanes.setdefault(account_id, _Lane())
        lane.things.append((thing, cost))
        self._count(lane, cost)

    def put_back(self, account_id: int, thing: T, cost: int) -> None:
        """Wait before all others of the account."""
        lane = self._lanes.setdefault(account_id, _Lane())
        lane.things.appendleft((thing, cost))
        self._count(lane, cost)

    def pop_last(self, account_id: int) -> T:
        """Give up the newest of an account."""
        lane = self._lanes[account_id]
        thing, cost = lane.things.pop()
        self._count(lane, -cost)
        if not lane.things:
            del self._lanes[account_id]
        return thing

    def take_round(self, cost_max: int) -> list[T]:
        """A turn of each account, as far as `cost_max` goes; nothing only if nothing waits."""
        taken: list[T] = []
        while self._lanes and not taken:
            left = cost_max
            for account_id in list(self._lanes):
                if left <= 0:
                    break
                left = self._turn(account_id, taken, left)
        return taken

    def _turn(self, account_id: int, taken: list[T], left: int) -> int:
        """Give the account its turn; what is left for others."""
        lane = self._lanes.pop(account_id)
        lane.credit += self._turn_cost
        while lane.things:
            thing, cost = lane.things[0]
            # The first may be larger than a whole round: it would never go otherwise.
            if cost > lane.credit or (cost > left and taken):
                break
            lane.things.popleft()
            taken.append(thing)
            lane.credit -= cost
            left -= cost
            self._count(lane, -cost)
        if lane.things:
            # What a full round did not leave room for is not saved up.
            lane.credit = min(lane.credit, max(self._turn_cost, lane.things[0][1]))
            self._lanes[account_id] = lane
        return left

    def _count(self, lane: _Lane[T], cost: int) -> None:
        lane.cost += cost
        self._cost += cost
