"""What is counted of an account: shares, open leads, what everybody got by the day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from contracts.sentences import Sentence
from domain.explain.kinds import kind_name
from projections import fairness, loads, tallies
from projections.fairness import KindShare, Share
from projections.loads import Load
from projections.tallies import DayTally
from services.application.installation import Installation
from services.application.kinds import ledgers_in_force
from services.application.principal import Principal
from services.application.refused import Refused
from services.application.span import DAYS_MAX
from services.storage.accounts import RegisteredAccount
from services.storage.database import borrow_to_read

# In what tallies can be told apart.
By = Literal["manager", "rule", "day"]
PARTS: tuple[By, ...] = ("day", "manager", "rule")


@dataclass(frozen=True, slots=True, kw_only=True)
class KindFairness:
    """A manager's share in one kind of leads (D3.9)."""

    name: Sentence
    share: KindShare


@dataclass(frozen=True, slots=True, kw_only=True)
class Fairness:
    """How even an account's leads are given out.

    Attributes:
        shares: Every manager of every ledger.
        kinds: The same in each kind that a ledger tells apart.
        promised_units: How far nobody is from the fair share, of what is promised (D3.5).
    """

    shares: Sequence[Share]
    kinds: Sequence[KindFairness]
    promised_units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tallied:
    """What was given out, of one day, manager and rule; None where these are added up."""

    day: date | None
    manager_id: int | None
    rule_id: str | None
    given: int
    as_owner: int
    on_duty: int
    withdrawn: int
    lapsed: int
    passed_on: int

    @property
    def key(self) -> tuple[str, int, str]:
        """By which they are in order."""
        day = "" if self.day is None else self.day.isoformat()
        return (day, self.manager_id or 0, self.rule_id or "")


async def fair(
    installation: Installation, account: RegisteredAccount, principal: Principal
) -> Fairness:
    """How far everybody is from the fair share.

    Raises:
        Refused: They may not look.
    """
    principal.require("read")
    account_id = account.account_id
    async with borrow_to_read(installation.pool) as connection:
        shares = await fairness.of_account(connection, account_id)
        ledgers = await ledgers_in_force(connection, account_id)
        with_kinds = await fairness.with_kinds(connection, account_id, shares)
        in_kinds: list[KindShare] = []
        for ledger in with_kinds:
            in_kinds += await fairness.of_kinds(connection, account_id, ledger=ledger)
    return Fairness(
        shares=shares,
        kinds=[
            KindFairness(name=kind_name(ledgers, each.ledger, each.what, each.kind), share=each)
            for each in in_kinds
        ],
        promised_units=fairness.promised(has_kinds=bool(with_kinds)),
    )


async def open_leads(
    installation: Installation, account: RegisteredAccount, principal: Principal
) -> Sequence[Load]:
    """How many open leads everybody has in which stage (D5.2).

    Raises:
        Refused: They may not look.
    """
    principal.require("read")
    async with borrow_to_read(installation.pool) as connection:
        return await loads.of_account(connection, account.account_id)


async def tallied(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    *,
    first: date,
    last: date,
    by: Sequence[By],
) -> Sequence[Tallied]:
    """What was given out from a day to another one, both whole, added up as wanted.

    Raises:
        Refused: They may not look, or it is too much at once.
    """
    principal.require("read")
    if last < first:
        at = datetime.combine(first, datetime.min.time())
        raise Refused("span_empty", start=at, end=datetime.combine(last, datetime.min.time()))
    if (last - first).days >= DAYS_MAX:
        raise Refused("span_too_long", days=DAYS_MAX)
    async with borrow_to_read(installation.pool) as connection:
        rows = await tallies.in_range(
            connection,
            account_id=account.account_id,
            since=first,
            until=date.fromordinal(last.toordinal() + 1),
        )
    return _added_up(rows, by)


def _added_up(rows: Sequence[DayTally], by: Sequence[By]) -> list[Tallied]:
    parts: dict[tuple[object, ...], list[DayTally]] = {}
    for row in rows:
        key = (
            row.day if "day" in by else None,
            row.manager_id if "manager" in by else None,
            row.rule_id if "rule" in by else None,
        )
        parts.setdefault(key, []).append(row)
    found = [
        Tallied(
            day=alike[0].day if "day" in by else None,
            manager_id=alike[0].manager_id if "manager" in by else None,
            rule_id=alike[0].rule_id if "rule" in by else None,
            given=sum(each.given for each in alike),
            as_owner=sum(each.as_owner for each in alike),
            on_duty=sum(each.on_duty for each in alike),
            withdrawn=sum(each.withdrawn for each in alike),
            lapsed=sum(each.lapsed for each in alike),
            passed_on=sum(each.passed_on for each in alike),
        )
        for alike in parts.values()
    ]
    return sorted(found, key=lambda each: each.key)
