"""Who could take a lead at an instant: verdicts, tiers, shares, and what was chosen (D2, D3)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from contracts.events import Cap, CapPeriod, ChoiceReason, Policy, Standing, Verdict
from domain.account import Account
from domain.configuration import Participant, Rule
from domain.fair_share import shares
from domain.overflow import consulted_tier
from domain.release import Pace, paced_until
from domain.schedule import Schedule

# How soon a waiting request is looked at again when nothing tells an instant. Places that free
# and pauses that end are noticed at once; this is the promise of D1.2, not the mechanism.
LOOK_AGAIN_AT_LIMIT = timedelta(minutes=15)
LOOK_AGAIN = timedelta(hours=1)
# Verdicts of people who are there, though they cannot take the lead: their hours are not off.
AT_WORK = ("eligible", "at_limit", "already_tried")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The winner and what singled him out.

    Attributes:
        movements: By ascending manager id, adding up to 0; empty outside the ledger.
    """

    manager_id: int
    tier: int
    reason: ChoiceReason
    movements: tuple[tuple[int, int], ...] = ()
    policy: Policy = "fair_share"


def judge(
    account: Account,
    rule: Rule,
    at: datetime,
    tried: tuple[int, ...] = (),
    *,
    is_paced: bool = False,
) -> tuple[Standing, ...]:
    """The standing of each participant at an instant; shares are of the consulted tier.

    Args:
        account: Knows users, pauses, absences, loads and credits.
        rule: Whose participants.
        at: The instant.
        tried: Who let the lead lapse in its pass.
        is_paced: The lead has waited, so the pace of the rule holds for it (D8.2).
    """
    ledger = account.ledger(rule.ledger)
    pace = rule.pace if is_paced else None
    verdicts = [_verdict(account, rule, p, at, tried, pace) for p in rule.participants]
    judged = list(zip(rule.participants, verdicts, strict=True))
    tier = consulted_tier(((p.tier, verdict) for p, (verdict, *_) in judged), rule.when_full)
    weights = tuple(
        (p.manager_id, p.weight)
        for p, (verdict, *_) in judged
        if verdict == "eligible" and p.tier == tier
    )
    share = dict(shares(weights)) if weights and rule.policy == "fair_share" else {}
    return tuple(
        Standing(
            manager_id=p.manager_id,
            tier=p.tier,
            verdict=verdict,
            credit=ledger.get(p.manager_id, 0),
            share=share.get(p.manager_id, 0),
            last_turn=account.last_turns.get(p.manager_id, 0),
            open_leads=open_leads,
            limit=p.limit,
            cap=cap,
        )
        for p, (verdict, open_leads, cap) in judged
    )


def why_nobody(standings: tuple[Standing, ...]) -> str:
    """The verdict that keeps most participants away, `nobody` if there are none.

    The eligible of a priority that is not asked are not kept away by their own.
    """
    counts: dict[str, int] = {}
    for standing in standings:
        if standing.verdict != "eligible":
            counts[standing.verdict] = counts.get(standing.verdict, 0) + 1
    return max(counts, key=lambda verdict: (counts[verdict], verdict)) if counts else "nobody"


def next_look(
    account: Account, rule: Rule, standings: tuple[Standing, ...], at: datetime
) -> datetime:
    """The earliest instant after `at` at which one of the verdicts may change (D8.1)."""
    looks = [
        look
        for participant, standing in zip(rule.participants, standings, strict=True)
        if (look := _look(account, rule, participant, standing, at)) is not None
    ]
    return min(looks, default=at + LOOK_AGAIN)


def _look(
    account: Account, rule: Rule, participant: Participant, standing: Standing, at: datetime
) -> datetime | None:
    if standing.cap == "pace":
        release = account.releases.get(rule.rule_id)
        return paced_until(release, rule.pace, participant.manager_id, at)
    if standing.cap is not None and (used_up := _used_up(account, participant, at)):
        return used_up[1]
    return look_at(account, participant.manager_id, participant.schedule, standing.verdict, at)


def availability(
    account: Account, manager_id: int, schedule: Schedule | None, at: datetime
) -> Verdict:
    """Whether a manager is at work at an instant: the verdicts that ask nothing of a rule.

    Args:
        account: Knows users, pauses and absences.
        manager_id: Who is asked for.
        schedule: When he works; None for always.
        at: The instant.
    """
    if account.is_inactive(manager_id):
        return "inactive"
    if account.pause_at(manager_id, at) is not None:
        return "paused"
    if schedule is not None and not schedule.is_open(at):
        return "off_shift"
    if account.is_absent(manager_id, at):
        return "absent"
    return "eligible"


def look_at(
    account: Account, manager_id: int, schedule: Schedule | None, verdict: Verdict, at: datetime
) -> datetime | None:
    """When a verdict may change by itself, None if time does not change it."""
    match verdict:
        case "off_shift" if schedule is not None:
            return schedule.next_start(at)
        case "paused":
            return account.pauses[manager_id].until
        case "absent":
            return account.absent_until(manager_id, at)
        case "at_limit":
            return at + LOOK_AGAIN_AT_LIMIT
        case _:
            return None


def _verdict(
    account: Account,
    rule: Rule,
    participant: Participant,
    at: datetime,
    tried: tuple[int, ...],
    pace: Pace | None,
) -> tuple[Verdict, int, Cap | None]:
    manager_id = participant.manager_id
    open_leads = account.loads.count(manager_id, rule.limit_stages)
    verdict = availability(account, manager_id, participant.schedule, at)
    if verdict != "inactive" and participant.weight == 0:
        verdict = "excluded"
    if verdict != "eligible":
        return verdict, open_leads, None
    if participant.limit is not None and open_leads >= participant.limit:
        return "at_limit", open_leads, None
    if (used_up := _used_up(account, participant, at)) is not None:
        return "at_limit", open_leads, used_up[0]
    release = account.releases.get(rule.rule_id)
    if paced_until(release, pace, manager_id, at) is not None:
        return "at_limit", open_leads, "pace"
    return "already_tried" if manager_id in tried else "eligible", open_leads, None


def _used_up(
    account: Account, participant: Participant, at: datetime
) -> tuple[CapPeriod, datetime] | None:
    given = account.given.get(participant.manager_id)
    if given is None or participant.caps is None:
        return None
    return participant.caps.used_up(given, at)
