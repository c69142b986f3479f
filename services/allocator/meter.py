"""What is counted of the allocator, by whoever wants to know."""

from typing import Protocol


class AllocatorMeter(Protocol):
    """Told what happens; returns at once and never raises."""

    def batch_decided(self, *, messages: int, events: int, took_s: float) -> None:
        """A batch was decided and stored."""
        ...

    def sources_stopped(self, count: int) -> None:
        """So many sources rest now because of what a person has to look at."""
        ...


class UnmeasuredAllocator:
    """Nobody wants to know."""

    def batch_decided(self, *, messages: int, events: int, took_s: float) -> None:
        """Forget it."""

    def sources_stopped(self, count: int) -> None:
        """Forget it."""


UNMEASURED = UnmeasuredAllocator()
