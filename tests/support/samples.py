"""Events and messages with good defaults."""

from datetime import UTC, datetime

from eventsourcing.persistence import StoredEvent

from contracts.events import LEAD, LeadAssigned, LookupRequested, Recorded, Standing
from contracts.inbound import Inbound, TriggerFired
from contracts.stage import Stage
from services.shared.codec import encode_event, originator_id

NINE = datetime(2026, 1, 5, 9, tzinfo=UTC)
STAGE = Stage(11, 22)


def looked_up(account_id: int, version: int, *, cause: str = "m1") -> Recorded:
    """A small event."""
    event = LookupRequested(lead_id=7, reason="in doubt", at=NINE)
    return Recorded(account_id=account_id, version=version, cause=cause, event=event)


def assigned(
    account_id: int, version: int, *, request_id: str = "7.1", attempt: int = 1, cause: str = "m1"
) -> Recorded:
    """A decision, with the standings of five managers."""
    event = LeadAssigned(
        request_id=request_id,
        attempt=attempt,
        turn=1,
        lead_id=7,
        manager_id=501,
        rule_id="sales",
        revision=1,
        policy="fair_share",
        policy_version=1,
        ledger="sales",
        tier=1,
        stage=STAGE,
        responsible_before=None,
        was_owner_id=None,
        standings=tuple(
            Standing(500 + k, 1, "eligible", -k * 1_000, LEAD // 5, k, 3, None) for k in range(5)
        ),
        movements=((501, -LEAD), (502, LEAD)),
        reason="largest_credit",
        tzdata="2026f",
        at=NINE,
    )
    return Recorded(account_id=account_id, version=version, cause=cause, event=event)


def fired(account_id: int = 1, *, message_id: str = "m1", lead_id: int = 7) -> Inbound:
    """A lead that entered a stage."""
    body = TriggerFired(lead_id=lead_id, stage=STAGE, source="dp_hook")
    return Inbound(account_id=account_id, message_id=message_id, at=NINE, body=body)


def stored(recorded: Recorded) -> StoredEvent:
    """The event as it lies in the store."""
    account_id, version = originator_id(recorded.account_id), recorded.version
    return StoredEvent(account_id, version, *encode_event(recorded))
