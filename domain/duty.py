"""Who has duty at an instant, for the leads that the distribution cannot place (D7.4).

Duty asks neither the ledger nor the limits nor the tie-breaking turns: the fair share goes on
as if a duty lead had never been.
"""

from datetime import datetime

from contracts.events import DutyCause, Standing, Verdict
from domain.account import Account
from domain.configuration import Rule
from domain.standings import Choice, availability, look_at

# Verdicts of people who are there, though they cannot take the lead: their hours are not off.
AT_WORK = ("eligible", "at_limit", "already_tried")


def judge_duty(account: Account, rule: Rule, at: datetime) -> tuple[Standing, ...]:
    """The standing of everyone who may have duty, in the order they are asked.

    Of a standing only the manager, his place (`tier`, the fallback last) and the verdict count.
    The fallback is there when all else fails, so nothing but Kommo's refusal keeps him away.
    """
    if rule.rota is None:
        return ()
    verdicts = [
        (entry.manager_id, availability(account, entry.manager_id, entry.schedule, at))
        for entry in rule.rota.managers
    ]
    if (fallback_id := rule.rota.fallback_id) is not None:
        verdicts.append(
            (fallback_id, "inactive" if account.is_inactive(fallback_id) else "eligible")
        )
    return tuple(
        _standing(account, rule, place, manager_id, verdict)
        for place, (manager_id, verdict) in enumerate(verdicts, start=1)
    )


def choose_duty(standings: tuple[Standing, ...]) -> Choice | None:
    """The first who has duty, None if nobody has; needs nothing but the standings."""
    for standing in standings:
        if standing.verdict == "eligible":
            return Choice(
                manager_id=standing.manager_id, tier=standing.tier, reason="duty", policy="duty"
            )
    return None


def next_duty(account: Account, rule: Rule, at: datetime) -> datetime | None:
    """The earliest instant at which somebody may have duty, None if time will not tell."""
    managers = rule.rota.managers if rule.rota is not None else ()
    looks = [
        look
        for entry, standing in zip(managers, judge_duty(account, rule, at), strict=False)
        if (look := look_at(account, entry.manager_id, entry.schedule, standing.verdict, at))
    ]
    return min(looks, default=None)


def duty_cause(rule: Rule, standings: tuple[Standing, ...]) -> DutyCause | None:
    """Why a lead that nobody can take should go to duty, None to let it wait."""
    if rule.off_hours == "duty" and not any(s.verdict in AT_WORK for s in standings):
        return "off_hours"
    return None


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
