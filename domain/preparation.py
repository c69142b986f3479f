"""Requests that wait for a reading: answered, or decided without an answer (D1.5, D6.1)."""

from contracts.events import CloseReason, Outcome, ReadingPart, RequestPrepared, Responsible
from contracts.inbound import FactsRead, LeadObserved
from domain.account import Preparing
from domain.conditions import judged
from domain.configuration import Rule
from domain.leads import on_observed
from domain.owners import is_kept
from domain.readings import TIMER, ask, matching, rules_at
from domain.requests import SERVED_PER_STEP_MAX, close_request, place
from domain.step import Step
from domain.timers import schedule


def on_facts(step: Step, message: FactsRead) -> None:
    """Kommo was read for a request; late, repeated and outdated answers change nothing.

    The lead itself was read with it, so a lead that left its stage meanwhile ends here (F29).
    """
    if _waiting_for(step, message) is None:
        return
    on_observed(
        step,
        LeadObserved(
            lead_id=message.lead_id,
            stage=message.stage,
            responsible_id=message.responsible_id,
            modified_at=message.modified_at,
            created_at=message.created_at,
            reason="lookup",
        ),
        step.now,
    )
    if (preparing := _waiting_for(step, message)) is None:
        return
    rules = rules_at(step, preparing.request.stage)
    rule, outcomes = matching(rules, message.outcomes)
    _record_prepared(step, preparing, rule, outcomes, message.responsibles, message.unread)
    if rule is None:
        _close(step, preparing, "no_rule")
    elif not preparing.request.is_handover and is_kept(
        step.account,
        rule,
        responsible_id=step.account.leads[message.lead_id].responsible_id,
        created_by=message.created_by,
    ):
        _close(step, preparing, "kept")
    else:
        place(step, rule, step.account.opened[preparing.request.request_id])


def is_overdue(step: Step) -> bool:
    """Whether the longest wait for a reading is over, timer or not."""
    first = next(iter(step.account.preparing.values()), None)
    return first is not None and first.until <= step.now


def decide_unread(step: Step) -> None:
    """Decide what waited too long for a reading without it.

    Where nothing but an unread condition leads to a rule the lead would be lost by that, so it
    goes on waiting: Kommo, which does not answer, could not be told a decision anyway.
    """
    account = step.account
    for count, preparing in enumerate(list(account.preparing.values())):
        if preparing.until > step.now or count == SERVED_PER_STEP_MAX:
            schedule(step, TIMER, max(preparing.until, step.now))
            return
        rules = rules_at(step, preparing.request.stage)
        rule, _ = matching(rules, ())
        if rule is None:
            ask(step, preparing.request, preparing.parts)
            continue
        unknown = tuple(
            outcome
            for each in rules[: rules.index(rule)]
            for outcome in judged(each.rule_id, each.conditions, None)
        )
        _record_prepared(step, preparing, rule, unknown, (), preparing.parts)
        place(step, rule, account.opened[preparing.request.request_id])


def _waiting_for(step: Step, message: FactsRead) -> Preparing | None:
    preparing = step.account.preparing.get(message.request_id)
    is_wanted = preparing is not None and preparing.revision == message.revision
    return preparing if is_wanted else None


def _record_prepared(
    step: Step,
    preparing: Preparing,
    rule: Rule | None,
    outcomes: tuple[Outcome, ...],
    responsibles: tuple[Responsible, ...],
    unread: tuple[ReadingPart, ...],
) -> None:
    step.record(
        RequestPrepared(
            request_id=preparing.request.request_id,
            lead_id=preparing.request.lead_id,
            rule_id=rule.rule_id if rule else None,
            outcomes=outcomes,
            responsibles=responsibles,
            unread=unread,
            at=step.now,
        )
    )


def _close(step: Step, preparing: Preparing, reason: CloseReason) -> None:
    request = preparing.request
    close_request(step, request_id=request.request_id, lead_id=request.lead_id, reason=reason)
