"""Leads that do not exist any more, and what still waited for them."""

from typing import Literal

from contracts.events import LeadDeleted
from contracts.inbound import LeadMissing, LeadRemoved
from domain.leads.report import look_up
from domain.requests.ending import close_request, withdraw
from domain.state import TOLD_GONE, Lead
from domain.step import Step

DeletedBy = Literal["webhook", "lookup", "own_write"]


def on_removed(step: Step, message: LeadRemoved | LeadMissing) -> None:
    """The lead does not exist any more; its request ends with that reason.

    What tells of a deletion without being asked carries no time, and may come after the lead was
    taken out of the bin again (F29): only a reading can tell.
    """
    account, lead_id = step.account, message.lead_id
    lead = account.leads.get(lead_id)
    is_told = isinstance(message, LeadRemoved) or (lead is not None and lead.is_told_gone)
    source: DeletedBy = "webhook" if is_told else "lookup"
    if lead is None:
        gone = account.gone.get(lead_id)
        # The deletion may have overtaken everything else that we shall hear of the lead.
        if lead_id in account.lookups or gone is None or not gone.is_deleted:
            record_deleted(step, lead_id, None, source)
        return
    if isinstance(message, LeadRemoved):
        look_up(step, lead_id, TOLD_GONE)
        return
    if lead.wanted is not None:
        withdraw(step, lead_id=lead_id, reason="lead_gone")
    bury(step, lead_id, source)


def bury(step: Step, lead_id: int, source: DeletedBy) -> None:
    """Close what still waits for a lead that is gone: a request may wait beside a decision."""
    if (waiting := step.account.waiting_of(lead_id)) is not None:
        close_request(step, request_id=waiting.request_id, lead_id=lead_id, reason="lead_deleted")
    record_deleted(step, lead_id, step.account.leads[lead_id], source)
    step.has_room = True


def record_deleted(step: Step, lead_id: int, lead: Lead | None, source: DeletedBy) -> None:
    """Record that the lead is gone."""
    step.record(
        LeadDeleted(
            lead_id=lead_id,
            was_stage=lead.stage if lead else None,
            was_owner_id=lead.owner_id if lead else None,
            at=step.now,
            source=source,
        )
    )
