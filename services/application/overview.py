"""All accounts side by side, the one that needs somebody most first."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

from projections import assignments, fairness, health, requests, silences, stalls
from projections.health import Vitals
from services.application.installation import Installation
from services.application.operations import behind
from services.application.principal import Principal
from services.gateway import stops
from services.storage import gone
from services.storage.accounts import RegisteredAccount
from services.storage.database import borrow_to_read

# What is wrong with an account, the worst first.
Trouble = Literal[
    "refused_by_kommo",  # it lets us in no more
    "webhooks_off",
    "unaccounted",  # requests that are neither assigned, waiting nor closed
    "pushes_late",  # decisions that have not reached it for too long
    "rules_outdated",  # they name users who left, or stages that were put away
    "trigger_silent",  # one of the widget's that was deleted in Kommo, as it seems
    "stalled",  # leads wait, and nobody of their rule is at work within 14 days
    "unfair",  # somebody is further from the fair share than is promised
]
SEVERITY: tuple[Trouble, ...] = get_args(Trouble)
LATE = timedelta(minutes=5)  # as the alert has it
DAY = timedelta(hours=24)
WEBHOOKS_OFF = ("disabled", "missing")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountOverview:
    """How one account does.

    Attributes:
        troubles: The worst first; empty if all is well.
        given: How many leads were given out in the last 24 hours, to the hour.
        waiting: How many wait now.
        pending: How many decisions Kommo does not hold yet.
        deviation_units: How far the manager furthest from the fair share is from it now.
        behind: Events that the slowest read model has yet to take.
        heard_at: When a webhook last told something new.
        decided_at: When a lead was last given to somebody.
    """

    account_id: int
    subdomain: str
    troubles: tuple[Trouble, ...]
    given: int
    waiting: int
    pending: int
    deviation_units: int
    behind: int
    heard_at: datetime | None
    decided_at: datetime | None

    @property
    def rank(self) -> tuple[object, ...]:
        """Smaller is worse: the worst trouble, then how many, then who waits."""
        worst = [SEVERITY.index(each) for each in self.troubles]
        return (worst or [len(SEVERITY)], -self.waiting - self.pending, self.account_id)


@dataclass(frozen=True, slots=True)
class _Known:
    """What the tables tell of the accounts that are asked for."""

    stopped: Mapping[int, object]
    standing: Mapping[int, Counter[requests.State]]
    backlog: Mapping[int, assignments.Backlog]
    outdated: frozenset[int]
    silent: frozenset[int]
    stalled: frozenset[int]
    unfair: frozenset[int]
    deviations: Mapping[int, int]
    vitals: Mapping[int, Vitals]
    behind: Mapping[int, int]


async def overview(
    installation: Installation, principal: Principal, *, now: datetime
) -> list[AccountOverview]:
    """Every connected account, the worst first.

    Raises:
        Refused: They may not look.
    """
    principal.require("operate")
    accounts = await installation.accounts.all()
    return await _of_these(installation, accounts, now)


async def overview_among(
    installation: Installation, may_read: Callable[[int], bool], *, now: datetime
) -> list[AccountOverview]:
    """Those accounts that somebody may read, the worst first.

    Args:
        installation: Where.
        may_read: Whether they may look at an account.
        now: When.
    """
    accounts = [each for each in await installation.accounts.all() if may_read(each.account_id)]
    return await _of_these(installation, accounts, now)


async def _of_these(
    installation: Installation, accounts: Sequence[RegisteredAccount], now: datetime
) -> list[AccountOverview]:
    if not accounts:
        return []
    known = await _read(installation, [each.account_id for each in accounts])
    return sorted((_of(each, known, now) for each in accounts), key=lambda each: each.rank)


async def _read(installation: Installation, ids: Sequence[int]) -> _Known:
    async with borrow_to_read(installation.pool) as connection:
        return _Known(
            stopped=await stops.all_stops(connection, ids),
            standing=await requests.by_account(connection, ids),
            backlog={each.account_id: each for each in await assignments.backlog(connection, ids)},
            outdated=frozenset(each.account_id for each in await gone.gone(connection, ids)),
            silent=await silences.among(connection, ids),
            stalled=await stalls.among(connection, ids),
            unfair=await fairness.unfair(connection, ids),
            deviations=await fairness.present_deviations(connection, ids),
            vitals={each.account_id: each for each in await health.of_accounts(connection, ids)},
            behind=await behind(connection, ids),
        )


def _of(account: RegisteredAccount, known: _Known, now: datetime) -> AccountOverview:
    account_id = account.account_id
    standing: Counter[requests.State] = known.standing.get(account_id, Counter())
    backlog, vitals = known.backlog.get(account_id), known.vitals.get(account_id)
    troubles: Mapping[Trouble, bool] = {
        "refused_by_kommo": account_id in known.stopped,
        "webhooks_off": account.directory.get("webhooks") in WEBHOOKS_OFF,
        "unaccounted": standing["undecided"] > 0,
        "pushes_late": backlog is not None and now - backlog.oldest_at > LATE,
        "rules_outdated": account_id in known.outdated,
        "trigger_silent": account_id in known.silent,
        "stalled": account_id in known.stalled,
        "unfair": account_id in known.unfair,
    }
    return AccountOverview(
        account_id=account_id,
        subdomain=account.subdomain,
        troubles=tuple(each for each in SEVERITY if troubles[each]),
        given=0 if vitals is None else vitals.given_since(now - DAY),
        waiting=standing["waiting"],
        pending=0 if backlog is None else backlog.leads,
        deviation_units=known.deviations.get(account_id, 0),
        behind=max(0, known.behind.get(account_id, 0)),
        heard_at=None if vitals is None else vitals.heard_at,
        decided_at=None if vitals is None else vitals.decided_at,
    )
