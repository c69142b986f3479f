"""Who is there, and how they are doing: each manager of an account, now."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from contracts.events import LEAD, Standing
from domain.choosing.standings import judge
from domain.configuration import ACCOUNT_LEDGER, Participant
from domain.schedule import Schedule
from domain.state import Account
from projections import fairness, pauses, tallies
from projections.fairness import Share
from services.application.cover import Away, Hours, hours_of, kept_away
from services.application.installation import Installation
from services.application.present import Present
from services.application.principal import Principal
from services.application.private import in_clear
from services.application.span import Span, day_from
from services.storage.accounts import RegisteredAccount
from services.storage.database import borrow_to_read

# at_work: takes leads. full: at work, and at the limit of every rule. The others take none.
Attendance = Literal["at_work", "full"] | Away
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Teammate:
    """One manager.

    Attributes:
        has_duty_only: They take what nobody else can, and part in no rule besides.
        attendance: What keeps them from leads, the first that does.
        until: When that ends; None if nothing tells, or if nothing does.
        reason: Of a pause.
        by_administrator: Of a pause: they cannot end it themselves.
        got_today: Leads given to them today, by the account's day, less what was taken back.
        open_leads: Theirs now, whoever gave them.
        limit: The most that any rule lets them have; None without a limit.
        deviation_units: Leads that they got beyond the fair share of the ledger of the account;
            below 0 they are owed. None while nothing was shared out.
        hours: When they work on this day of the account, pauses left out.
    """

    manager_id: int
    has_duty_only: bool
    attendance: Attendance
    until: datetime | None
    reason: str
    by_administrator: bool
    got_today: int
    open_leads: int
    limit: int | None
    deviation_units: int | None
    hours: Hours


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """Everybody, on a day of the account.

    Attributes:
        got_today: Leads given out on it, less what was taken back, whoever got them.
        day: From its midnight to the next.
    """

    mates: Sequence[Teammate]
    got_today: int
    day: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedDay:
    """What is counted of a day of the account.

    Attributes:
        span: From its midnight to the next.
        got: What each manager got, less what was taken back.
        shares: Of the ledger of the account, by manager.
        reasons: Of pauses, by manager.
    """

    span: Span
    got: Mapping[int, int]
    shares: Mapping[int, Share]
    reasons: Mapping[int, str]


async def everybody(
    installation: Installation,
    present: Present,
    account: RegisteredAccount,
    principal: Principal,
    *,
    now: datetime,
    shares: Sequence[Share] | None = None,
) -> Team:
    """Everybody who takes part in a rule, or has duty for one, by id.

    Args:
        installation: Where.
        present: Accounts as they are.
        account: Which.
        principal: Who asks.
        now: The time.
        shares: Of everybody in all ledgers, where whoever asks has read them already.

    Raises:
        Refused: They may not look.
    """
    principal.require("read")
    return await _of(installation, present, account, now=now, shares=shares)


async def oneself(
    installation: Installation,
    present: Present,
    account: RegisteredAccount,
    principal: Principal,
    manager_id: int,
    *,
    now: datetime,
) -> Teammate | None:
    """One manager; one's own with `self`. None if they take part in no rule.

    Raises:
        Refused: They may not look.
    """
    principal.require_own("read", manager_id)
    found = await _of(installation, present, account, now=now, only=manager_id)
    return next(iter(found.mates), None)


async def _of(
    installation: Installation,
    present: Present,
    account: RegisteredAccount,
    *,
    now: datetime,
    only: int | None = None,
    shares: Sequence[Share] | None = None,
) -> Team:
    today, span = day_from("", now=now, timezone=account.timezone)
    async with borrow_to_read(installation.pool) as connection:
        days = await tallies.in_range(
            connection,
            account_id=account.account_id,
            since=today,
            until=today + DAY,
            manager_id=only,
        )
        if shares is None:
            shares = await fairness.of_account(connection, account.account_id, manager_id=only)
        paused = await pauses.of_account(connection, account.account_id)
    got: Counter[int] = Counter()
    for each in days:
        got[each.manager_id] += each.given - each.withdrawn
    told = await in_clear(installation, account.account_id, [each.reason for each in paused])
    day = CountedDay(
        span=span,
        got=got,
        shares={each.manager_id: each for each in shares if each.ledger == ACCOUNT_LEDGER},
        reasons={each.manager_id: text for each, text in zip(paused, told, strict=True)},
    )
    mates = seen_in(await present.account(account.account_id), now, day, only=only)
    return Team(mates=mates, got_today=got.total(), day=span)


def seen_in(
    account: Account, now: datetime, day: CountedDay, *, only: int | None = None
) -> list[Teammate]:
    """Everybody of the rules in force, or one of them, as the account is now."""
    at = max(now, account.now)
    standings: dict[int, list[tuple[Participant, Standing]]] = {}
    on_duty: dict[int, list[Schedule | None]] = {}
    for rule in account.configuration.rules:
        if only is None or any(each.manager_id == only for each in rule.participants):
            judged = zip(rule.participants, judge(account, rule, at), strict=True)
            for participant, standing in judged:
                standings.setdefault(participant.manager_id, []).append((participant, standing))
        for each in rule.rota.managers if rule.rota is not None else ():
            on_duty.setdefault(each.manager_id, []).append(each.schedule)
        if rule.rota is not None and rule.rota.fallback_id is not None:
            on_duty.setdefault(rule.rota.fallback_id, [])
    return [
        _teammate(account, manager_id, at, standings.get(manager_id, []), on_duty, day)
        for manager_id in sorted({*standings, *on_duty})
        if only in (None, manager_id)
    ]


def _teammate(
    account: Account,
    manager_id: int,
    at: datetime,
    found: Sequence[tuple[Participant, Standing]],
    on_duty: Mapping[int, Sequence[Schedule | None]],
    day: CountedDay,
) -> Teammate:
    duty = on_duty.get(manager_id, ())
    works = [participant.schedule for participant, _ in found]
    attendance, until = _attendance(account, manager_id, at, found, works or duty)
    pause, share = account.pause_at(manager_id, at), day.shares.get(manager_id)
    limits = [participant.limit for participant, _ in found]
    return Teammate(
        manager_id=manager_id,
        has_duty_only=not found,
        attendance=attendance,
        until=until,
        reason="" if pause is None else day.reasons.get(manager_id, ""),
        by_administrator=pause is not None and pause.by_administrator,
        got_today=day.got.get(manager_id, 0),
        open_leads=account.loads.count(manager_id, None),
        limit=None
        if None in limits
        else max((each for each in limits if each is not None), default=None),
        deviation_units=None if share is None else deviation_of(share),
        hours=hours_of(account.configuration, manager_id, [*works, *duty], day.span),
    )


def deviation_of(share: Share) -> int:
    """How far somebody is from their fair share now, above or below, as the meter has it."""
    return share.meter_units if share.assigned * LEAD >= share.share_units else -share.meter_units


def _attendance(
    account: Account,
    manager_id: int,
    at: datetime,
    found: Iterable[tuple[Participant, Standing]],
    schedules: Sequence[Schedule | None],
) -> tuple[Attendance, datetime | None]:
    """What keeps them from leads, in the order of verdicts (D2.2), and when it ends."""
    pause = account.pause_at(manager_id, at)
    away = kept_away(
        schedules=schedules,
        is_paused=pause is not None,
        is_absent=account.is_absent(manager_id, at),
        at=at,
        is_inactive=account.is_inactive(manager_id),
    )
    if away == "off_shift":
        starts = [each.next_start(at) for each in schedules if each is not None]
        return away, min((start for start in starts if start is not None), default=None)
    if away == "absent":
        return away, account.absent_until(manager_id, at)
    if away is not None:
        return away, None if pause is None or away == "inactive" else pause.until
    verdicts = {standing.verdict for _, standing in found}
    if verdicts and verdicts <= {"at_limit", "excluded"}:
        return "full", None
    return "at_work", None
