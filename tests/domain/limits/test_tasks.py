"""How many open tasks a manager may have, and how the engine learns of them (D5.6)."""

from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest

from contracts.events import LeadAssigned, RequestDeferred, TasksCounted
from contracts.inbound import SeenTask, TaskRemoved, TaskReported, TasksListed
from domain.leads.task_reports import FRESH
from domain.limits.tasks import OpenTask, TaskLimit, Tasks
from domain.snapshot import digest, dump, load
from tests.domain.scenario import (
    ANN,
    BOB,
    MONDAY,
    NOON,
    Scenario,
    at,
    dp,
    due,
    given,
    owned,
    participant,
    rule,
    rules,
)

TOMORROW = MONDAY + timedelta(days=1, hours=9)
ONE = rules(rule(ANN, limit_tasks={"max": 2, "overdue_max": 1}))
EARLIER = NOON - timedelta(hours=1)


def seen(
    task: int, manager: int = ANN, *, till: datetime | None = TOMORROW, changed: datetime = EARLIER
) -> SeenTask:
    return SeenTask(task, manager, till, changed)


def listed(
    *tasks: SeenTask, after: int = 0, to: int | None = None, as_of: datetime = NOON
) -> TasksListed:
    return TasksListed(after_id=after, up_to_id=to, tasks=tasks, as_of=as_of)


def told(task: SeenTask, *, is_open: bool = True) -> TaskReported:
    return TaskReported(task=task, is_open=is_open)


def done(task: int, *, changed: datetime = NOON) -> TaskReported:
    return told(seen(task, changed=changed), is_open=False)


def got(scenario: Scenario) -> list[int]:
    return [event.lead_id for event in scenario.log if isinstance(event, LeadAssigned)]


def counted(scenario: Scenario) -> int:
    return sum(isinstance(event, TasksCounted) for event in scenario.answer)


def ids(scenario: Scenario) -> list[int]:
    return sorted(scenario.account.tasks.by_id)


def full() -> Scenario:
    """Two open tasks of two, and a lead that waits."""
    return given(listed(seen(1), seen(2)), rules=ONE).when(dp(1))


def test_D5_6_whoever_has_as_many_open_tasks_as_allowed_gets_no_lead() -> None:
    scenario = full()

    (deferred,) = [e for e in scenario.answer if isinstance(e, RequestDeferred)]
    assert (deferred.reason, deferred.standings[0].cap) == ("at_limit", "tasks")
    assert got(scenario) == []


def test_D5_6_below_the_maximum_they_do() -> None:
    assert got(given(listed(seen(1)), rules=ONE).when(dp(1), dp(2))) == [1, 2]


def test_D5_3_D5_6_a_task_that_is_done_frees_a_place_in_the_same_step() -> None:
    scenario = full().when(done(1))

    assert [type(e).__name__ for e in scenario.answer][:2] == ["TasksCounted", "LeadAssigned"]
    assert got(scenario) == [1]


@pytest.mark.parametrize(
    "message",
    [
        TaskRemoved(task_id=2),
        told(seen(2, BOB, changed=NOON)),
        told(seen(2, 0, changed=NOON)),
        listed(seen(1), seen(2, BOB, changed=NOON)),
    ],
    ids=["deleted", "a colleague's", "nobody's", "listed as a colleague's"],
)
def test_D5_6_so_does_one_that_is_not_theirs_any_more(message: Any) -> None:
    assert got(full().when(message)) == [1]


def test_D5_6_overdue_tasks_are_counted_apart_by_the_instant_of_the_decision() -> None:
    soon = NOON + timedelta(minutes=20)
    scenario = given(listed(seen(1, till=soon), seen(2)), rules=ONE).when(dp(1))
    look = scenario.account.timers["look/a"].due_at
    assert (got(scenario), look) == ([], NOON + timedelta(minutes=15))

    scenario.when(due("look/a"), at=NOON + timedelta(minutes=15))
    look = scenario.account.timers["look/a"].due_at
    assert (got(scenario), look) == ([], soon)

    scenario.when(due("look/a", 2), at=soon)
    standing = [e for e in scenario.log if isinstance(e, RequestDeferred)][-1].standings[0]
    assert (got(scenario), standing.cap) == ([], "tasks")
    assert scenario.account.tasks.count(ANN, soon) == (1, 1)
    assert scenario.account.tasks.full_of(ANN, TaskLimit(2, 1), soon) == "overdue_tasks"


def test_D5_6_a_rule_may_mind_one_of_both_only() -> None:
    late = listed(*(seen(task, till=EARLIER) for task in range(1, 30)))
    only_open = rules(rule(ANN, limit_tasks={"max": 1}))
    only_overdue = rules(rule(ANN, limit_tasks={"overdue_max": 29}))

    assert got(given(late, rules=only_open).when(dp(1))) == [1]
    assert got(given(late, rules=only_overdue).when(dp(1))) == []


def test_D5_6_a_participants_limit_stands_in_place_of_the_rules() -> None:
    busy = participant(BOB, limit_tasks={"max": 5})
    two = rules(rule(ANN, busy, limit_tasks={"max": 1}))
    scenario = given(listed(seen(1), seen(2, BOB), seen(3, BOB)), rules=two)

    scenario.when(dp(1), dp(2), dp(3))

    assert [e.manager_id for e in scenario.log if isinstance(e, LeadAssigned)] == [BOB] * 3


