"""Work of a role goes on after whatever goes wrong in it (F33)."""

import asyncio

import pytest
import structlog

from services.log.kafka import TopicRefused
from services.shared import lasting as module
from services.shared.lasting import lasting


class Failing:
    """Work that fails so often, and then ends."""

    def __init__(self, *errors: Exception) -> None:
        self.errors, self.begun, self.pauses = list(errors), 0, list[float]()

    async def __call__(self) -> None:
        self.begun += 1
        if self.errors:
            raise self.errors.pop(0)

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)


async def test_F33_what_nobody_expected_begins_again_after_a_growing_pause() -> None:
    work = Failing(*(RuntimeError("refused") for _ in range(9)))

    with structlog.testing.capture_logs() as lines:
        await lasting("tidying", work, sleep=work.sleep)

    assert work.begun == 10
    assert work.pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert {(line["event"], line["work"], line["reason"]) for line in lines} == {
        ("work_failed", "tidying", "RuntimeError")
    }
    assert [line["exc_info"] is not None for line in lines] == [True, *[False] * 8]


async def test_F33_work_that_went_well_for_a_while_begins_again_soon(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "PAUSE_MAX_S", -1.0)  # any time is a while
    work = Failing(ValueError(), ValueError())

    await lasting("tidying", work, sleep=work.sleep)

    assert work.pauses == [1, 1]


@pytest.mark.parametrize("is_grouped", [False, True])
async def test_F23_what_a_person_has_to_mend_ends_it(*, is_grouped: bool) -> None:
    refused: Exception = TopicRefused("there is no topic")
    error = ExceptionGroup("parts", [RuntimeError(), refused]) if is_grouped else refused
    work = Failing(error)

    with pytest.raises(type(error)):
        await lasting("publishing", work, sleep=work.sleep)

    assert work.begun == 1


async def test_F13_work_that_is_cancelled_ends() -> None:
    running = asyncio.create_task(lasting("waiting", asyncio.Event().wait))
    await asyncio.sleep(0)
    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running


async def _beside_one_that_cannot_tidy_up() -> None:
    async def untidy() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise OSError("the database is gone")

    async with asyncio.TaskGroup() as group:
        group.create_task(untidy())


async def test_F13_work_that_fails_as_it_is_cancelled_ends_all_the_same() -> None:
    begun: list[None] = []

    async def work() -> None:
        begun.append(None)
        await _beside_one_that_cannot_tidy_up()

    running = asyncio.create_task(lasting("sending", work))
    for _ in range(3):
        await asyncio.sleep(0)
    running.cancel()
    done, _ = await asyncio.wait({running}, timeout=0.5)
    running.cancel()

    assert done == {running}
    assert running.cancelled()
    assert begun == [None]
