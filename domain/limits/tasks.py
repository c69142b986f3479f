"""How many open tasks each manager has, and how many of them are overdue (D5.6)."""

from bisect import bisect_right, insort
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from contracts.events import Cap
from contracts.rules import TaskLimitSection

_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class TaskLimit:
    """Whom a rule leaves out because of tasks; None for no limit.

    Attributes:
        open_max: Open tasks, those that are overdue not counted.
        overdue_max: Open tasks whose time is over.
    """

    open_max: int | None
    overdue_max: int | None


class OpenTask(NamedTuple):
    """A task that is to be done.

    Attributes:
        manager_id: Kommo's responsible user.
        due_at: Overdue from then on; None for never.
        modified_at: Kommo's time of its last change that we know.
        is_missed: The last list of open tasks did not have it.
    """

    manager_id: int
    due_at: datetime | None
    modified_at: datetime
    is_missed: bool = False


@dataclass(slots=True)
class Tasks:
    """Open tasks of an account by id; nothing where no rule has a limit of tasks.

    Attributes:
        dues: When each manager's are due, ascending; managers without any are missing.
        is_known: Whether Kommo's list has been read to its end: before, the limit holds nobody.
    """

    by_id: dict[int, OpenTask] = field(default_factory=dict)
    dues: dict[int, list[datetime]] = field(default_factory=dict)
    is_known: bool = False

    @classmethod
    def of(cls, known: Iterable[tuple[int, OpenTask]], *, is_known: bool) -> "Tasks":
        """These tasks."""
        tasks = cls(is_known=is_known)
        for task_id, task in known:
            tasks.put(task_id, task)
        return tasks

    def put(self, task_id: int, task: OpenTask | None) -> None:
        """Count a task as it is now; None when it is done, gone or nobody's."""
        before = self.by_id.pop(task_id, None)
        if before is not None:
            dues = self.dues[before.manager_id]
            del dues[bisect_right(dues, before.due_at or _NEVER) - 1]
            if not dues:
                del self.dues[before.manager_id]
        if task is not None:
            self.by_id[task_id] = task
            insort(self.dues.setdefault(task.manager_id, []), task.due_at or _NEVER)

    def count(self, manager_id: int, at: datetime) -> tuple[int, int]:
        """A manager's open tasks that are not overdue at an instant, and those that are."""
        dues = self.dues.get(manager_id, [])
        overdue = bisect_right(dues, at)
        return len(dues) - overdue, overdue

    def full_of(self, manager_id: int, limit: TaskLimit, at: datetime) -> Cap | None:
        """What keeps a manager from taking a lead; None for nothing, or while tasks are unknown."""
        if not self.is_known:
            return None
        to_do, overdue = self.count(manager_id, at)
        if limit.open_max is not None and to_do >= limit.open_max:
            return "tasks"
        if limit.overdue_max is not None and overdue >= limit.overdue_max:
            return "overdue_tasks"
        return None

    def room_at(self, manager_id: int, limit: TaskLimit) -> datetime | None:
        """When so many of their tasks are overdue that the others are below the limit."""
        dues = self.dues.get(manager_id, [])
        if limit.open_max is None or not 0 < limit.open_max <= len(dues):
            return None
        room_at = dues[len(dues) - limit.open_max]
        return None if room_at == _NEVER else room_at


def compile_task_limit(
    own: TaskLimitSection | None, of_rule: TaskLimitSection | None
) -> TaskLimit | None:
    """A participant's limit: their own in place of the rule's."""
    section = own or of_rule
    return None if section is None else TaskLimit(section.max, section.overdue_max)
