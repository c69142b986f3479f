"""The life of a request: opened, then assigned, deferred or closed; the waiting drained in order.

Every request ends a step in exactly one of those three (D1.2), and a newer one never overtakes
a waiting one of its rule (D5.3).
"""

from datetime import datetime, timedelta
from typing import Literal

from contracts.events import (
    AssignmentWithdrawn,
    CloseReason,
    DutyCause,
    RequestClosed,
    RequestDeferred,
    RequestOpened,
    RequestSource,
    Standing,
    WithdrawReason,
)
from contracts.stage import Stage
from domain.account import Account, Request, Reserved
from domain.assign import assign
from domain.catch_up import catch_up
from domain.configuration import Configuration, Rule
from domain.deliberation import deliberate, has_waited, may_pass
from domain.duty import choose_duty, duty_cause, is_too_old, judge_duty, next_duty_look
from domain.fair_share import negated
from domain.owners import judge_owners, owner_choice, owner_terms, owner_timer, reserve
from domain.readings import ask, rules_at, wanted_parts
from domain.stalls import end_stall, note_stall
from domain.standings import judge, next_look, why_nobody
from domain.step import Step
from domain.timers import due_at, schedule

# A long backlog is served in pieces, so that one account cannot hold up the others.
SERVED_PER_STEP_MAX = 500
MORE_TIMER = "more"  # begins the next piece
# How long the clock may take for that before any message begins it.
CLOCK_WITHIN = timedelta(seconds=1)

WITHDRAWN_CLOSES: dict[WithdrawReason, CloseReason] = {
    "taken_by_person": "taken_by_person",
    "lead_gone": "lead_deleted",
    "lead_closed": "lead_closed",
    "rejected": "rejected",
    "superseded": "superseded",
}


def open_request(
    step: Step,
    *,
    lead_id: int,
    stage: Stage,
    source: RequestSource,
    rule: Rule | None = None,
) -> None:
    """Ask for a responsible for the lead, and answer at once if nothing has to be read (D1.1).

    The rule is that of the stage, unless an order names one.
    """
    account, named = step.account, rule
    if rule is None:
        rules = rules_at(step, stage)
        rule = rules[0] if rules and not rules[0].conditions else None
    request_id = f"{lead_id}.{account.requests_total + 1}"
    step.record(
        RequestOpened(
            request_id=request_id,
            lead_id=lead_id,
            rule_id=rule.rule_id if rule else None,
            stage=stage,
            source=source,
            at=step.now,
        )
    )
    if named is not None:
        place(step, named, account.opened[request_id])
    else:
        route(step, account.opened[request_id])


def route(step: Step, request: Request) -> None:
    """Find the rule of a request that has none, read first what that takes, and serve it."""
    rules = rules_at(step, request.stage)
    if not rules:
        close_request(
            step, request_id=request.request_id, lead_id=request.lead_id, reason="no_rule"
        )
    elif parts := wanted_parts(rules, request, step.account.leads[request.lead_id]):
        ask(step, request, parts)
    else:
        place(step, rules[0], request)


def place(step: Step, rule: Rule, request: Request) -> None:
    """Serve a request of a rule unless older ones of it wait (D5.3); an owner's never wait so."""
    if not is_behind(step.account, rule, request) or may_pass(step.account, rule):
        serve(step, rule, request)
    elif not serve_owner(step, rule, request):
        _defer_behind(step, rule, request)


def is_behind(account: Account, rule: Rule, request: Request) -> bool:
    """Whether an older request of the rule waits."""
    queue = account.waiting.get(rule.rule_id)
    return queue is not None and next(iter(queue.values())).number < request.number


def close_request(
    step: Step, *, request_id: str, lead_id: int, reason: CloseReason, detail: str = ""
) -> None:
    """End a request without an assignment."""
    step.record(
        RequestClosed(
            request_id=request_id, lead_id=lead_id, reason=reason, detail=detail, at=step.now
        )
    )


def withdraw(step: Step, *, lead_id: int, reason: WithdrawReason, detail: str = "") -> None:
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


