"""The way of one message through the roles, told to whoever collects traces.

    ingress.receive -> allocator.decide -> gateway.patch

Nothing is carried along: the ids of a trace and of its steps follow from the id of the message
that began it, which every event keeps as its cause. So the stored shapes stay as they are, and
the steps find together in whatever process and order they happen. A message that comes twice
tells its steps twice, under the same ids.
"""

import time
from typing import Literal, Protocol

from contracts.inbound import (
    InboundBody,
    LeadRemoved,
    LeadReported,
    TouchReported,
    TriggerFired,
)

Step = Literal["ingress.receive", "allocator.decide", "gateway.patch"]

now_ns = time.time_ns


class Traces(Protocol):
    """Told of steps that are over; returns at once and never raises."""

    @property
    def is_on(self) -> bool:
        """Whether anybody collects them; what only traces need is not looked up otherwise."""
        ...

    def tell(
        self,
        step: Step,
        cause: str,
        *,
        after: Step | None,
        began_ns: int,
        ended_ns: int | None = None,
        key: int = 0,
        **facts: int,
    ) -> None:
        """A step that began then is over.

        Args:
            step: Which.
            cause: Id of the message that began it all.
            after: The step before, under the same cause.
            began_ns: By the wall clock.
            ended_ns: The same; None for just now.
            key: Tells apart steps of the same name and cause.
            facts: Numbers and ids; nothing personal, no secrets (I12).
        """
        ...


class Untraced:
    """Nobody collects traces."""

    is_on = False

    def tell(
        self,
        step: Step,
        cause: str,
        *,
        after: Step | None,
        began_ns: int,
        ended_ns: int | None = None,
        key: int = 0,
        **facts: int,
    ) -> None:
        """Forget it."""


UNTRACED = Untraced()


def comes_by_webhook(body: InboundBody) -> bool:
    """Whether ingress tells the first step of such a message."""
    return isinstance(body, TriggerFired | LeadReported | LeadRemoved | TouchReported)
