"""Lists of open tasks, before a real HTTP server (D5.6)."""

from datetime import UTC, datetime
from typing import Any

import pytest

from contracts.inbound import SeenTask, TasksListed
from services.gateway.settings import TaskSettings
from services.gateway.tasks import TaskReader
from services.sandbox.sample import ACCOUNT_ID
from tests.services.gateway.world import PERSON, World, running, utc_now, world
from tests.support.waiting import until

pytestmark = pytest.mark.server

ANN, BOB = 501, 502
DUE = 1_900_000_000
LIMITED = {"rules": [{"limit_tasks": {"max": 5}}]}
OF_ONE = {"rules": [{"participants": [{"manager": ANN, "limit_tasks": {"max": 5}}]}]}
UNLIMITED: dict[str, Any] = {"rules": [{"limit": {"max": 5}, "participants": [{"manager": ANN}]}]}


class Rules:
    """What is in force."""

    def __init__(self, rules: dict[str, Any] | None) -> None:
        self.revision, self.rules, self.asked = 1, rules, 0

    async def __call__(self, account_id: int) -> tuple[int, dict[str, Any]] | None:
        assert account_id == ACCOUNT_ID
        self.asked += 1
        return None if self.rules is None else (self.revision, self.rules)


def reader(here: World, rules: Rules, **settings: Any) -> TaskReader:
    return TaskReader(
        connections=here.connections,
        rules_of=rules,
        publisher=here.books,
        now=utc_now,
        settings=TaskSettings(**{"poll_ms": 1_000, **settings}),
        timing=here.timing,
    )


def make(here: World, count: int, manager: int = ANN, **rest: Any) -> list[int]:
    draft = {"responsible_user_id": manager, "entity_id": 0, "complete_till": DUE, **rest}
    return [task.id for task in here.sandbox.crm.desk.add_tasks([draft] * count, PERSON)]


def lists(here: World) -> list[TasksListed]:
    return here.books.bodies(TasksListed)


async def test_D5_6_all_open_tasks_are_listed_in_pages_that_leave_no_gap() -> None:
    async with world(0) as here:
        ids = make(here, 251)
        make(here, 3, is_completed=True)
        ids += make(here, 2, BOB)
        async with running(reader(here, Rules(LIMITED)).run()):
            await until(lambda: len(lists(here)) == 2)

        first, last = lists(here)
        assert (first.after_id, first.up_to_id) == (0, ids[249])
        assert (last.after_id, last.up_to_id) == (ids[249], None)
        assert [task.task_id for task in (*first.tasks, *last.tasks)] == ids
        task = here.sandbox.account.tasks.by_id[ids[-1]]
        assert last.tasks[-1] == SeenTask(
            task.id,
            BOB,
            datetime.fromtimestamp(DUE, UTC),
            datetime.fromtimestamp(task.updated_at, UTC),
        )
        assert all(each.as_of <= utc_now() for each in lists(here))


async def test_D5_6_an_account_without_tasks_has_an_empty_list() -> None:
    async with world(0) as here:
        async with running(reader(here, Rules(OF_ONE)).run()):
            await until(lambda: len(lists(here)) == 1)

        (only,) = lists(here)
        assert (only.after_id, only.up_to_id, only.tasks) == (0, None, ())


@pytest.mark.parametrize("rules", [None, UNLIMITED], ids=["none yet", "without a limit of tasks"])
async def test_D5_6_nothing_is_read_where_no_rule_asks(rules: dict[str, Any] | None) -> None:
    async with world(0) as here:
        make(here, 1)
        asked = Rules(rules)
        async with running(reader(here, asked).run()):
            await until(lambda: asked.asked >= 3)

        assert (lists(here), here.requests("GET")) == ([], [])


async def test_D5_6_new_rules_are_read_for_at_once_and_again_after_the_interval() -> None:
    async with world(0) as here:
        asked = Rules(LIMITED)
        async with running(reader(here, asked, interval_s=3_600).run()):
            await until(lambda: len(lists(here)) == 1)
            asked.revision = 2
            await until(lambda: len(lists(here)) == 2)
            asked.rules = UNLIMITED
            seen = asked.asked
            await until(lambda: asked.asked >= seen + 3)
            assert len(lists(here)) == 2
            asked.rules = LIMITED
            await until(lambda: len(lists(here)) == 3)

    async with world(0) as here, running(reader(here, Rules(LIMITED), interval_s=10).run()):
        await until(lambda: len(lists(here)) >= 3)


async def test_F35_D5_6_a_list_that_cannot_be_read_is_read_again() -> None:
    async with world(0) as here:
        ids = make(here, 1)
        here.sandbox.knobs.error_next = 2
        async with running(reader(here, Rules(LIMITED), retry_s=5).run()):
            await until(lambda: bool(lists(here)))

        assert [task.task_id for task in lists(here)[-1].tasks] == ids
