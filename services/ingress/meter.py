"""What is counted of ingress, by whoever wants to know."""

from typing import Protocol


class SpoolState(Protocol):
    """How full the spool is now."""

    @property
    def rows(self) -> int:
        """Messages and letters that wait."""
        ...

    @property
    def size(self) -> int:
        """Their bytes."""
        ...

    @property
    def percent(self) -> int:
        """Of the nearer of its bounds."""
        ...

    @property
    def can_take(self) -> bool:
        """Whether the next item is likely to be kept."""
        ...


class IngressMeter(Protocol):
    """Told what happens; returns at once and never raises."""

    def webhook_answered(self, answer: str) -> None:
        """A POST got this status, or `none`: the sender hung up before."""
        ...

    def raw_bodies_lost(self, count: int) -> None:
        """So many bodies that were understood are not kept."""
        ...

    def spool_opened(self, spool: SpoolState) -> None:
        """This one is in use from now on."""
        ...


class UnmeasuredIngress:
    """Nobody wants to know."""

    def webhook_answered(self, answer: str) -> None:
        """Forget it."""

    def raw_bodies_lost(self, count: int) -> None:
        """Forget it."""

    def spool_opened(self, spool: SpoolState) -> None:
        """Forget it."""


UNMEASURED = UnmeasuredIngress()
