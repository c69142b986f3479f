"""Who could take a lead at an instant: verdicts, tiers, shares, and what was chosen (D2, D3)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from contracts.events import Cap, CapPeriod, ChoiceReason, Policy, Standing, Verdict
from contracts.stage import Stage
from domain.choosing.fair_share import shares
from domain.choosing.roll import Roll
from domain.configuration import Participant, Rule
from domain.limits.overflow import consulted_tier
from domain.limits.pacing import paced_until
from domain.limits.tasks import Tasks
from domain.schedule import Schedule
from domain.state import Account, Request

# How soon a waiting request is looked at again when nothing tells an instant. Places that free
# and pauses that end are noticed at once; this is the promise of D1.2, not the mechanism.
LOOK_AGAIN_AT_LIMIT = timedelta(minutes=15)
LOOK_AGAIN = timedelta(hours=1)
# Verdicts of people who are there, though they cannot take the lead: their hours are not off.
AT_WORK = ("eligible", "at_limit", "refused", "already_tried")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The winner and what singled them out.

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
    request: Request | None = None,
    *,
    is_paced: bool = False,
) -> tuple[Standing, ...]:
    """The standing of each participant at an instant; shares are of the consulted tier.

    Args:
        account: Knows users, pauses, absences, loads and credits.
        rule: Whose participants.
        at: The instant.
        request: For which lead; None for one that everybody may have.
        is_paced: The lead has waited, so the pace of the rule holds for it (D8.2).
    """
    judged = _verdicts(account, rule, at, request, is_paced=is_paced)
    tier = consulted_tier(((p.tier, verdict) for p, verdict, _, _ in judged), rule.when_full)
    share: dict[int, int] = {}
    if rule.policy == "fair_share":
        weights = tuple(
            (p.manager_id, p.weight)
            for p, verdict, _, _ in judged
            if verdict == "eligible" and p.tier == tier
        )
        share = dict(shares(weights)) if weights else {}
    credit_of, share_of = account.ledger(rule.ledger).get, share.get
    last_turn_of = account.last_turns.get
    return tuple(
        Standing(  # by place: by name it takes three times as long, for a dozen in each decision
            (manager_id := p.manager_id),
            p.tier,
            verdict,
            credit_of(manager_id, 0),
            share_of(manager_id, 0),
            last_turn_of(manager_id, 0),
            open_leads,
            p.limit,
            cap,
        )
        for p, verdict, open_leads, cap in judged
    )


def _verdicts(
    account: Account, rule: Rule, at: datetime, request: Request | None, *, is_paced: bool
) -> list[tuple[Participant, Verdict, int, Cap | None]]:
    """Each participant's verdict, their open leads, and the cap that keeps them away."""
    roll = Roll(account, at, request.stage if request is not None else None)
    refused, tried = (request.refused, request.tried) if request is not None else ((), ())
    loads, stages, is_capped = account.loads, rule.limit_stages, bool(account.given)
    tasks = account.tasks if account.tasks.is_known else None
    release = account.releases.get(rule.rule_id) if is_paced else None
    found: list[tuple[Participant, Verdict, int, Cap | None]] = []
    for participant in rule.participants:
        manager_id, limit = participant.manager_id, participant.limit
        open_leads = loads.count(manager_id, stages)
        verdict = roll.verdict(manager_id, participant.schedule)
        cap: Cap | None = None
        if not participant.weight and verdict != "inactive":
            verdict = "excluded"
        elif verdict != "eligible":
            pass
        elif limit is not None and open_leads >= limit:
            verdict = "at_limit"
        elif is_capped and (used_up := _used_up(account, participant, at)) is not None:
            verdict, cap = "at_limit", used_up[0]
        elif tasks is not None and (cap := _full_of_tasks(tasks, participant, at)) is not None:
            verdict = "at_limit"
        elif release is not None and paced_until(release, rule.pace, manager_id, at) is not None:
            verdict, cap = "at_limit", "pace"
        elif manager_id in refused:
            verdict = "refused"
        elif manager_id in tried:
            verdict = "already_tried"
        found.append((participant, verdict, open_leads, cap))
    return found


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
    if standing.cap == "tasks" and participant.task_limit is not None:
        room_at = account.tasks.room_at(participant.manager_id, participant.task_limit)
        later = at + LOOK_AGAIN_AT_LIMIT
        return later if room_at is None else min(room_at, later)
    if standing.cap is not None and (used_up := _used_up(account, participant, at)):
        return used_up[1]
    return look_at(account, participant.manager_id, participant.schedule, standing.verdict, at)


def availability(
    account: Account,
    manager_id: int,
    schedule: Schedule | None,
    at: datetime,
    stage: Stage | None = None,
) -> Verdict:
    """Whether a manager is at work at an instant: the verdicts that ask nothing of a rule.

    Args:
        account: Knows users, pauses and absences.
        manager_id: Who is asked for.
        schedule: When they work; None for always.
        at: The instant.
        stage: Where the lead is, if it is about one.
    """
    return Roll(account, at, stage).verdict(manager_id, schedule)


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


def _full_of_tasks(tasks: Tasks, participant: Participant, at: datetime) -> Cap | None:
    limit = participant.task_limit
    return None if limit is None else tasks.full_of(participant.manager_id, limit, at)


def _used_up(
    account: Account, participant: Participant, at: datetime
) -> tuple[CapPeriod, datetime] | None:
    given = account.given.get(participant.manager_id)
    if given is None or participant.caps is None:
        return None
    return participant.caps.used_up(given, at)