def serve(step: Step, rule: Rule, request: Request) -> bool:
    """Assign the request, keep it for its owner or let it wait; whether nobody has to be found."""
    account = step.account
    if is_too_old(rule, request, step.now) and give_to_duty(step, rule, request, "age_limit"):
        return True
    if serve_owner(step, rule, request):
        return True
    found = deliberate(account, rule, request, step.now)
    if found.choice is not None and _replaces_another(account, request):
        # Its credit and places come back first, so that this decision is taken without them; the
        # lead counts for its old owner again, which may have been the last place.
        withdraw(step, lead_id=request.lead_id, reason="superseded")
        found = deliberate(account, rule, request, step.now)
    if found.choice is not None and catch_up(step, rule, found.standings):
        found = deliberate(account, rule, request, step.now)
    if found.choice is None and request.tried:
        end_pass(step, rule, request, "pass_exhausted")
        return False
    if found.choice is None:
        return _wait(step, rule, request, found.standings)
    choice, standings = found.choice, found.standings
    owners = judge_owners(account, rule, request, step.now)
    assign(step, rule, request, choice, standings=standings, owners=owners, as_of=found.as_of)
    end_stall(step, rule.rule_id)
    return True


def serve_owner(step: Step, rule: Rule, request: Request) -> bool:
    """Give the lead to its owner, or keep it for him (D6.2); False if anybody may have it."""
    account = step.account
    if request.tried:  # whoever let it lapse does not get it again
        return False
    owners = judge_owners(account, rule, request, step.now)
    if owner_choice(owners) is None:
        return reserve(step, rule, request, owners)
    if _replaces_another(account, request):
        withdraw(step, lead_id=request.lead_id, reason="superseded")
    debt = owner_terms(account, rule, owners)
    standings = judge(account, rule, step.now) if debt is not None else ()
    choice = owner_choice(owners, standings, debt)
    assert choice is not None, "a withdrawal keeps no owner from his lead"
    assign(step, rule, request, choice, standings=standings, owners=owners, owner_debt=debt)
    return True


def _wait(step: Step, rule: Rule, request: Request, standings: tuple[Standing, ...]) -> bool:
    """Send the request to duty, or let it wait; whether duty took it."""
    account = step.account
    because = duty_cause(rule, request, standings, step.now)
    if because is not None and give_to_duty(step, rule, request, because):
        return True
    if (
        rule.pace is not None
        and not has_waited(account, request)
        and rule.rule_id in account.waiting
    ):
        _defer_behind(step, rule, request)
        return False
    look_at = min(
        next_look(account, rule, standings, step.now),
        next_duty_look(account, rule, request, standings, step.now),
    )
    if not has_waited(account, request):
        step.record(
            RequestDeferred(
                request_id=request.request_id,
                lead_id=request.lead_id,
                rule_id=rule.rule_id,
                reason=why_nobody(standings),
                next_look_at=look_at,
                standings=standings,
                at=step.now,
            )
        )
    schedule(step, _look_timer(rule.rule_id), look_at)
    note_stall(step, rule, standings)
    return False


def give_to_duty(step: Step, rule: Rule, request: Request, because: DutyCause) -> bool:
    """Give the lead to whoever has duty (D7.4); False, with nothing changed, if nobody has."""
    account = step.account
    duty = judge_duty(account, rule, step.now)
    choice = choose_duty(duty)
    if choice is None:
        return False
    if _replaces_another(account, request):
        withdraw(step, lead_id=request.lead_id, reason="superseded")
    judged = judge(account, rule, step.now, request.tried)
    standings = tuple(standing._replace(share=0) for standing in judged)
    owners = judge_owners(account, rule, request, step.now)
    assign(
        step, rule, request, choice, standings=standings, owners=owners, duty=duty, because=because
    )
    return True


def end_pass(
    step: Step, rule: Rule, request: Request, because: Literal["pass_exhausted", "hops_exhausted"]
) -> None:
    """Nobody is left to offer the lead to: duty gets it, else it stays where it is (D7.3)."""
    if give_to_duty(step, rule, request, because):
        step.has_room = True
    else:
        close_request(
            step,
            request_id=request.request_id,
            lead_id=request.lead_id,
            reason=because,
            detail=rule.rule_id,
        )


def _replaces_another(account: Account, request: Request) -> bool:
    """Whether a decision for an earlier stage of the lead is still on its way."""
    wanted = account.leads[request.lead_id].wanted
    return wanted is not None and wanted.request_id != request.request_id


