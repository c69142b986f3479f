"""Leads that an operator wants distributed: some (D1.1), or all of an absent manager (D9.3).

An order only opens requests; what becomes of them is decided as for any other. So a handed-over
lead follows the rule of its stage, waits when nobody is at work, and stays with its manager in
Kommo until then.
"""

from collections.abc import Callable

from contracts.events import (
    CommandRefused,
    DistributionOrdered,
    HandoverOrdered,
    Skipped,
    SkipReason,
)
from contracts.inbound import DistributeLeads, HandOverLeads
from domain.account import Lead
from domain.readings import rules_at
from domain.requests import open_request
from domain.standings import availability
from domain.step import Step

LEADS_MAX = 500

Judge = Callable[[int, Lead], SkipReason | None]


def distribute(step: Step, message: DistributeLeads) -> None:
    """Open a request for each lead that had none in its present stage (D1.3)."""

    def why_not(lead_id: int, lead: Lead) -> SkipReason | None:
        if step.account.waiting_of(lead_id) is not None:
            return "waiting"
        if lead.request_id is not None:
            return "decided"
        return None if rules_at(step, lead.stage) else "no_rule"

    if _is_too_long(step, "distribute", message.lead_ids):
        return
    lead_ids, skipped = _sorted_out(step, message.lead_ids, why_not)
    step.record(DistributionOrdered(by=message.by, lead_ids=lead_ids, skipped=skipped, at=step.now))
    for lead_id in lead_ids:
        stage = step.account.leads[lead_id].stage
        open_request(step, lead_id=lead_id, stage=stage, source="operator")


def hand_over(step: Step, message: HandOverLeads) -> None:
    """Open a request for each of these leads that is still the manager's."""
    account, manager_id = step.account, message.manager_id
    rule = account.configuration.by_id.get(message.rule_id or "")
    if _is_too_long(step, "handover", message.lead_ids):
        return
    if message.rule_id is not None and rule is None:
        _refuse(step, "handover", f"rule: there is no rule {message.rule_id!r} in force")
        return
    if availability(account, manager_id, None, step.now) == "eligible":
        text = f"manager: {manager_id} is neither paused nor absent, and would get leads back"
        _refuse(step, "handover", text)
        return

    def why_not(lead_id: int, lead: Lead) -> SkipReason | None:
        if lead.owner_id != manager_id:
            return "not_his"
        if step.account.waiting_of(lead_id) is not None:
            return "waiting"
        return None if rule or rules_at(step, lead.stage) else "no_rule"

    lead_ids, skipped = _sorted_out(step, message.lead_ids, why_not)
    step.record(
        HandoverOrdered(
            handover_id=message.handover_id,
            manager_id=manager_id,
            by=message.by,
            rule_id=message.rule_id,
            lead_ids=lead_ids,
            skipped=skipped,
            at=step.now,
        )
    )
    for lead_id in lead_ids:
        stage = account.leads[lead_id].stage
        named = None if rules_at(step, stage) else rule
        open_request(step, lead_id=lead_id, stage=stage, source="handover", rule=named)


def _sorted_out(
    step: Step, lead_ids: tuple[int, ...], why_not: Judge
) -> tuple[tuple[int, ...], tuple[Skipped, ...]]:
    account = step.account
    taken: list[int] = []
    skipped: list[Skipped] = []
    for lead_id in dict.fromkeys(lead_ids):
        lead = account.leads.get(lead_id)
        if lead is not None:
            reason = why_not(lead_id, lead)
        else:
            reason = "closed" if lead_id in account.gone else "unknown"
        if reason is None:
            taken.append(lead_id)
        else:
            skipped.append(Skipped(lead_id, reason))
    return tuple(taken), tuple(skipped)


def _is_too_long(step: Step, command: str, lead_ids: tuple[int, ...]) -> bool:
    if is_too_long := len(lead_ids) > LEADS_MAX:
        _refuse(step, command, f"leads: at most {LEADS_MAX} in one order, got {len(lead_ids)}")
    return is_too_long


def _refuse(step: Step, command: str, reason: str) -> None:
    step.record(
        CommandRefused(message_id=step.message_id, command=command, reason=reason, at=step.now)
    )
