"""The starts of requests from our address: what Kommo counts, whoever of us sends them.

The limiter hands out turns evenly, but what is done between a turn and its request takes
uneven time, and other processes on the same machine call Kommo, too. So every start is noted
where all of them look, and none begins that would be one too many in any second.
"""

from collections import deque
from dataclasses import dataclass
from typing import Protocol

from services.kommo.timing import SystemTiming, Timing
from services.shared.errors import Unavailable

# A little more than Kommo's second, for what the network and a busy machine bunch up.
WINDOW_S = 1.15
# Who was told to wait is expected to ask again within that time.
ASKS_S = 0.25
# Who would be the next but for another one that waits asks again so soon.
YIELDS_S = 0.03


# A start that is one too many waits no longer than this; anything longer is a pause.
SHORT_WAIT_S = 2.0


def most_of(rate_per_s: float) -> int:
    """How many may begin within `WINDOW_S`: one more than an even pace would bring.

    So that a late start can be made up for.
    """
    return int(rate_per_s * WINDOW_S) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to call Kommo for the accounts of a partition, until somebody else takes it."""

    partition: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks for a start, so that callers take turns over all processes as they do in one.

    Attributes:
        caller: The account's address.
        is_urgent: Whether it goes before what is not.
    """

    caller: str
    is_urgent: bool = True


class LeaseLost(Unavailable):
    """Somebody else acts for the account now: nothing was sent, nor may be (F14)."""


class Starts(Protocol):
    """Where starts and pauses are noted."""

    async def take(
        self, most: int, lease: Lease | None = None, asker: Asker | None = None
    ) -> float:
        """Note a start if fewer than `most` began within `WINDOW_S`, and no pause is on.

        Whoever was told to wait counts as waiting for that time and `ASKS_S`, and goes before
        those who had a start since they had one.

        Args:
            most: The bound.
            lease: Under which the request is to begin; None where nobody else could take it.
            asker: Who takes turns with the others; None who asks for themselves alone.

        Returns:
            0 when it is noted and may begin; else for how many seconds none may.

        Raises:
            LeaseLost: The lease is not in force; nothing was noted.
            services.shared.errors.Unavailable: Nobody can tell now; nothing was noted.
        """
        ...

    async def pause(self, seconds: float) -> None:
        """Let nothing begin for so long, a restart of ours included.

        Raises:
            services.shared.errors.Unavailable: It was not noted.
        """
        ...


class OwnStarts:
    """The starts of one process; forgotten with it."""

    def __init__(self, timing: Timing | None = None) -> None:
        self._timing = timing or SystemTiming()
        self._begun: deque[float] = deque()
        self._closed_until = float("-inf")

    async def take(
        self, most: int, lease: Lease | None = None, asker: Asker | None = None
    ) -> float:
        """Note a start, or tell how long to wait; of leases one process knows nothing."""
        del lease, asker  # the limiter itself lets its callers take turns
        now = self._timing.monotonic()
        while self._begun and self._begun[0] <= now - WINDOW_S:
            self._begun.popleft()
        crowded_s = self._begun[-most] + WINDOW_S - now if len(self._begun) >= most else 0.0
        wait_s = max(crowded_s, self._closed_until - now)
        if wait_s > 0:
            return wait_s
        self._begun.append(now)
        return 0.0

    async def pause(self, seconds: float) -> None:
        """Let nothing begin for so long."""
        self._closed_until = max(self._closed_until, self._timing.monotonic() + seconds)
