"""Who is there, and how they are doing: each manager of an account, now."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from contracts.events import LEAD, Standing
from domain.choosing.standings import judge
from domain.configuration import ACCOUNT_LEDGER, Participant
from domain.state import Account
from projections import fairness, pauses, tallies
from projections.fairness import Share
from services.application.installation import Installation
from services.application.present import Present
from services.application.principal import Principal
from services.application.private import in_clear
from services.application.span import zone_of
from services.storage.accounts import RegisteredAccount
from services.storage.database import borrow_to_read

# at_work: takes leads. full: at work, and at the limit of every rule. The others take none.
Attendance = Literal["at_work", "full", "off_shift", "absent", "paused", "inactive"]
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Teammate:
    """One manager.

    Attributes:
        attendance: What keeps them from leads, the first that does.
        until: When that ends; None if nothing tells, or if nothing does.
        reason: Of a pause.
        by_administrator: Of a pause: they cannot end it themselves.
        got_today: Leads given to them today, by the account's day, less what was taken back.
        open_leads: Theirs now, whoever gave them.
        limit: The most that any rule lets them have; None without a limit.
        deviation_units: Leads that they got beyond the fair share of the ledger of the account;
            below 0 they are owed. None while nothing was shared out.
    """

    manager_id: int
    attendance: Attendance
    until: datetime | None
    reason: str
    by_administrator: bool
    got_today: int
    open_leads: int
    limit: int | None
    deviation_units: int | None


async def everybody(
    installation: Installation,
    present: Present,
    account: RegisteredAccount,
    principal: Principal,
    *,
    now: datetime,
) -> list[Teammate]:
    """Everybody who takes part in a rule, by id.

    Raises:
        Refused: They may not look.
    """
    principal.require("read")
    return await _of(installation, present, account, now=now)


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
    found = await _of(installation, present, account, now=now)
    return next((each for each in found if each.manager_id == manager_id), None)


async def _of(
    installation: Installation, present: Present, account: RegisteredAccount, *, now: datetime
) -> list[Teammate]:
    today = now.astimezone(zone_of(account.timezone)).date()
    async with borrow_to_read(installation.pool) as connection:
        days = await tallies.in_range(
            connection, account_id=account.account_id, since=today, until=today + DAY
        )
        shares = await fairness.of_account(connection, account.account_id)
        paused = await pauses.of_account(connection, account.account_id)
    got: Counter[int] = Counter()
    for day in days:
        got[day.manager_id] += day.given - day.withdrawn
    beyond = {each.manager_id: each for each in shares if each.ledger == ACCOUNT_LEDGER}
    told = await in_clear(installation, account.account_id, [each.reason for each in paused])
    reasons = {each.manager_id: text for each, text in zip(paused, told, strict=True)}
    return seen_in(
        await present.account(account.account_id), now, got=got, shares=beyond, reasons=reasons
    )


def seen_in(
    account: Account,
    now: datetime,
    *,
    got: Mapping[int, int],
    shares: Mapping[int, Share],
    reasons: Mapping[int, str],
) -> list[Teammate]:
    """Everybody of the rules in force, as the account is now."""
    at = max(now, account.now)
    standings: dict[int, list[tuple[Participant, Standing]]] = {}
    for rule in account.configuration.rules:
        for participant, standing in zip(rule.participants, judge(account, rule, at), strict=True):
            standings.setdefault(participant.manager_id, []).append((participant, standing))
    found_all: list[Teammate] = []
    for manager_id, found in sorted(standings.items()):
        attendance, until = _attendance(account, manager_id, at, found)
        pause, share = account.pause_at(manager_id, at), shares.get(manager_id)
        limits = [participant.limit for participant, _ in found]
        found_all.append(
            Teammate(
                manager_id=manager_id,
                attendance=attendance,
                until=until,
                reason="" if pause is None else reasons.get(manager_id, ""),
                by_administrator=pause is not None and pause.by_administrator,
                got_today=got.get(manager_id, 0),
                open_leads=account.loads.count(manager_id, None),
                limit=None if None in limits else max(each for each in limits if each is not None),
                deviation_units=None if share is None else deviation_of(share),
            )
        )
    return found_all


def deviation_of(share: Share) -> int:
    """How far somebody is from their fair share now, above or below, as the meter has it."""
    return share.meter_units if share.assigned * LEAD >= share.share_units else -share.meter_units


def _attendance(
    account: Account,
    manager_id: int,
    at: datetime,
    found: Iterable[tuple[Participant, Standing]],
) -> tuple[Attendance, datetime | None]:
    """What keeps them from leads, in the order of verdicts (D2.2), and when it ends."""
    if account.is_inactive(manager_id):
        return "inactive", None
    pause = account.pause_at(manager_id, at)
    if pause is not None:
        return "paused", pause.until
    schedules = [participant.schedule for participant, _ in found]
    if all(schedule is not None and not schedule.is_open(at) for schedule in schedules):
        starts = [each.next_start(at) for each in schedules if each is not None]
        return "off_shift", min((start for start in starts if start is not None), default=None)
    if account.is_absent(manager_id, at):
        return "absent", account.absent_until(manager_id, at)
    if all(standing.verdict in ("at_limit", "excluded") for _, standing in found):
        return "full", None
    return "at_work", None
