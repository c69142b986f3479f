"""How an account does now: what a sales head wants to know first in the morning."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from projections import decisions, requests
from projections.decisions import Decision, DecisionFilter
from projections.requests import Request
from projections.response import Speed
from services.application.attendance import Team, everybody
from services.application.condition import AccountCondition, condition
from services.application.installation import Installation
from services.application.next_able import NextAble, next_able
from services.application.present import Present
from services.application.principal import Principal
from services.application.problems import AccountProblem, besides, problems
from services.application.span import DAY, Span
from services.application.speed import speed
from services.storage.accounts import RegisteredAccount
from services.storage.database import borrow_to_read

DECISIONS = 20
WAITING_MAX = 500
TOLD: tuple[decisions.Kind, ...] = (
    "assigned",
    "lapsed",
    "deferred",
    "withdrawn",
    "closed",
    "handed_over",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingRule:
    """Leads of a rule that wait.

    Attributes:
        oldest: The one that asked first.
        next_look_at: When the first of them is looked at again, if nothing changes before.
    """

    rule_id: str
    leads: int
    oldest: Request
    next_look_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Today:
    """An account today.

    Attributes:
        problems: What needs somebody, the worst first.
        next_able: Who can get the next lead, rule by rule.
        waiting: By rule, the one with the oldest lead first.
        speed: Of the leads of the last 24 hours, by rule.
        last: The newest decisions.
        unshown_at: When the first event happened that is stored and not shown yet; None if all is.
    """

    condition: AccountCondition
    problems: Sequence[AccountProblem]
    team: Team
    next_able: Sequence[NextAble]
    waiting: Sequence[WaitingRule]
    speed: Sequence[Speed]
    last: Sequence[Decision]
    unshown_at: datetime | None


async def today(
    installation: Installation,
    present: Present,
    account: RegisteredAccount,
    principal: Principal,
    *,
    shown: int,
    now: datetime,
) -> Today:
    """How an account does now.

    Raises:
        Refused: They may not look.
    """
    principal.require("read")
    account_id = account.account_id
    seen = await condition(installation, account, principal, shown=shown, now=now)
    team = await everybody(installation, present, account, principal, now=now, shares=seen.shares)
    async with borrow_to_read(installation.pool) as connection:
        waiting = await requests.waiting(connection, account_id, limit=WAITING_MAX)
        last = await decisions.page(
            connection, account_id=account_id, limit=DECISIONS, which=DecisionFilter(kinds=TOLD)
        )
        more = await besides(connection, account_id, now=now)
    unshown = await installation.events.stream(account_id, shown, limit=1) if seen.behind else []
    by_rule: defaultdict[str, list[Request]] = defaultdict(list)
    for request in waiting:
        by_rule[request.rule_id or ""].append(request)
    return Today(
        condition=seen,
        problems=problems(account, seen, more, now=now),
        team=team,
        next_able=await next_able(present, account, principal, now=now),
        waiting=[
            WaitingRule(
                rule_id=rule_id,
                leads=seen.waiting.get(rule_id, 0),
                oldest=found[0],
                next_look_at=min(
                    (each.next_look_at for each in found if each.next_look_at), default=None
                ),
            )
            for rule_id, found in by_rule.items()
        ],
        speed=await speed(
            installation,
            account,
            principal,
            span=Span(start=now - DAY, end=now),
            by="rule",
            now=now,
        ),
        last=last,
        unshown_at=next((each.event.at for each in unshown), None),
    )
