"""Who can get the next lead of each rule, and why whoever is owed most cannot (W2)."""

from dataclasses import dataclass
from datetime import datetime

from contracts.events import Standing, Verdict
from domain.choosing.fewest_given import levels
from domain.choosing.policies import choose_under
from domain.choosing.standings import AT_WORK, judge, look_at, next_look
from domain.configuration import Rule
from domain.duty import first_on_duty
from domain.requests.queue import look_timer
from domain.state import Account
from services.application.present import Present
from services.application.principal import Principal
from services.storage.accounts import RegisteredAccount


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """Whoever is owed more than the next one, and cannot have it now.

    Attributes:
        credit_units: That they are owed.
        verdict: What keeps them from it; `eligible` for a lower priority.
        until: When that ends; None if nothing tells.
    """

    manager_id: int
    credit_units: int
    verdict: Verdict
    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NextAble:
    """The next lead of a rule.

    Attributes:
        manager_id: Who would get it now; None for nobody.
        has_duty: They get it because nobody of the rule is at work.
        is_by_kind: The kind of the lead has a say as well (D3.9).
        passed: Whoever is owed most, if that is somebody else.
        looks_at: When it is looked at again, where nobody can have it.
    """

    rule_id: str
    manager_id: int | None
    has_duty: bool = False
    is_by_kind: bool = False
    passed: Passed | None = None
    looks_at: datetime | None = None


async def next_able(
    present: Present, account: RegisteredAccount, principal: Principal, *, now: datetime
) -> list[NextAble]:
    """Who would get a lead that asked now, rule by rule in their order.

    Raises:
        Refused: They may not look.
    """
    principal.require("read")
    return next_in(await present.account(account.account_id), now)


def next_in(account: Account, now: datetime) -> list[NextAble]:
    """The same of an account as it is."""
    at = max(now, account.now)
    return [_of(account, rule, at) for rule in account.configuration.rules]


def _of(account: Account, rule: Rule, at: datetime) -> NextAble:
    standings = judge(account, rule, at)
    choice = choose_under(rule, standings, (), levels(account, rule, standings, at))
    if choice is not None:
        won = next(each for each in standings if each.manager_id == choice.manager_id)
        return NextAble(
            rule_id=rule.rule_id,
            manager_id=choice.manager_id,
            is_by_kind=bool(rule.kinds),
            passed=_passed(account, rule, standings, won, at)
            if rule.policy == "fair_share"
            else None,
        )
    is_empty = not any(each.verdict in AT_WORK for each in standings)
    duty = first_on_duty(account, rule, at) if is_empty and rule.off_hours == "duty" else None
    return NextAble(
        rule_id=rule.rule_id,
        manager_id=duty,
        has_duty=duty is not None,
        looks_at=None if duty is not None else _looks_at(account, rule, standings, at),
    )


def _looks_at(
    account: Account, rule: Rule, standings: tuple[Standing, ...], at: datetime
) -> datetime:
    """When somebody may be found: whoever comes behind others is looked at with them (D5.3)."""
    found = next_look(account, rule, standings, at)
    timer = account.timers.get(look_timer(rule.rule_id))
    if timer is None or timer.due_at is None or timer.due_at <= at:
        return found
    return min(found, timer.due_at)


def _passed(
    account: Account, rule: Rule, standings: tuple[Standing, ...], won: Standing, at: datetime
) -> Passed | None:
    """Whoever takes no part in this lead though more is owed to them."""
    schedules = {each.manager_id: each.schedule for each in rule.participants}
    owed = [each for each in standings if not each.share and each.credit > won.credit]
    if not owed:
        return None
    most = max(owed, key=lambda each: (each.credit, -each.manager_id))
    schedule = schedules[most.manager_id]
    return Passed(
        manager_id=most.manager_id,
        credit_units=most.credit,
        verdict=most.verdict,
        until=look_at(account, most.manager_id, schedule, most.verdict, at)
        if most.verdict in ("off_shift", "paused", "absent")
        else None,
    )
