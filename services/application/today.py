"""How an account does now: what a sales head wants to know first in the morning."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from projections import decisions, fairness, requests
from projections.decisions import Decision, DecisionFilter
from projections.requests import Request, State
from services.application.attendance import Teammate, everybody
from services.application.installation import Installation
from services.application.overview import AccountOverview, overview_of
from services.application.present import Present
from services.application.principal import Principal
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
    """

    rule_id: str
    leads: int
    oldest: Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Today:
    """An account today.

    Attributes:
        overview: What is wrong, the worst first, and the last 24 hours in numbers.
        got_today: Leads given out today, less what was taken back.
        standing: Of all requests ever: how many are in each state.
        promised_units: That nobody is so far.
        waiting: By rule, the one with the oldest lead first.
        last: The newest decisions.
    """

    overview: AccountOverview
    team: list[Teammate]
    standing: Counter[State]
    promised_units: int
    waiting: list[WaitingRule]
    last: list[Decision]

    @property
    def got_today(self) -> int:
        """Leads given out today, less what was taken back."""
        return sum(each.got_today for each in self.team)


async def today(
    installation: Installation,
    present: Present,
    account: RegisteredAccount,
    principal: Principal,
    *,
    now: datetime,
) -> Today:
    """How an account does now.

    Raises:
        Refused: They may not look.
    """
    principal.require("read")
    account_id = account.account_id
    seen = await overview_of(installation, account, principal, now=now)
    people = await everybody(installation, present, account, principal, now=now)
    async with borrow_to_read(installation.pool) as connection:
        standing: Counter[State] = Counter()
        by_rule: Counter[str] = Counter()
        for tally in await requests.counts(connection, account_id):
            standing[tally.state] += tally.requests
            if tally.state == "waiting":
                by_rule[tally.rule_id] += tally.requests
        waiting = await requests.waiting(connection, account_id, limit=WAITING_MAX)
        last = await decisions.page(
            connection, account_id=account_id, limit=DECISIONS, which=DecisionFilter(kinds=TOLD)
        )
        promised = await fairness.promised(connection, account_id)
    oldest: dict[str, Request] = {}
    for request in waiting:
        oldest.setdefault(request.rule_id or "", request)
    return Today(
        overview=seen,
        team=people,
        standing=standing,
        promised_units=promised,
        waiting=[
            WaitingRule(rule_id=rule_id, leads=by_rule[rule_id], oldest=request)
            for rule_id, request in oldest.items()
        ],
        last=last,
    )
