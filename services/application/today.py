"""How an account does now: what a sales head wants to know first in the morning."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from projections import decisions, requests
from projections.decisions import Decision, DecisionFilter
from projections.requests import Request
from services.application.condition import AccountCondition, condition
from services.application.installation import Installation
from services.application.principal import Principal
from services.application.problems import AccountProblem, besides, problems
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
        waiting: By rule, the one with the oldest lead first.
        last: The newest decisions.
        unshown_at: When the first event happened that is stored and not shown yet; None if all is.
    """

    condition: AccountCondition
    problems: Sequence[AccountProblem]
    waiting: Sequence[WaitingRule]
    last: Sequence[Decision]
    unshown_at: datetime | None


async def today(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    *,
    shown: int,
    head: int,
    now: datetime,
) -> Today:
    """How an account does now.

    Args:
        installation: Where.
        account: Which.
        principal: Who asks.
        shown: The version that its tables show.
        head: The newest that is stored.
        now: The time.

    Raises:
        Refused: They may not look.
    """
    principal.require("read")
    account_id = account.account_id
    seen = await condition(installation, account, principal, shown=shown, now=now, head=head)
    async with borrow_to_read(installation.pool) as connection:
        waiting = (
            await requests.waiting(connection, account_id, limit=WAITING_MAX)
            if seen.waiting
            else ()
        )
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
        waiting=[
            WaitingRule(
                rule_id=rule_id,
                leads=seen.waiting[rule_id],
                oldest=found[0],
                next_look_at=min(
                    (each.next_look_at for each in found if each.next_look_at), default=None
                ),
            )
            for rule_id, found in by_rule.items()
            # What began to wait between the two looks is in neither the sentence nor the list.
            if rule_id in seen.waiting
        ],
        last=last,
        unshown_at=next((each.event.at for each in unshown), None),
    )
