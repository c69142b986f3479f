"""An account that has let nobody in for a week: what asked before waits no longer (F57)."""

from contracts.inbound import StayedSuspended
from domain.requests.ending import close_request, withdraw
from domain.step import Step

# In one step; whoever tells of the suspension tells again while more is left.
ENDED_MAX = 500


def on_suspended(step: Step, message: StayedSuspended) -> None:
    """Close what waits, take back what never reached Kommo, the oldest first; at most 500."""
    account = step.account
    undone = sorted(
        (lead.wanted.decided_at, lead_id)
        for lead_id, lead in account.leads.items()
        if lead.wanted is not None and lead.wanted.requested_at < message.asked_before
    )
    for _, lead_id in undone[:ENDED_MAX]:
        withdraw(step, lead_id=lead_id, reason="suspended")
    left = ENDED_MAX - len(undone[:ENDED_MAX])
    waiting = sorted(account.requests.by_id.values(), key=lambda request: request.number)
    old = [request for request in waiting if request.opened_at < message.asked_before]
    for request in old[:left]:
        close_request(
            step, request_id=request.request_id, lead_id=request.lead_id, reason="suspended"
        )
