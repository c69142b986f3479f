"""Requests that wait for a reading: answered, or decided without an answer (D1.5, D6.1)."""

from contracts.events import (
    CloseReason,
    LeadKind,
    Outcome,
    ReadingPart,
    RequestPrepared,
)
from contracts.inbound import FactsRead
from domain.conditions import judged
from domain.configuration import Rule
from domain.owners.judgement import is_kept, judge_owners, owner_choice
from domain.requests.ending import close_request
from domain.requests.queue import SERVED_PER_STEP_MAX
from domain.requests.readings import TIMER, ask, matching, rules_at
from domain.requests.serving import place
from domain.state import Request
from domain.state.request import Preparing
from domain.step import Step
from domain.timers import schedule


def awaited_by(step: Step, message: FactsRead) -> Request | None:
    """The request that waits for what was read, under the rules that asked for it."""
    request = step.account.requests.preparing.get(message.request_id)
    is_wanted = request is not None and _reading_of(request).revision == message.revision
    return request if is_wanted else None


def answer(step: Step, request: Request, message: FactsRead) -> None:
    """Serve the request under the rule whose conditions hold, unless it leaves such leads alone."""
    rules = rules_at(step, request.stage)
    rule, outcomes = matching(rules, message.outcomes)
    _record_prepared(step, request, rule, outcomes, message.unread, message)
    request = step.account.requests.by_id[request.request_id]
    if rule is None:
        _close(step, request, "no_rule")
    elif _is_left_alone(step, rule, request, message):
        _close(step, request, "kept")
    else:
        place(step, rule, request)


def _is_there(step: Step, request: Request, message: FactsRead) -> bool:
    """Whether what only hooks told of the lead is proven by the way: no need to read it again."""
    told = step.account.told.get(request.lead_id)
    is_in_stage = message.stage == request.stage
    return told is not None and is_in_stage and told.is_borne_out(message.modified_at)


def _is_left_alone(step: Step, rule: Rule, request: Request, message: FactsRead) -> bool:
    """Whether the rule leaves the lead with an employee (D6.3), never with one who has gone.

    An owner who was asked for and is there goes before them (D6.7).
    """
    lead = step.account.leads[request.lead_id]
    people = (lead.responsible_id, message.created_by)
    present = tuple(each for each in people if each and each not in message.inactive_ids)
    if request.is_handover or not is_kept(step.account, rule, present):
        return False
    return owner_choice(judge_owners(step.account, rule, request, step.now)) is None


def is_overdue(step: Step) -> bool:
    """Whether the longest wait for a reading is over, timer or not."""
    first = next(iter(step.account.requests.preparing.values()), None)
    return first is not None and _reading_of(first).until <= step.now


def decide_unread(step: Step) -> None:
    """Decide what waited too long for a reading without it.

    Where nothing but an unread condition leads to a rule the lead would be lost by that, so it
    goes on waiting: Kommo, which does not answer, could not be told a decision anyway.
    """
    account = step.account
    for count, request in enumerate(list(account.requests.preparing.values())):
        reading = _reading_of(request)
        if reading.until > step.now or count == SERVED_PER_STEP_MAX:
            schedule(step, TIMER, max(reading.until, step.now))
            return
        rules = rules_at(step, request.stage)
        rule, _ = matching(rules, ())
        if rule is None:
            ask(step, request, reading.parts)
            continue
        unknown = tuple(
            outcome
            for each in rules[: rules.index(rule)]
            for outcome in judged(each.rule_id, each.conditions, None)
        )
        _record_prepared(step, request, rule, unknown, reading.parts, None)
        place(step, rule, account.requests.by_id[request.request_id])


def _reading_of(request: Request) -> Preparing:
    assert isinstance(request.state, Preparing), "it waits for a reading"
    return request.state


def _record_prepared(
    step: Step,
    request: Request,
    rule: Rule | None,
    outcomes: tuple[Outcome, ...],
    unread: tuple[ReadingPart, ...],
    message: FactsRead | None,
) -> None:
    kinds: tuple[LeadKind, ...] = ()
    if message is not None and rule is not None and rule.kinds:
        kinds = dict(message.kinds).get(rule.ledger, ())
    step.record(
        RequestPrepared(
            request_id=request.request_id,
            lead_id=request.lead_id,
            rule_id=rule.rule_id if rule else None,
            outcomes=outcomes,
            responsibles=message.responsibles if message else (),
            unread=unread,
            others=message.others if message else (),
            kinds=kinds,
            is_there=message is not None and _is_there(step, request, message),
            at=step.now,
        )
    )


def _close(step: Step, request: Request, reason: CloseReason) -> None:
    close_request(step, request_id=request.request_id, lead_id=request.lead_id, reason=reason)
