"""One step of an account: the events that answer one message, each folded in at once."""

from dataclasses import dataclass, field
from datetime import datetime

from contracts.events import AllocationEvent, CommandRefused, RefusalCode
from domain.evolve import evolve
from domain.state import Account


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
        evolve(self.account, event)
        self.events.append(event)

    def refuse(self, command: str, reason: RefusalCode, **arguments: int | str) -> None:
        """Answer the message, a command, with no."""
        self.record(
            CommandRefused(
                message_id=self.message_id,
                command=command,
                reason=reason,
                arguments=arguments,
                at=self.now,
            )
        )