def test_D5_6_until_tasks_have_been_read_the_limit_holds_nobody() -> None:
    scenario = given(rules=ONE).when(listed(seen(1), seen(2), to=2), dp(1))
    assert got(scenario) == [1]

    scenario.when(listed(after=2), dp(2))
    assert got(scenario) == [1]


def test_D5_6_without_such_a_limit_nothing_is_kept() -> None:
    scenario = given(rules=rules(rule(ANN)))
    scenario.when(listed(seen(1)), told(seen(2, changed=NOON)), TaskRemoved(task_id=1))

    assert (counted(scenario), ids(scenario)) == (0, [])
    kept = full()
    kept.when(rules(rule(ANN)))
    assert (ids(kept), kept.account.tasks.is_known, got(kept)) == ([], False, [1])


def test_D6_2_D5_6_an_owner_with_too_many_tasks_is_full_where_limits_hold_for_owners() -> None:
    for ignores, winner in ((True, ANN), (False, BOB)):
        owners = {"sources": ["contact"], "ignore_limits": ignores}
        file = rules(rule(ANN, BOB, owners=owners, limit_tasks={"max": 1}))
        scenario = given(listed(seen(1)), rules=file).when(dp(1), owned(1, contact=ANN))
        (given_out,) = [e for e in scenario.log if isinstance(e, LeadAssigned)]
        assert given_out.manager_id == winner


# How it is learnt -----------------------------------------------------------------------------


def test_D11_1_D5_6_a_repeated_webhook_changes_nothing() -> None:
    new = told(seen(3, changed=NOON))
    scenario = full().when(new)
    assert (counted(scenario), ids(scenario)) == (1, [1, 2, 3])

    scenario.when(new)
    assert counted(scenario) == 0


def test_F28_D5_6_an_older_webhook_never_undoes_a_newer_one() -> None:
    scenario = full().when(told(seen(1, changed=at(50)), is_open=True), at=at(50))
    scenario.when(done(1, changed=at(10)), at=at(55))

    assert ids(scenario) == [1, 2]


def test_F29_D5_6_the_repeat_of_an_old_webhook_brings_no_task_back() -> None:
    made = told(seen(3, changed=NOON))
    scenario = full().when(made).when(done(3, changed=at(30)), at=at(30))
    later = NOON + FRESH + timedelta(seconds=1)

    scenario.when(made, at=later)
    assert (counted(scenario), ids(scenario)) == (0, [1, 2])


def test_F64_D5_6_a_webhook_from_the_future_is_not_believed() -> None:
    scenario = full().when(told(seen(3, changed=NOON + timedelta(days=1))))

    assert ids(scenario) == [1, 2]


def test_D11_2_D5_6_a_list_repairs_what_no_webhook_told() -> None:
    scenario = full().when(listed(seen(2), seen(4, BOB)), at=at(300))

    assert (ids(scenario), got(scenario)) == ([1, 2, 4], [])
    scenario.when(listed(seen(2), seen(4, BOB), as_of=at(600)), at=at(600))
    assert (ids(scenario), got(scenario)) == ([2, 4], [1])


def test_D11_2_D5_6_a_task_that_moved_to_a_page_before_is_missed_once_and_stays() -> None:
    scenario = full()
    for start in (300, 600):
        scenario.when(listed(seen(1), to=1), listed(after=1), at=at(start))
        scenario.when(listed(seen(1), seen(2), as_of=at(start)), at=at(start + 60))

    assert ids(scenario) == [1, 2]


def test_D11_2_D5_6_what_came_after_the_list_was_read_is_not_missing_in_it() -> None:
    scenario = full().when(told(seen(3, changed=at(20))), at=at(20))
    for second in (21, 22):
        scenario.when(listed(seen(1), seen(2), as_of=at(10)), at=at(second))

    assert ids(scenario) == [1, 2, 3]


def test_I7_open_tasks_are_part_of_the_state() -> None:
    account = full().when(told(seen(9, BOB, till=None, changed=NOON))).account

    restored = load(dump(account))

    assert restored == account
    assert digest(restored) == digest(account)
    assert digest(given(rules=rules(rule(ANN))).account) != digest(account)


@pytest.mark.parametrize("seed", range(20))
def test_D5_6_the_counts_are_those_of_the_tasks_whatever_happens(seed: int) -> None:
    random, tasks = Random(seed), Tasks(is_known=True)
    for _ in range(300):
        till = random.choice((None, NOON + timedelta(minutes=random.randrange(-60, 60))))
        task = OpenTask(random.choice((ANN, BOB)), till, NOON)
        tasks.put(random.randrange(40), random.choice((task, task, None)))
        manager, now = (
            random.choice((ANN, BOB)),
            NOON + timedelta(minutes=random.randrange(-70, 70)),
        )
        theirs = [t.due_at for t in tasks.by_id.values() if t.manager_id == manager]
        late = sum(due_at is not None and due_at <= now for due_at in theirs)
        assert tasks.count(manager, now) == (len(theirs) - late, late)
        limit = TaskLimit(random.randint(1, 8), None)
        room_at = tasks.room_at(manager, limit)
        if tasks.full_of(manager, limit, now) == "tasks" and room_at is not None:
            before = room_at - timedelta(seconds=1)
            assert tasks.full_of(manager, limit, room_at) is None
            assert tasks.full_of(manager, limit, before) == "tasks"
