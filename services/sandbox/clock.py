"""The two clocks of a Kommo: the time of day that it stamps, and the time that only passes."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SandboxClock:
    """Where all times of a sandbox come from; the machine's clocks unless a test owns the time.

    Attributes:
        wall: Seconds since 1970.
        monotonic: Seconds since some instant; never steps back.
    """

    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic

    def second(self) -> int:
        """The whole second that a change is stamped with."""
        return int(self.wall())
