"""What Kommo tells of tasks, where a rule has a limit of them (D5.6).

Webhooks are counted as they come. A list of all open tasks, read again and again, repairs what
they did not tell, told wrongly, or was invented. Pages of a list shift while it is read, so what
is missing in one list is only counted no more when the next one has not got it either.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Literal

from contracts.events import TaskChange, TasksCounted
from contracts.inbound import SeenTask, TaskRemoved, TaskReported, TasksListed
from domain.limits.tasks import OpenTask
from domain.state import Account
from domain.step import Step

# An unknown task of before may be one that is done: Kommo repeats webhooks for hours.
FRESH = timedelta(minutes=2)
# What webhooks may add to what is known, whoever sends them.
TASKS_MAX = 200_000


def on_reported(step: Step, message: TaskReported) -> None:
    """A webhook about a task: it was made, changed, or done."""
    account, seen = step.account, message.task
    counts = account.configuration.counts_tasks
    if not counts or not account.is_credible(seen.modified_at, step.now):
        return
    known = account.tasks.by_id.get(seen.task_id)
    is_theirs = message.is_open and bool(seen.responsible_id)
    if known is None:
        is_news = step.now - seen.modified_at <= FRESH and len(account.tasks.by_id) < TASKS_MAX
        changes = [_change(seen)] if is_theirs and is_news else []
    elif seen.modified_at < known.modified_at or (is_theirs and known == _as_open(seen)):
        changes = []
    else:
        changes = [_change(seen) if is_theirs else _gone(seen.task_id)]
    if changes:
        _count(step, changes, "webhook")


def on_removed(step: Step, message: TaskRemoved) -> None:
    """A webhook says that a task was deleted."""
    if message.task_id in step.account.tasks.by_id:
        _count(step, [_gone(message.task_id)], "webhook")


def on_listed(step: Step, message: TasksListed) -> None:
    """A part of Kommo's list of open tasks was read."""
    account = step.account
    if not account.configuration.counts_tasks:
        return
    changes = [*_listed(account, message), *_missing(account, message)]
    is_whole = message.up_to_id is None and not account.tasks.is_known
    if changes or is_whole:
        _count(step, changes, "list", is_whole=is_whole)


def _listed(account: Account, message: TasksListed) -> Iterator[TaskChange]:
    for seen in message.tasks:
        known = account.tasks.by_id.get(seen.task_id)
        if known is not None and seen.modified_at < known.modified_at:
            continue
        if seen.responsible_id and known != _as_open(seen):
            yield _change(seen)
        elif known is not None and not seen.responsible_id:
            yield _gone(seen.task_id)


def _missing(account: Account, message: TasksListed) -> Iterator[TaskChange]:
    """Those that should be among the listed; younger ones may have come since."""
    there = {seen.task_id: None for seen in message.tasks}
    up_to_id = message.up_to_id
    for task_id, known in sorted(account.tasks.by_id.items()):
        is_meant = task_id > message.after_id and (up_to_id is None or task_id <= up_to_id)
        if not is_meant or task_id in there or known.modified_at >= message.as_of:
            continue
        if known.is_missed:
            yield _gone(task_id)
        else:
            yield TaskChange(
                task_id, known.manager_id, known.due_at, known.modified_at, is_missed=True
            )


def _count(
    step: Step,
    changes: list[TaskChange],
    source: Literal["webhook", "list"],
    *,
    is_whole: bool = False,
) -> None:
    step.record(TasksCounted(changes=tuple(changes), source=source, is_whole=is_whole, at=step.now))
    step.has_room = True


def _as_open(seen: SeenTask) -> OpenTask:
    return OpenTask(seen.responsible_id, seen.due_at, seen.modified_at)


def _change(seen: SeenTask) -> TaskChange:
    return TaskChange(seen.task_id, seen.responsible_id, seen.due_at, seen.modified_at)


def _gone(task_id: int) -> TaskChange:
    return TaskChange(task_id, None, None, None)
