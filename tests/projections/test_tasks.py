"""Open tasks of managers, for people to see (D5.6)."""

from typing import Any

from contracts.events import RulesApplied, TaskChange, TasksCounted
from projections import tasks
from projections.tasks import TaskLoad
from tests.projections.kit import ACCOUNT, NINE, apply, later, recorded

ANN, BOB = 501, 502
LIMITED = {"rules": [{"limit_tasks": {"max": 5}, "participants": []}]}
UNLIMITED: dict[str, Any] = {"rules": [{"limit_tasks": None, "participants": [{"manager": ANN}]}]}


def task(number: int, manager: int | None, minutes: int | None = None) -> TaskChange:
    due_at = None if minutes is None else later(minutes)
    return TaskChange(number, manager, due_at, None if manager is None else NINE)


def counted(*changes: TaskChange, is_whole: bool = False) -> TasksCounted:
    return TasksCounted(changes=changes, source="list", at=NINE, is_whole=is_whole)


def applied(rules: dict[str, Any]) -> RulesApplied:
    return RulesApplied(revision=1, rules=rules, by="a", at=NINE)


async def test_D5_6_open_and_overdue_tasks_are_counted_by_manager_at_an_instant(pool: Any) -> None:
    events = recorded(
        applied(LIMITED),
        counted(task(1, ANN, 10), task(2, ANN, 20), task(3, BOB), is_whole=True),
        counted(task(2, BOB, 30), task(3, None)),
    )
    await apply(pool, tasks, events)

    async def at(minutes: int) -> Any:
        return await tasks.of_account(pool, ACCOUNT, later(minutes))

    ann, bob = {"manager_id": ANN}, {"manager_id": BOB}
    assert await at(9) == [TaskLoad(**ann, to_do=1, overdue=0), TaskLoad(**bob, to_do=1, overdue=0)]
    assert await at(10) == [
        TaskLoad(**ann, to_do=0, overdue=1),
        TaskLoad(**bob, to_do=1, overdue=0),
    ]
    await apply(pool, tasks, recorded(counted(task(1, None)), after=3))
    assert await at(10) == [TaskLoad(**bob, to_do=1, overdue=0)]


async def test_D5_6_before_the_first_list_nobody_knows(pool: Any) -> None:
    await apply(pool, tasks, recorded(applied(LIMITED), counted(task(1, ANN))))
    assert await tasks.of_account(pool, ACCOUNT, NINE) is None

    await apply(pool, tasks, recorded(counted(is_whole=True), after=2))
    assert await tasks.of_account(pool, ACCOUNT, NINE) == [
        TaskLoad(manager_id=ANN, to_do=1, overdue=0)
    ]


async def test_D5_6_without_a_rule_that_counts_them_tasks_are_forgotten(pool: Any) -> None:
    await apply(pool, tasks, recorded(applied(LIMITED), counted(task(1, ANN), is_whole=True)))
    again = recorded(applied(UNLIMITED), applied(LIMITED), counted(task(2, ANN)), after=2)
    await apply(pool, tasks, again)

    assert await tasks.of_account(pool, ACCOUNT, NINE) is None
    assert tasks.changes(again).tasks.keys() == {2}
