"""Who has duty at an instant, for the leads that the distribution cannot place (D7.4).

Duty asks neither the ledger nor the limits nor the tie-breaking turns: the fair share goes on
as if a duty lead had never been.
"""

from datetime import UTC, datetime, timedelta

from contracts.events import DutyCause, Standing, Verdict
from contracts.stage import Stage
from domain.choosing.standings import AT_WORK, Choice, availability, look_at
from domain.configuration import Rule
from domain.limits.overflow import is_full, worked_since
from domain.schedule.rota import Rota
from domain.state import Account, Request

NEVER = datetime(9999, 1, 1, tzinfo=UTC)


def judge_duty(
    account: Account, rule: Rule, request: Request, at: datetime
) -> tuple[Standing, ...]:
    """The standing of everyone who may have duty, in the order they are asked.

    Of a standing only the manager, their place (`tier`, the fallback last) and the verdict count.
    The fallback is there when all else fails, so nothing but Kommo's refusal keeps them away.
    """
    verdicts = _verdicts(account, rule, at, request.stage)
    return tuple(
        _standing(account, rule, place, manager_id, _of_lead(request, manager_id, verdict))
        for place, (manager_id, verdict) in enumerate(verdicts, start=1)
    )


def first_on_duty(account: Account, rule: Rule, at: datetime) -> int | None:
    """Who would be asked to take any lead of the rule, None if nobody has duty."""
    verdicts = _verdicts(account, rule, at, None)
    return next((who for who, verdict in verdicts if verdict == "eligible"), None)


def choose_duty(standings: tuple[Standing, ...]) -> Choice | None:
    """The first who has duty, None if nobody has; needs nothing but the standings."""
    for standing in standings:
        if standing.verdict == "eligible":
            return Choice(
                manager_id=standing.manager_id, tier=standing.tier, reason="duty", policy="duty"
            )
    return None


def is_too_old(rule: Rule, request: Request, at: datetime) -> bool:
    """Whether the request is older than the rule lets one become (D8.2)."""
    return rule.age_limit is not None and at - request.opened_at >= rule.age_limit


def duty_cause(
    rule: Rule, request: Request, standings: tuple[Standing, ...], at: datetime
) -> DutyCause | None:
    """Why a request that nobody can take should go to duty, None to let it wait."""
    if is_too_old(rule, request, at):
        return "age_limit"
    if is_full(standings):
        if rule.duty_after is None or _waited(rule, request, standings, at) < rule.duty_after:
            return None
        return "overflow"
    if rule.off_hours == "duty" and not any(s.verdict in AT_WORK for s in standings):
        return "off_hours"
    return None


def next_duty_look(
    account: Account, rule: Rule, request: Request, standings: tuple[Standing, ...], at: datetime
) -> datetime:
    """The earliest instant after `at` at which duty may take the request; far away if never."""
    if rule.rota is None:
        return NEVER
    looks = [NEVER]
    if duty_cause(rule, request, standings, at) is not None:  # nobody has duty now
        looks += _duty_starts(account, rule.rota, judge_duty(account, rule, request, at), at)
    if rule.age_limit is not None:
        looks.append(request.opened_at + rule.age_limit)
    if rule.duty_after is not None and is_full(standings):
        waited = _waited(rule, request, standings, at)
        looks.append(at + rule.duty_after - waited)
    return min(look for look in looks if look > at)


def _waited(
    rule: Rule, request: Request, standings: tuple[Standing, ...], at: datetime
) -> timedelta:
    schedules = (participant.schedule for participant in rule.participants)
    return worked_since(schedules, standings, request.opened_at, at)


def _duty_starts(
    account: Account, rota: Rota, standings: tuple[Standing, ...], at: datetime
) -> list[datetime]:
    return [
        look
        for entry, standing in zip(rota.managers, standings[: len(rota.managers)], strict=True)
        if (look := look_at(account, entry.manager_id, entry.schedule, standing.verdict, at))
    ]


def _verdicts(
    account: Account, rule: Rule, at: datetime, stage: Stage | None
) -> list[tuple[int, Verdict]]:
    """Everyone who may have duty, in the order they are asked; of a stage, or of any."""
    if rule.rota is None:
        return []
    verdicts = [
        (entry.manager_id, availability(account, entry.manager_id, entry.schedule, at, stage))
        for entry in rule.rota.managers
    ]
    if (fallback_id := rule.rota.fallback_id) is not None:
        verdicts.append((fallback_id, _verdict_of_fallback(account, fallback_id, stage)))
    return verdicts


def _verdict_of_fallback(account: Account, manager_id: int, stage: Stage | None) -> Verdict:
    if account.is_inactive(manager_id):
        return "inactive"
    return "eligible" if stage is None or account.may_see(manager_id, stage) else "no_access"


def _of_lead(request: Request, manager_id: int, verdict: Verdict) -> Verdict:
    """The verdict, unless Kommo refused just this lead with them."""
    return "refused" if verdict == "eligible" and manager_id in request.refused else verdict


def _standing(
    account: Account, rule: Rule, place: int, manager_id: int, verdict: Verdict
) -> Standing:
    return Standing(
        manager_id=manager_id,
        tier=place,
        verdict=verdict,
        credit=account.ledger(rule.ledger).get(manager_id, 0),
        share=0,
        last_turn=account.last_turns.get(manager_id, 0),
        open_leads=account.loads.count(manager_id, rule.limit_stages),
        limit=None,
    )
