"""Who waits for a turn at the limiter, and who is next.

Urgent calls go before bulk: what brings a lead to its manager before what finds, follows and
tells. Among the urgent ones, and among the others, the callers take turns, whoever has waited
longest for one first, so nobody waits for all that another one wants (F70); a caller's own go by
priority, then by age.
"""

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import chain

from services.kommo.errors import Crowded


class Priority(IntEnum):
    """Who goes first; within a priority the earlier comes first."""

    PUSH = 0
    CHECK = 1
    LOOKUP = 2
    LINKED = 3
    UNKNOWN = 4
    SWEEP = 5

    @property
    def is_urgent(self) -> bool:
        """Whether a lead waits for it."""
        return self <= Priority.LOOKUP


@dataclass(slots=True, eq=False)
class Waiter:
    """A call that waits for its turn."""

    number: int
    caller: str
    priority: Priority
    nudge: asyncio.Event = field(default_factory=asyncio.Event)
    is_crowded_out: bool = False


class Queue:
    """All that wait, at most so many: who has the most waiting makes room for the others."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lines: defaultdict[str, dict[Priority, deque[Waiter]]] = defaultdict(dict)
        self._counts: Counter[str] = Counter()
        # The number of the turn that each had last; who never had one is before all others.
        self._had: dict[str, int] = {}

    def __len__(self) -> int:
        return self._counts.total()

    def add(self, waiter: Waiter) -> None:
        """Let one more wait.

        Raises:
            Crowded: Too many wait already, and nobody has more of them than this caller.
        """
        if len(self) >= self._most:
            self._make_room(waiter.caller)
        line = self._lines[waiter.caller].setdefault(waiter.priority, deque())
        line.append(waiter)
        self._counts[waiter.caller] += 1

    def remove(self, waiter: Waiter) -> None:
        """It waits no more; nothing happens if it does not anyway."""
        lines = self._lines.get(waiter.caller, {})
        line = lines.get(waiter.priority)
        if line is None or waiter not in line:
            return
        line.remove(waiter)
        self._counts[waiter.caller] -= 1
        if not line:
            del lines[waiter.priority]
        if not lines:
            del self._lines[waiter.caller]
            del self._counts[waiter.caller]

    def served(self, caller: str, turn: int) -> None:
        """The caller had that turn."""
        self._had[caller] = turn

    def forget(self, caller: str) -> None:
        """The caller does no more."""
        self._had.pop(caller, None)

    def head(self) -> Waiter | None:
        """Whose turn it is."""
        for is_urgent in (True, False):
            firsts = [
                first
                for lines in self._lines.values()
                if (first := min(self._firsts(lines), key=_urgency, default=None)) is not None
                and first.priority.is_urgent == is_urgent
            ]
            if firsts:
                return min(firsts, key=self._order)
        return None

    def longest(self) -> Waiter | None:
        """The call that waits longest of the caller who does."""
        firsts = (min(self._firsts(lines), key=_age) for lines in self._lines.values())
        return min(firsts, key=self._order, default=None)

    def first(self, order: Callable[[Waiter], tuple[float, int]]) -> Waiter | None:
        """The first one in another order."""
        waiters = (chain(*lines.values()) for lines in self._lines.values())
        return min(chain(*waiters), key=order, default=None)

    @staticmethod
    def _firsts(lines: dict[Priority, deque[Waiter]]) -> Iterator[Waiter]:
        return (line[0] for line in lines.values())

    def _order(self, waiter: Waiter) -> tuple[int, int]:
        return self._had.get(waiter.caller, -1), waiter.number

    def _make_room(self, caller: str) -> None:
        crowd, most = self._counts.most_common(1)[0]
        if most <= self._counts[caller] + 1:
            raise Crowded("too many calls wait for a turn")
        lines = self._lines[crowd]
        last = lines[max(lines)][-1]
        self.remove(last)
        last.is_crowded_out = True
        last.nudge.set()


def _urgency(waiter: Waiter) -> tuple[int, int]:
    return waiter.priority, waiter.number


def _age(waiter: Waiter) -> int:
    return waiter.number
