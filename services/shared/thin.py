"""An event as strangers are told of it, by the feed and by webhooks: that it happened, and to what.

Only ids that are named here are ever told: a field that an event gets later is not, before
somebody has said that it is no personal data (A8.1). Whoever wants more asks for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

from contracts.events import Recorded
from services.shared.codec import EVENT_NAMES


@dataclass(frozen=True, slots=True, kw_only=True)
class ThinEvent:
    """One event of an account.

    Attributes:
        account_id: Whose.
        version: 1, 2, 3, ... without gap.
        type: The stored name, such as `lead.assigned`.
        at: When it happened.
        lead_id: Kommo's id of the lead that it is about; None where it is about none, or several.
        manager_id: Kommo's id of the manager that it is about.
        request_id: Of the request.
        attempt: Number of the decision of the request.
        rule_id: As in the rules.
        revision: Of the rules.
    """

    account_id: int
    version: int
    type: str
    at: datetime
    lead_id: int | None = None
    manager_id: int | None = None
    request_id: str | None = None
    attempt: int | None = None
    rule_id: str | None = None
    revision: int | None = None

    def as_json(self) -> dict[str, Any]:
        """The same as JSON has it; every field is there, the instant in UTC with milliseconds."""
        at = self.at.astimezone(UTC).isoformat(timespec="milliseconds")
        return {
            "account_id": self.account_id,
            "version": self.version,
            "type": self.type,
            "at": at.replace("+00:00", "Z"),
            **{name: getattr(self, name) for name in IDS},
        }


IDS = ("lead_id", "manager_id", "request_id", "attempt", "rule_id", "revision")
# Which of them an event has.
IDS_OF: Mapping[type, tuple[str, ...]] = {
    shape: tuple(name for name in IDS if name in {each.name for each in fields(shape)})
    for shape in EVENT_NAMES
}
SHAPES: Mapping[str, type] = {name: shape for shape, name in EVENT_NAMES.items()}


def thin(recorded: Recorded) -> ThinEvent:
    """What is told of an event."""
    event, shape = recorded.event, type(recorded.event)
    return ThinEvent(
        account_id=recorded.account_id,
        version=recorded.version,
        type=EVENT_NAMES[shape],
        at=event.at,
        **{name: getattr(event, name) for name in IDS_OF[shape]},
    )
