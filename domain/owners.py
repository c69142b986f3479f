"""Leads that are somebody's already: who he is, and whether he can take them (D6.1, D6.2).

An owner's lead stands in no queue and has no part in the fair share; he gets it at once, it is
kept for him until he is back, or, if that takes too long, the fair share decides.
"""

from datetime import datetime

from contracts.events import OwnerDebt, OwnerStanding, ReadingPart, RequestReserved, Standing
from domain.account import Account, Request
from domain.configuration import Rule
from domain.fair_share import owner_movements
from domain.owner_policy import OwnerPolicy
from domain.schedule import Schedule
from domain.standings import Choice, availability, look_at
from domain.step import Step
from domain.timers import due_at, schedule

# From one obstacle to the next one: a pause, the end of a shift, a vacation.
OBSTACLES_MAX = 10


def judge_owners(
    account: Account, rule: Rule, request: Request, at: datetime
) -> tuple[OwnerStanding, ...]:
    """Whoever is responsible for what belongs to the lead, in the rule's order, up to the owner.

    Returns:
        The last one is the owner, unless his verdict is `not_an_owner`; empty if nobody is known.
    """
    policy = rule.owners
    if policy is None or request.is_handover:
        return ()
    found = {each.source: each.manager_id for each in request.responsibles}
    lead = account.leads[request.lead_id]
    if lead.responsible_id:
        found["lead"] = lead.responsible_id
    standings: list[OwnerStanding] = []
    for source in policy.sources:
        manager_id = found.get(source)
        if manager_id is None:
            continue
        standings.append(_standing(account, rule, policy, source, manager_id, at))
        if standings[-1].verdict != "not_an_owner":
            break
    return tuple(standings)


def owner_choice(
    owners: tuple[OwnerStanding, ...],
    standings: tuple[Standing, ...] = (),
    debt: OwnerDebt | None = None,
) -> Choice | None:
    """The owner if he can take the lead, None if he cannot or there is none.

    Needs nothing but what the event records, so any decision can be taken again from it.

    Args:
        owners: Up to the first owner.
        standings: Who would have shared the lead, if it counts.
        debt: On which terms it counts; None if it does not.
    """
    if not owners or owners[-1].verdict != "eligible":
        return None
    owner_id = owners[-1].manager_id
    movements: tuple[tuple[int, int], ...] = ()
    if debt is not None:
        movements = owner_movements(
            tuple((s.manager_id, s.share) for s in standings if s.share),
            owner_id=owner_id,
            credit=debt.credit,
            debt_max_units=debt.max_units,
        )
    return Choice(manager_id=owner_id, tier=0, reason="owner", movements=movements, policy="owner")


def owner_terms(
    account: Account, rule: Rule, owners: tuple[OwnerStanding, ...]
) -> OwnerDebt | None:
    """On which terms the owner's lead counts in the ledger (D3.7), None if it does not."""
    if rule.owners is None or rule.owners.debt_max_units is None or not owners:
        return None
    credit = account.ledger(rule.ledger).get(owners[-1].manager_id, 0)
    return OwnerDebt(credit, rule.owners.debt_max_units)


def reserve(step: Step, rule: Rule, request: Request, owners: tuple[OwnerStanding, ...]) -> bool:
    """Keep the lead for its owner if he will be back soon enough (D6.2); whether it is kept."""
    if not owners or (owner := owners[-1]).back_at is None:
        return False
    known = step.account.reserved.get(owner.manager_id, {}).get(request.request_id)
    since = known.since if known is not None else step.now
    if not _is_waited_for(rule, owner.back_at, since=since):
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
    """The timer of the leads that are kept for him."""
    return f"owner/{manager_id}"


def is_kept(account: Account, rule: Rule, *, responsible_id: int | None, created_by: int) -> bool:
    """Whether the lead is an employee's own, and the rule leaves such leads alone (D6.3)."""
    policy = rule.owners
    if policy is None or not policy.keeps_others:
        return False
    return any(
        _is_other(account, policy, person) for person in (responsible_id, created_by) if person
    )


def _is_waited_for(rule: Rule, back_at: datetime, *, since: datetime) -> bool:
    policy = rule.owners
    if policy is None:
        return False
    hours = policy.hours
    away = back_at - since if hours is None else hours.working_time_between(since, back_at)
    return away <= policy.waits


def _is_other(account: Account, policy: OwnerPolicy, person: int) -> bool:
    if person in policy.owner_ids or account.is_inactive(person):
        return False
    return policy.keep_for is None or person in policy.keep_for


def _standing(
    account: Account,
    rule: Rule,
    policy: OwnerPolicy,
    source: ReadingPart,
    manager_id: int,
    at: datetime,
) -> OwnerStanding:
    if manager_id not in policy.owner_ids:
        return OwnerStanding(source, manager_id, "not_an_owner", None)
    schedule_ = policy.schedule_by_owner[manager_id]
    verdict = availability(account, manager_id, schedule_, at)
    if verdict != "eligible":
        back_at = _back_at(account, manager_id, schedule_, at)
        return OwnerStanding(source, manager_id, verdict, back_at)
    maximum = None if policy.ignores_limits else policy.limit_by_owner[manager_id]
    if maximum is not None and account.loads.count(manager_id, rule.limit_stages) >= maximum:
        return OwnerStanding(source, manager_id, "at_limit", None)
    return OwnerStanding(source, manager_id, "eligible", None)


def _back_at(
    account: Account, manager_id: int, schedule_: Schedule | None, at: datetime
) -> datetime | None:
    """When nothing keeps him away any more, one obstacle after the other; None if nobody knows."""
    for _ in range(OBSTACLES_MAX):
        verdict = availability(account, manager_id, schedule_, at)
        if verdict == "eligible":
            return at
        until = look_at(account, manager_id, schedule_, verdict, at)
        if until is None:
            return None
        at = until
    return None