def drain(step: Step) -> None:
    """Serve the waiting, oldest first over all rules, until nobody can take more (D5.3, D8.2)."""
    account = step.account
    blocked: dict[str, None] = {}
    for _ in range(SERVED_PER_STEP_MAX):
        heads = [
            next(iter(queue.values()))
            for rule_id, queue in account.waiting.items()
            if rule_id not in blocked
        ]
        if not heads:
            return
        head = min(heads, key=lambda request: request.number)
        if not serve(step, account.configuration.by_id[head.rule_id], head):
            blocked[head.rule_id] = None
    for rule_id in sorted(account.waiting):
        if rule_id not in blocked and due_at(step, _look_timer(rule_id)) is None:
            schedule(step, _look_timer(rule_id), step.now)
    schedule(step, MORE_TIMER, step.now)


def is_drain_due(step: Step) -> bool:
    """Whether there may be somebody for the waiting, or the instant of a rule's look has come."""
    if is_drained_in_pieces(step):
        return False
    return step.has_room or any(_look_of(step, r) <= step.now for r in step.account.waiting)


def is_drained_in_pieces(step: Step) -> bool:
    """Whether the next piece of a long backlog waits for its turn among the messages.

    Whatever else the account is told meanwhile does not begin one: a batch of messages would be
    as many pieces, and the other accounts would wait for all of them.
    """
    more_at = due_at(step, MORE_TIMER)
    return more_at is not None and step.now < more_at + CLOCK_WITHIN


def serve_reserved(step: Step) -> None:
    """Look again at the leads kept for owners who may be back, or will not come so soon (D6.2)."""
    account = step.account
    for manager_id in sorted(account.reserved):
        kept = account.reserved[manager_id]
        set_for = due_at(step, owner_timer(manager_id))
        is_due = set_for is None or set_for <= step.now
        if not is_due and not (step.has_room and _may_move(step, next(iter(kept.values())))):
            continue
        in_order = sorted(kept.values(), key=lambda each: each.request.number)
        for each in in_order[:SERVED_PER_STEP_MAX]:
            place(step, account.configuration.by_id[each.request.rule_id], each.request)
        if len(in_order) > SERVED_PER_STEP_MAX:
            schedule(step, owner_timer(manager_id), step.now)


def _may_move(step: Step, kept: Reserved) -> bool:
    rule = step.account.configuration.by_id[kept.request.rule_id]
    owners = judge_owners(step.account, rule, kept.request, step.now)
    return not owners or owners[-1].back_at != kept.back_at


def place_again(step: Step, before: Configuration) -> None:
    """Find the rule of each waiting request anew: the rules have changed (F84).

    Args:
        step: The step that put other rules in force.
        before: The rules until now; what was read for rules that stay is not read again.
    """
    account = step.account
    kept = [request for queue in account.waiting.values() for request in queue.values()]
    for reserved in account.reserved.values():
        kept += [each.request for each in reserved.values()]
    unread = [each.request for each in account.preparing.values()]
    for request in sorted((*kept, *unread), key=lambda waiting: waiting.number):
        rules = rules_at(step, request.stage)
        # A rule that an order named may be of another stage.
        has_rule = request.rule_id in account.configuration.by_id
        is_prepared = has_rule and request.request_id not in account.preparing
        if not (is_prepared and _asks_alike(before.by_stage.get(request.stage, ()), rules)):
            _place_anew(step, request, rules)


def _asks_alike(before: tuple[Rule, ...], after: tuple[Rule, ...]) -> bool:
    """Whether the same rules would be tried, and the same read for them."""

    def asked(rules: tuple[Rule, ...]) -> list[object]:
        return [
            (rule.rule_id, rule.conditions, rule.owners.reading_parts() if rule.owners else None)
            for rule in rules
        ]

    return asked(before) == asked(after)


def _place_anew(step: Step, request: Request, rules: tuple[Rule, ...]) -> None:
    account = step.account
    is_reading_needed = rules and wanted_parts(rules, request, account.leads[request.lead_id])
    if not rules or is_reading_needed:
        route(step, request)
    elif request.request_id in account.preparing or rules[0].rule_id != request.rule_id:
        _defer_behind(step, rules[0], request)


def _defer_behind(step: Step, rule: Rule, request: Request) -> None:
    look_at = _look_of(step, rule.rule_id)
    step.record(
        RequestDeferred(
            request_id=request.request_id,
            lead_id=request.lead_id,
            rule_id=rule.rule_id,
            reason="behind_queue",
            next_look_at=max(look_at, step.now),
            standings=(),
            at=step.now,
        )
    )


def _look_of(step: Step, rule_id: str) -> datetime:
    return due_at(step, _look_timer(rule_id)) or step.now


def _look_timer(rule_id: str) -> str:
    return f"look/{rule_id}"
