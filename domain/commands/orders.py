"""Leads that an operator wants distributed: some (D1.1, D1.6), or all of an absent manager (D9.3).

An order only opens requests; what becomes of them is decided as for any other. So a handed-over
lead follows the rule of its stage, waits when nobody is at work, and stays with its manager in
Kommo until then.
"""

from collections.abc import Callable

from contracts.events import (
    DistributionOrdered,
    HandoverOrdered,
    Skipped,
    SkipReason,
)
from contracts.inbound import DistributeLeads, HandOverLeads
from domain.choosing.standings import availability
from domain.requests.life import open_request
from domain.requests.readings import rules_at
from domain.state import Lead
from domain.step import Step

LEADS_MAX = 500

Judge = Callable[[int, Lead], SkipReason | None]


def distribute(step: Step, message: DistributeLeads) -> None:
    """Open a request for each lead without a decision that stands in its present stage (D1.6).

    The account does not keep how requests ended, or it would keep that of each open lead; whoever
    orders reads it from the log. It counts as long as it is of the lead's newest request, and the
    lead is still whose it was.
    """
    endings = {ended.lead_id: ended for ended in message.ended}

    def why_not(lead_id: int, lead: Lead) -> SkipReason | None:
        if step.account.waiting_of(lead_id) is not None:
            return "waiting"
        ended = endings.get(lead_id)
        if lead.request_id is not None:
            if ended is None or ended.request_id != lead.request_id:
                return "decided"
            if ended.reason == "taken_by_person" or ended.owner_id != lead.owner_id:
                return "taken"
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
        step.refuse("handover", "rule_unknown", rule=message.rule_id)
        return
    if availability(account, manager_id, None, step.now) == "eligible":
        step.refuse("handover", "still_at_work", manager=manager_id)
        return

    def why_not(lead_id: int, lead: Lead) -> SkipReason | None:
        if lead.owner_id != manager_id:
            return "not_his"
        if step.account.waiting_of(lead_id) is not None:
            return "waiting"
        return None if rule or rules_at(step, lead.stage) else "no_rule"

    lead_ids, skipped = _sorted_out(step, message.lead_ids, why_not)
    open_handover(
        step,
        HandoverOrdered(
            handover_id=message.handover_id,
            manager_id=manager_id,
            by=message.by,
            rule_id=message.rule_id,
            lead_ids=lead_ids,
            skipped=skipped,
            at=step.now,
        ),
    )


def open_handover(step: Step, order: HandoverOrdered) -> None:
    """Record a handover, and open a request for each of its leads."""
    step.record(order)
    rule = step.account.configuration.by_id.get(order.rule_id or "")
    for lead_id in order.lead_ids:
        stage = step.account.leads[lead_id].stage
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
        step.refuse(command, "too_many_leads", leads=len(lead_ids), limit=LEADS_MAX)
    return is_too_long
