"""Requests kept for the owner of their lead, who will be back soon (D6.2)."""

from contracts.events import OwnerStanding, RequestReserved
from domain.configuration import Rule
from domain.owners.judgement import is_waited_for
from domain.state import Request
from domain.state.request import Reserved
from domain.step import Step
from domain.timers import due_at, schedule


def reserve(step: Step, rule: Rule, request: Request, owners: tuple[OwnerStanding, ...]) -> bool:
    """Keep the lead for its owner if they will be back soon enough (D6.2); whether it is kept."""
    if not owners or (owner := owners[-1]).back_at is None:
        return False
    known = request.state if isinstance(request.state, Reserved) else None
    if known is not None and known.owner_id != owner.manager_id:
        known = None
    since = known.since if known is not None else step.now
    if not is_waited_for(rule, owner.back_at, since=since):
        return False
    if known is None or known.back_at != owner.back_at:
        step.record(
            RequestReserved(
                request_id=request.request_id,
                lead_id=request.lead_id,
                rule_id=rule.rule_id,
                manager_id=owner.manager_id,
                next_look_at=owner.back_at,
                owners=owners,
                at=step.now,
            )
        )
    timer_id = owner_timer(owner.manager_id)
    set_for = due_at(step, timer_id)
    if set_for is None or not step.now < set_for <= owner.back_at:
        schedule(step, timer_id, owner.back_at)
    return True


def owner_timer(manager_id: int) -> str:
    """The timer of the leads that are kept for them."""
    return f"owner/{manager_id}"
