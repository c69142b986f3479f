"""Lists of open tasks, before a real HTTP server (D5.6)."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from contracts.inbound import SeenTask, TasksListed
from services.gateway.ports import TaskReadings
from services.gateway.settings import TaskSettings
from services.gateway.task_readings import PostgresTaskReadings, all_refused
from services.gateway.tasks import TaskReader
from services.projector.schema import prepare
from services.sandbox.sample import ACCOUNT_ID
from services.shared.errors import Unavailable
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


@dataclass
class Readings:
    """What is noted of accounts whose tasks cannot be read; away for so many notes first."""

    away: int = 0
    noted: list[tuple[int, int | None]] = field(default_factory=list)

    async def note(self, account_id: int, status: int | None) -> None:
        if self.away:
            self.away -= 1
            raise Unavailable
        self.noted.append((account_id, status))


def reader(
    here: World, rules: Rules, readings: TaskReadings | None = None, **settings: Any
) -> TaskReader:
    return TaskReader(
        connections=here.connections,
        rules_of=rules,
        publisher=here.books,
        readings=readings or Readings(),
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


@pytest.mark.parametrize("status", [403, 404])
async def test_D5_6_tasks_that_kommo_does_not_show_are_noted_until_it_does(status: int) -> None:
    async with world(0) as here:
        readings = Readings()
        here.sandbox.knobs.turn({"error_next": 3, "error_status": status})
        async with running(reader(here, Rules(LIMITED), readings, stopped_s=5).run()):
            await until(lambda: len(readings.noted) == 2)

        assert readings.noted == [(ACCOUNT_ID, status), (ACCOUNT_ID, None)]


async def test_D5_6_what_could_not_be_noted_is_noted_at_the_next_reading() -> None:
    async with world(0) as here:
        readings = Readings(away=1)
        here.sandbox.knobs.turn({"error_next": 1_000_000, "error_status": 403})
        async with running(reader(here, Rules(LIMITED), readings, stopped_s=5).run()):
            await until(lambda: bool(readings.noted))

        assert (readings.away, readings.noted) == (0, [(ACCOUNT_ID, 403)])


async def test_D5_6_rules_that_limit_no_tasks_any_more_end_the_note() -> None:
    async with world(0) as here:
        readings, asked = Readings(), Rules(LIMITED)
        here.sandbox.knobs.turn({"error_next": 1_000_000, "error_status": 403})
        async with running(reader(here, asked, readings).run()):
            await until(lambda: bool(readings.noted))
            asked.rules = UNLIMITED
            await until(lambda: len(readings.noted) == 2)

        assert readings.noted == [(ACCOUNT_ID, 403), (ACCOUNT_ID, None)]


async def test_D5_6_an_account_that_is_stopped_as_a_whole_is_not_noted_for_its_tasks() -> None:
    async with world(0) as here:
        readings = Readings()
        here.sandbox.knobs.turn({"error_next": 2, "error_status": 402})
        async with running(reader(here, Rules(LIMITED), readings, stopped_s=5).run()):
            await until(lambda: bool(readings.noted))

        assert readings.noted == [(ACCOUNT_ID, None)]


async def test_D5_6_a_note_keeps_since_when_while_its_status_stays(pool: Any) -> None:
    await prepare(pool)
    readings = PostgresTaskReadings(pool)

    async def noted() -> Any:
        async with pool.acquire() as connection:
            return (await all_refused(connection)).get(7)

    await readings.note(7, 403)
    first = await noted()
    await readings.note(7, 403)
    assert (first.status, await noted()) == (403, first)
    await readings.note(7, 404)
    other = await noted()
    assert other.status == 404
    assert other.since > first.since
    await readings.note(7, None)
    assert await noted() is None
