"""How a request ends without an assignment that stands, and what a withdrawal gives back."""

from contracts.events import AssignmentWithdrawn, CloseReason, RequestClosed, WithdrawReason
from domain.choosing.fair_share import negated
from domain.step import Step

WITHDRAWN_CLOSES: dict[WithdrawReason, CloseReason] = {
    "taken_by_person": "taken_by_person",
    "lead_gone": "lead_deleted",
    "lead_closed": "lead_closed",
    "rejected": "rejected",
    "superseded": "superseded",
    "not_there": "not_there",
    "suspended": "suspended",
}


def withdraw(
    step: Step,
    *,
    lead_id: int,
    reason: WithdrawReason,
    detail: str = "",
    is_active: bool | None = False,
) -> None:
    """Take back the decision on its way to Kommo: refund it, and close or decide again.

    A manager whom Kommo refuses costs nobody a lead (F59); a person who was faster is not
    charged for (D7.5).
    """
    lead = step.account.leads[lead_id]
    wanted = lead.wanted
    assert wanted is not None, "only a decision that is on its way can be withdrawn"
    step.record(
        AssignmentWithdrawn(
            request_id=wanted.request_id,
            attempt=wanted.attempt,
            lead_id=lead_id,
            manager_id=wanted.manager_id,
            reason=reason,
            detail=detail,
            ledger=wanted.ledger,
            movements=negated(wanted.movements),
            stage=lead.stage,
            owner_id=lead.responsible_id,
            at=step.now,
            is_active=is_active,
            kinds=wanted.kinds if wanted.movements else (),
        )
    )
    step.has_room = True
    if reason != "manager_refused":
        close_request(
            step,
            request_id=wanted.request_id,
            lead_id=lead_id,
            reason=WITHDRAWN_CLOSES[reason],
            detail=detail,
        )


def close_request(
    step: Step, *, request_id: str, lead_id: int, reason: CloseReason, detail: str = ""
) -> None:
    """End a request without an assignment."""
    step.record(
        RequestClosed(
            request_id=request_id, lead_id=lead_id, reason=reason, detail=detail, at=step.now
        )
    )
