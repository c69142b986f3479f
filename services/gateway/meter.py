"""What is counted of the gateway, by whoever wants to know."""

from collections.abc import Mapping
from typing import Protocol


class LimiterState(Protocol):
    """How the limiter of our address stands now."""

    @property
    def waiting(self) -> int:
        """How many calls wait for a turn."""
        ...

    @property
    def closed_s(self) -> float:
        """For how many seconds no call starts."""
        ...

    @property
    def is_blocked(self) -> bool:
        """Whether Kommo refuses our address altogether."""
        ...


class PusherState(Protocol):
    """How the pushes stand now."""

    @property
    def stopped(self) -> Mapping[int, int]:
        """Accounts that do not let us in, and the status they answer."""
        ...


class GatewayMeter(Protocol):
    """Told what happens; returns at once and never raises."""

    def kommo_called(self, method: str, outcome: str) -> None:
        """A request was sent, and how it ended (`services.kommo.errors`)."""
        ...

    def sweep_called(self, kind: str, requests: int) -> None:
        """A sweep of this kind sent so many requests."""
        ...

    def gateway_built(self, limiter: LimiterState, pusher: PusherState) -> None:
        """These are in use from now on."""
        ...

    def webhook_sent(self, outcome: str) -> None:
        """A webhook was `delivered`, or why not (`services.outgoing.post.Failure`)."""
        ...


class UnmeasuredGateway:
    """Nobody wants to know."""

    def kommo_called(self, method: str, outcome: str) -> None:
        """Forget it."""

    def sweep_called(self, kind: str, requests: int) -> None:
        """Forget it."""

    def gateway_built(self, limiter: LimiterState, pusher: PusherState) -> None:
        """Forget it."""

    def webhook_sent(self, outcome: str) -> None:
        """Forget it."""


UNMEASURED = UnmeasuredGateway()
