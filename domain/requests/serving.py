"""Serving a request: it is assigned, goes to duty, is kept for an owner, or waits (D1.2)."""

from datetime import datetime
from typing import Literal

from contracts.events import DutyCause, RequestDeferred, Standing
from domain.choosing.catch_up import catch_up
from domain.choosing.kinds import kind_credits
from domain.choosing.standings import judge, next_look, why_nobody
from domain.configuration import Rule
from domain.duty import choose_duty, duty_cause, is_too_old, judge_duty, next_duty_look
from domain.owners.judgement import judge_owners, owner_choice, owner_terms
from domain.requests.assign import assign
from domain.requests.deliberation import deliberate
from domain.requests.ending import close_request, withdraw
from domain.requests.passing import passes_all
from domain.requests.queue import defer_behind, is_behind, look_timer, may_pass
from domain.requests.reserved import reserve
from domain.requests.stalls import end_stall, note_stall
from domain.state import Account, Request
from domain.state.request import Waiting
from domain.step import Step
from domain.timers import due_at, schedule

# Verdicts that no time changes.
NEVER = ("inactive", "excluded", "no_access", "refused")
# A lead that Kommo refused with so many managers is the odd one, whoever is left: each further
# attempt costs the leads beside it a request.
REFUSED_MAX = 5


def place(step: Step, rule: Rule, request: Request) -> None:
    """Serve a request of a rule unless older ones of it wait (D5.3); an owner's never wait so."""
    account = step.account
    is_held_up = is_behind(account, rule, request) and not passes_all(step, rule, request)
    if not is_held_up or may_pass(account, rule):
        serve(step, rule, request)
    elif not serve_owner(step, rule, request):
        defer_behind(step, rule, request)


def serve(step: Step, rule: Rule, request: Request) -> bool:
    """Assign the request, keep it for its owner or let it wait; whether nobody has to be found."""
    account = step.account
    if is_too_old(rule, request, step.now) and give_to_duty(step, rule, request, "age_limit"):
        return True
    if serve_owner(step, rule, request):
        return True
    found = deliberate(account, rule, request, step.now)
    if _is_refused_for_all(request, found.standings):
        return _give_up(step, rule, request)
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
    assign(
        step,
        rule,
        request,
        choice,
        standings=standings,
        kinds=found.kinds,
        even=found.even,
        owners=owners,
        as_of=found.as_of,
    )
    if not is_behind(account, rule, request):
        end_stall(step, rule.rule_id)
    return True


def serve_owner(step: Step, rule: Rule, request: Request) -> bool:
    """Give the lead to its owner, or keep it for them (D6.2); False if anybody may have it."""
    account = step.account
    if request.tried:  # whoever let it lapse does not get it again
        return False
    owners = judge_owners(account, rule, request, step.now)
    if owner_choice(owners) is None:
        return reserve(step, rule, request, owners)
    if _replaces_another(account, request):
        withdraw(step, lead_id=request.lead_id, reason="superseded")
    debt = owner_terms(account, rule, request, owners)
    standings = judge(account, rule, step.now, request) if debt is not None else ()
    choice = owner_choice(owners, standings, debt)
    assert choice is not None, "a withdrawal keeps no owner from their lead"
    assign(
        step,
        rule,
        request,
        choice,
        standings=standings,
        kinds=kind_credits(account, rule, request, standings),
        owners=owners,
        owner_debt=debt,
    )
    return True


def give_to_duty(step: Step, rule: Rule, request: Request, because: DutyCause) -> bool:
    """Give the lead to whoever has duty (D7.4); False, with nothing changed, if nobody has."""
    account = step.account
    duty = judge_duty(account, rule, request, step.now)
    choice = choose_duty(duty)
    if choice is None:
        return False
    if _replaces_another(account, request):
        withdraw(step, lead_id=request.lead_id, reason="superseded")
    judged = judge(account, rule, step.now, request)
    standings = tuple(standing._replace(share=0) for standing in judged)
    owners = judge_owners(account, rule, request, step.now)
    assign(
        step,
        rule,
        request,
        choice,
        standings=standings,
        kinds=kind_credits(account, rule, request, standings),
        owners=owners,
        duty=duty,
        because=because,
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


def _is_refused_for_all(request: Request, standings: tuple[Standing, ...]) -> bool:
    """Whether Kommo refuses the lead with everybody who could ever take it.

    One who is off shift, paused or at the limit may be taken yet.
    """
    if len(request.refused) >= REFUSED_MAX:
        return True
    return bool(request.refused) and all(s.verdict in NEVER for s in standings)


def _give_up(step: Step, rule: Rule, request: Request) -> bool:
    """End a request whose lead nobody may have; only duty is left to be asked."""
    if give_to_duty(step, rule, request, "refused"):
        return True
    close_request(
        step,
        request_id=request.request_id,
        lead_id=request.lead_id,
        reason="rejected",
        detail=request.refusal,
    )
    return True


def _wait(step: Step, rule: Rule, request: Request, standings: tuple[Standing, ...]) -> bool:
    """Send the request to duty, or let it wait; whether duty took it."""
    account = step.account
    because = duty_cause(rule, request, standings, step.now)
    if because is not None and give_to_duty(step, rule, request, because):
        return True
    if (
        rule.pace is not None
        and not isinstance(request.state, Waiting)
        and rule.rule_id in account.requests.waiting
    ):
        defer_behind(step, rule, request)
        return False
    look_at = min(
        next_look(account, rule, standings, step.now),
        next_duty_look(account, rule, request, standings, step.now),
    )
    if not isinstance(request.state, Waiting):
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
    if is_behind(account, rule, request):  # it passed an older one, which may be served sooner
        schedule(step, look_timer(rule.rule_id), _sooner(step, rule, look_at))
    else:
        schedule(step, look_timer(rule.rule_id), look_at)
        note_stall(step, rule, request, standings)
    return False


def _sooner(step: Step, rule: Rule, look_at: datetime) -> datetime:
    """The look at the rule's queue that is set already, if it comes before another one."""
    set_for = due_at(step, look_timer(rule.rule_id))
    return look_at if set_for is None or set_for <= step.now else min(set_for, look_at)


def _replaces_another(account: Account, request: Request) -> bool:
    """Whether a decision for an earlier stage of the lead is still on its way."""
    wanted = account.leads[request.lead_id].wanted
    return wanted is not None and wanted.request_id != request.request_id
