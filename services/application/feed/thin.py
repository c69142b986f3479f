"""An event as the feed tells it: that it happened, and to what; whoever wants more asks for it.

Only ids that are named here are ever told: a field that an event gets later is not, before
somebody has said that it is no personal data.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime

from contracts.events import Recorded
from services.shared.codec import EVENT_NAMES


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEvent:
    """One event of an account.

    Attributes:
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

    version: int
    type: str
    at: datetime
    lead_id: int | None = None
    manager_id: int | None = None
    request_id: str | None = None
    attempt: int | None = None
    rule_id: str | None = None
    revision: int | None = None


IDS = ("lead_id", "manager_id", "request_id", "attempt", "rule_id", "revision")
# Which of them an event has.
IDS_OF: Mapping[type, tuple[str, ...]] = {
    shape: tuple(name for name in IDS if name in {each.name for each in fields(shape)})
    for shape in EVENT_NAMES
}
SHAPES: Mapping[str, type] = {name: shape for shape, name in EVENT_NAMES.items()}


def thin(recorded: Recorded) -> FeedEvent:
    """What the feed tells of an event."""
    event, shape = recorded.event, type(recorded.event)
    return FeedEvent(
        version=recorded.version,
        type=EVENT_NAMES[shape],
        at=event.at,
        **{name: getattr(event, name) for name in IDS_OF[shape]},
    )
