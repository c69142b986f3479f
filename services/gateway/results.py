"""What the inbound log is told of a decision on its way to Kommo."""

from datetime import datetime
from typing import Literal

from contracts.inbound import (
    Inbound,
    InboundBody,
    LeadObserved,
    ResponsibleRefused,
    ResponsibleSet,
)
from contracts.kommo.rest import Lead
from projections.assignments import Assignment


def carried_out(
    wanted: Assignment, modified_at: datetime, how: Literal["answered", "read"]
) -> ResponsibleSet:
    """Kommo holds it, as its answer or a reading of the lead says."""
    return ResponsibleSet(
        request_id=wanted.request_id,
        attempt=wanted.attempt,
        lead_id=wanted.lead_id,
        manager_id=wanted.manager_id,
        modified_at=modified_at,
        how=how,
    )


def gone(wanted: Assignment) -> ResponsibleRefused:
    """Kommo has no such lead any more."""
    return _refused(wanted, "lead_gone")


def not_there(wanted: Assignment) -> ResponsibleRefused:
    """Kommo does not bear out the hook that told of the lead."""
    return _refused(wanted, "not_there")


def rejected(wanted: Assignment, words: str) -> ResponsibleRefused:
    """Kommo will not change the lead, and says why."""
    return _refused(wanted, "rejected", words)


def manager_refused(
    wanted: Assignment, words: str, *, is_active: bool | None
) -> ResponsibleRefused:
    """Kommo will not have this manager for the lead, and says why."""
    return _refused(wanted, "manager_refused", words, is_active=is_active)


def observed(lead: Lead) -> LeadObserved:
    """The lead is somebody else's: a person was faster."""
    return LeadObserved(
        lead_id=lead.id,
        stage=lead.stage,
        responsible_id=lead.responsible_user_id,
        modified_at=lead.updated_at,
        created_at=lead.created_at,
        reason="lookup",
    )


def message(wanted: Assignment, body: InboundBody, at: datetime) -> Inbound:
    """The message about a decision; copies share their id."""
    kind = {ResponsibleSet: "set", ResponsibleRefused: "refused"}.get(type(body), "taken")
    return Inbound(
        account_id=wanted.account_id,
        message_id=f"push/{kind}/{wanted.request_id}/{wanted.attempt}/{at.isoformat()}",
        at=at,
        body=body,
    )


def _refused(
    wanted: Assignment,
    reason: Literal["manager_refused", "lead_gone", "rejected", "not_there"],
    words: str = "",
    *,
    is_active: bool | None = False,
) -> ResponsibleRefused:
    return ResponsibleRefused(
        request_id=wanted.request_id,
        attempt=wanted.attempt,
        lead_id=wanted.lead_id,
        manager_id=wanted.manager_id,
        reason=reason,
        detail=words,
        is_active=is_active,
    )
