"""When somebody of a rule will be at work, by hours, absences and pauses (D8.1, D8.3)."""

from datetime import datetime, timedelta

from contracts.stage import Stage
from domain.configuration import Participant, Rule
from domain.state import Account

# A rule whose people all stay away for longer raises an alert.
IN_SIGHT = timedelta(days=14)


def next_presence(account: Account, rule: Rule, stage: Stage, at: datetime) -> datetime | None:
    """The first instant from `at` on at which anybody is at work; None if nobody is in sight.

    Only those who may see a lead in the stage count.
    """
    starts = [_presence(account, p, stage, at, open_pauses=True) for p in rule.participants]
    return min((start for start in starts if start is not None), default=None)


def is_anybody_in_sight(account: Account, rule: Rule, stage: Stage, at: datetime) -> bool:
    """Whether somebody who may see a lead in the stage has a shift in the next 14 days.

    A pause without end takes nobody out of sight: it may end with a click.
    """
    return any(
        _presence(account, p, stage, at, open_pauses=False) is not None for p in rule.participants
    )


def _presence(
    account: Account, participant: Participant, stage: Stage, at: datetime, *, open_pauses: bool
) -> datetime | None:
    manager_id, schedule = participant.manager_id, participant.schedule
    if participant.weight == 0 or account.is_inactive(manager_id):
        return None
    if not account.may_see(manager_id, stage):
        return None
    start: datetime | None = at
    while start is not None and start <= at + IN_SIGHT:
        pause = account.pause_at(manager_id, start)
        if pause is not None and (open_pauses or pause.until is not None):
            start = pause.until
        elif schedule is not None and not schedule.is_open(start):
            start = schedule.next_start(start)
        elif account.is_absent(manager_id, start):
            start = account.absent_until(manager_id, start)
        else:
            return start
    return None
