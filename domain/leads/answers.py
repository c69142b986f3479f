"""What Kommo answers to a decision: it holds the responsible, or will not have it."""

from datetime import datetime
from typing import Literal

from contracts.events import AssignmentConfirmed, ManagerFoundInactive
from contracts.inbound import ResponsibleRefused, ResponsibleSet
from domain.leads.removal import bury
from domain.leads.report import look_up
from domain.linked.transfers import follow
from domain.notices.telling import tell
from domain.requests.ending import close_request, withdraw
from domain.requests.life import route
from domain.requests.serving import place
from domain.step import Step

# A manager with whom Kommo refused so many leads, all of which it took with somebody else, is
# taken for inactive whatever its list of users says.
REFUSED_LEADS = 3


def on_set(step: Step, message: ResponsibleSet) -> None:
    """Kommo holds what we wanted."""
    lead = step.account.leads.get(message.lead_id)
    if lead is None or lead.wanted is None:
        return
    if (lead.wanted.request_id, lead.wanted.attempt) == (message.request_id, message.attempt):
        confirm(step, message.lead_id, message.modified_at, message.how)


def on_refused(step: Step, message: ResponsibleRefused) -> None:
    """Kommo will not have it: refund, and decide again without the manager if it was them."""
    account, lead_id = step.account, message.lead_id
    lead = account.leads.get(lead_id)
    if lead is None or lead.wanted is None:
        return
    wanted = lead.wanted
    if (wanted.request_id, wanted.attempt) != (message.request_id, message.attempt):
        return
    withdraw(
        step,
        lead_id=lead_id,
        reason=message.reason,
        detail=message.detail,
        is_active=message.is_active,
    )
    if message.reason == "lead_gone":
        bury(step, lead_id, "own_write")
    elif message.reason == "not_there":
        look_up(step, lead_id, "not_there")
    elif message.reason == "manager_refused":
        if message.is_active is False:
            step.record(ManagerFoundInactive(manager_id=wanted.manager_id, at=step.now))
        if lead.request_id == wanted.request_id:
            _decide_again(step, wanted.request_id)
        else:  # nobody asks for a manager where the lead is now, or another request does
            close_request(step, request_id=wanted.request_id, lead_id=lead_id, reason="left_stage")


def confirm(
    step: Step, lead_id: int, modified_at: datetime | None, how: Literal["answered", "read", "echo"]
) -> None:
    """Record that Kommo holds the decision; what belongs to the lead may follow (D6.4)."""
    wanted = step.account.leads[lead_id].wanted
    assert wanted is not None, "only a decision that is on its way can be confirmed"
    why = step.account.reasons.get(lead_id)
    may_have_task = step.account.may_have_task(lead_id, wanted.attempt)
    step.record(
        AssignmentConfirmed(
            request_id=wanted.request_id,
            attempt=wanted.attempt,
            lead_id=lead_id,
            manager_id=wanted.manager_id,
            modified_at=modified_at,
            how=how,
            at=step.now,
        )
    )
    for manager_id in wanted.refused:
        is_out = step.account.is_inactive(manager_id)
        if step.account.refusals.get(manager_id, 0) >= REFUSED_LEADS and not is_out:
            step.record(ManagerFoundInactive(manager_id=manager_id, at=step.now))
    follow(step, lead_id, wanted)
    rule = step.account.configuration.by_id.get(wanted.rule_id)
    if rule is not None and why is not None:
        order_id = f"{wanted.request_id}/{wanted.attempt}"
        tell(
            step,
            rule,
            why,
            lead_id=lead_id,
            manager_id=wanted.manager_id,
            order_id=order_id,
            may_have_task=may_have_task,
        )


def _decide_again(step: Step, request_id: str) -> None:
    account = step.account
    request = account.requests.by_id[request_id]
    rule = account.configuration.by_id.get(request.rule_id)
    if rule is None:
        route(step, request)
    else:
        place(step, rule, request)  # what waits since before is served first (D5.3)
