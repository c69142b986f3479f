"""Who is there at an instant: the verdicts that ask nothing of a rule (D2.2)."""

from bisect import bisect_left
from datetime import datetime

from contracts.events import Verdict
from contracts.stage import Stage
from domain.schedule import Schedule
from domain.state import Account


class Roll:
    """Whom a manager's state lets work at an instant.

    What does not depend on the manager is looked up once, and what nobody is concerned by is not
    asked at all: a decision asks for dozens of managers, of whom hardly anyone is away.
    """

    __slots__ = (
        "_absences",
        "_account",
        "_active_ids",
        "_at",
        "_is_open",
        "_limited",
        "_pauses",
        "_refused_ids",
        "_schedule",
        "_stage",
    )

    def __init__(self, account: Account, at: datetime, stage: Stage | None = None) -> None:
        """Open the roll.

        Args:
            account: Knows users, pauses and absences.
            at: The instant.
            stage: Where the lead is, if it is about one.
        """
        absences = account.configuration.absences
        self._account = account
        self._at = at
        self._stage = stage
        self._refused_ids = account.refused_user_ids
        self._active_ids = account.active_user_ids
        self._limited = account.limited
        self._pauses = account.pauses
        self._absences = absences if absences is not None and absences.by_manager else None
        # Participants of a rule mostly work by the same schedule.
        self._schedule: Schedule | None = None
        self._is_open = True

    def verdict(self, manager_id: int, schedule: Schedule | None) -> Verdict:  # noqa: PLR0911 - a verdict each
        """Whether the manager is at work, by a schedule or always."""
        active = self._active_ids
        if active is not None:
            place = bisect_left(active, manager_id)
            if place == len(active) or active[place] != manager_id:
                return "inactive"
        if self._refused_ids and manager_id in self._refused_ids:
            return "inactive"
        if self._limited and not self._account.may_see(manager_id, self._stage):
            return "no_access"
        if manager_id in self._pauses and self._account.pause_at(manager_id, self._at) is not None:
            return "paused"
        if schedule is not self._schedule:
            self._schedule = schedule
            self._is_open = schedule is None or schedule.is_open(self._at)
        if not self._is_open:
            return "off_shift"
        if self._absences is not None and self._absences.is_absent(manager_id, self._at):
            return "absent"
        return "eligible"
