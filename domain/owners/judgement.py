"""Leads that are somebody's already: who they are, and whether they can take them (D6.1, D6.2).

An owner's lead stands in no queue and has no part in the fair share; they get it at once, it
is kept for them until they are back, or, if that takes too long, the fair share decides.
"""

from datetime import datetime

from contracts.events import OwnerDebt, OwnerStanding, ReadingPart, Standing
from contracts.stage import Stage
from domain.choosing.fair_share import owner_movements
from domain.choosing.kinds import kinds_of
from domain.choosing.standings import Choice, availability, look_at
from domain.configuration import Rule
from domain.owners.policy import OwnerPolicy
from domain.schedule import Schedule
from domain.state import Account, Request

# From one obstacle to the next one: a pause, the end of a shift, a vacation.
OBSTACLES_MAX = 10


def judge_owners(
    account: Account, rule: Rule, request: Request, at: datetime
) -> tuple[OwnerStanding, ...]:
    """Whoever is responsible for what belongs to the lead, in the rule's order, up to the owner.

    Returns:
        The last one is the owner, unless the verdict is `not_an_owner`; empty if nobody is known.
    """
    policy = rule.owners
    if policy is None or request.is_handover:
        return ()
    found = {each.source: each.manager_id for each in request.responsibles}
    lead = account.leads[request.lead_id]
    if lead.responsible_id:
        found["lead"] = lead.responsible_id
    if (other_id := _of_other_lead(account, policy, request)) is not None:
        found["other_lead"] = other_id
    standings: list[OwnerStanding] = []
    for source in policy.sources:
        manager_id = found.get(source)
        if manager_id is None:
            continue
        standings.append(_standing(account, rule, request, source, manager_id, at))
        if standings[-1].verdict != "not_an_owner":
            break
    return tuple(standings)


def owner_choice(
    owners: tuple[OwnerStanding, ...],
    standings: tuple[Standing, ...] = (),
    debt: OwnerDebt | None = None,
) -> Choice | None:
    """The owner if they can take the lead, None if they cannot or there is none.

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
    account: Account, rule: Rule, request: Request, owners: tuple[OwnerStanding, ...]
) -> OwnerDebt | None:
    """On which terms the owner's lead counts in the ledger (D3.7), None if it does not.

    Where leads are told apart, they owe no more than that in the lead's kinds either (D3.9).
    """
    if rule.owners is None or rule.owners.debt_max_units is None or not owners:
        return None
    owner_id = owners[-1].manager_id
    credit = account.ledger(rule.ledger).get(owner_id, 0)
    in_kinds = (account.kind_credits(rule.ledger, k) for k in kinds_of(rule, request))
    least = min([credit, *(credit_.get(owner_id, 0) for credit_ in in_kinds)])
    return OwnerDebt(least, rule.owners.debt_max_units)


def is_kept(account: Account, rule: Rule, people: tuple[int, ...]) -> bool:
    """Whether the lead is an employee's own, and the rule leaves such leads alone (D6.3).

    Args:
        account: Knows who is active.
        rule: Whose word it is.
        people: Who is responsible for the lead, and who made it.
    """
    policy = rule.owners
    if policy is None or not policy.keeps_others:
        return False
    return any(_is_other(account, policy, person) for person in people)


def _of_other_lead(account: Account, policy: OwnerPolicy, request: Request) -> int | None:
    """Whose the contact's other leads are (D6.6), None if nobody's.

    What we have just decided about one of them comes first, so that two leads of a contact that
    come together go to the same manager; then the open ones, then the closed ones, each by age.
    What was read of them may have changed since.
    """
    deciding, is_open, closed = list[int](), list[int](), list[int]()
    for other in request.others:
        lead = account.leads.get(other.lead_id)
        if lead is not None and lead.wanted is not None:
            deciding.append(lead.wanted.manager_id)
        elif lead is not None and lead.responsible_id is not None:
            is_open.append(lead.responsible_id)
        elif other.is_open and other.lead_id not in account.gone:
            is_open.append(other.responsible_id)
        else:
            closed.append(other.responsible_id)
    known = [manager_id for manager_id in (*deciding, *is_open, *closed) if manager_id]
    owners = (manager_id for manager_id in known if manager_id in policy.owner_ids)
    return next(owners, known[0] if known else None)


def is_waited_for(rule: Rule, back_at: datetime, *, since: datetime) -> bool:
    """Whether an owner who is away since then, and back at an instant, is worth the wait (D6.2)."""
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
    request: Request,
    source: ReadingPart,
    manager_id: int,
    at: datetime,
) -> OwnerStanding:
    policy = rule.owners
    if policy is None or manager_id not in policy.owner_ids:
        return OwnerStanding(source, manager_id, "not_an_owner", None)
    schedule_ = policy.schedule_by_owner[manager_id]
    verdict = availability(account, manager_id, schedule_, at, request.stage)
    if verdict == "eligible" and manager_id in request.refused:
        return OwnerStanding(source, manager_id, "refused", None)
    if verdict != "eligible":
        back_at = _back_at(account, manager_id, schedule_, at, request.stage)
        return OwnerStanding(source, manager_id, verdict, back_at)
    maximum = None if policy.ignores_limits else policy.limit_by_owner[manager_id]
    if maximum is not None and account.loads.count(manager_id, rule.limit_stages) >= maximum:
        return OwnerStanding(source, manager_id, "at_limit", None)
    tasks = None if policy.ignores_limits else rule.task_limit_of(manager_id)
    if tasks is not None and account.tasks.full_of(manager_id, tasks, at) is not None:
        return OwnerStanding(source, manager_id, "at_limit", None)
    return OwnerStanding(source, manager_id, "eligible", None)


def _back_at(
    account: Account, manager_id: int, schedule_: Schedule | None, at: datetime, stage: Stage
) -> datetime | None:
    """When nothing keeps them away any more, one obstacle after the other; None if nobody knows."""
    for _ in range(OBSTACLES_MAX):
        verdict = availability(account, manager_id, schedule_, at, stage)
        if verdict == "eligible":
            return at
        until = look_at(account, manager_id, schedule_, verdict, at)
        if until is None:
            return None
        at = until
    return None
