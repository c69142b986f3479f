"""What strangers are told of an event: its name, its place, and ids, never a person (A8.1)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contracts.events import Recorded
from services.shared.codec import EVENT_NAMES

# Fields of events that name things of Kommo, of the rules, or of ours.
IDS = ("lead_id", "manager_id", "rule_id", "request_id", "order_id", "entity_id", "attempt")


@dataclass(frozen=True, slots=True, kw_only=True)
class ThinEvent:
    """An event as a feed and webhooks tell it; whoever wants more asks for it by its version.

    Attributes:
        type: The stored name.
        ids: What of `IDS` the event has.
    """

    account_id: int
    type: str
    version: int
    at: datetime
    ids: dict[str, int | str]

    def as_json(self) -> dict[str, Any]:
        """The same as JSON data; the instant as RFC 3339 with milliseconds."""
        at = self.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {
            "type": self.type,
            "version": self.version,
            "at": at,
            "account_id": self.account_id,
            "ids": self.ids,
        }


def thin(recorded: Recorded) -> ThinEvent:
    """What is told of an event."""
    event = recorded.event
    found = {name: getattr(event, name, None) for name in IDS}
    return ThinEvent(
        account_id=recorded.account_id,
        type=EVENT_NAMES[type(event)],
        version=recorded.version,
        at=event.at,
        ids={name: value for name, value in found.items() if value is not None},
    )
