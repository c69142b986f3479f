"""How people are told of decisions, by a rule."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from contracts.rules import TellSection
from domain.schedule import HORIZON, Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskOrder:
    """A task for the manager of a lead.

    Attributes:
        due_within: In their working time.
        wording: Empty for our own words.
    """

    due_within: timedelta
    wording: str

    def due_at(self, start: datetime, schedule: Schedule | None) -> datetime:
        """Until when a manager is to do it who works by the schedule; None is always at work.

        A schedule without enough work ahead leaves them until the horizon.
        """
        if schedule is None:
            return start + self.due_within
        return schedule.worked_at(start, self.due_within) or start + HORIZON


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """The compiled form of a rule's `tell` section.

    Attributes:
        webhook: The target's name; None for no target.
    """

    note: bool
    task: TaskOrder | None
    webhook: str | None = None


def compile_telling(section: TellSection) -> Telling | None:
    """Compile a section; None when it tells nobody."""
    if not section.note and section.task is None and section.webhook is None:
        return None
    task = section.task
    return Telling(
        note=section.note,
        task=TaskOrder(due_within=timedelta(minutes=task.due_minutes), wording=task.text)
        if task is not None
        else None,
        webhook=section.webhook,
    )
