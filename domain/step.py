"""One step of an account: the events that answer one message, each folded in at once."""

from dataclasses import dataclass, field
from datetime import datetime

from contracts.events import AllocationEvent
from domain.account import Account


@dataclass(slots=True)
class Step:
    """Collects events; later decisions of the same step see the effect of earlier ones.

    Attributes:
        now: The message's time, never before that of an earlier event (F64).
        has_room: Whether something happened that may let a waiting request be served.
    """

    account: Account
    message_id: str
    now: datetime
    events: list[AllocationEvent] = field(default_factory=list)
    has_room: bool = False

    def record(self, event: AllocationEvent) -> None:
        """Append the event and fold it into the account."""
        self.account.evolve(event)
        self.events.append(event)
