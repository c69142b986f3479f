"""Rounds over a work list, without Kommo: what is under way when an account is taken away."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from services.gateway.connections import Connection
from services.sandbox.sample import ACCOUNT_ID
from tests.services.gateway.world import running, world
from tests.support.waiting import until

pytestmark = pytest.mark.server


@dataclass(frozen=True, slots=True)
class Row:
    """A wish."""

    account_id: int = ACCOUNT_ID
    key: str = "one"
    asked_version: int = 1


async def test_F20_work_for_an_account_that_is_taken_away_ends_before_it_is_let_go() -> None:
    async with world() as here:
        has_begun, may_end = asyncio.Event(), asyncio.Event()

        async def pending(_: int, after: Row | None, __: Sequence[int]) -> Sequence[Row]:
            return [Row()] if after is None else []

        async def work(_: Connection, __: Sequence[Row]) -> None:
            has_begun.set()
            await may_end.wait()

        rounds = here.rounds(pending, work)
        async with running(rounds.run()):
            await has_begun.wait()
            await asyncio.wait_for(rounds.let_go(), 60)  # ours still: nobody waits for it
            here.accounts.is_known = False
            await here.connections.reload()
            letting_go = asyncio.create_task(rounds.let_go())
            slept = here.timing.monotonic()
            await until(lambda: here.timing.monotonic() > slept + 1)
            assert not letting_go.done()

            may_end.set()
            await asyncio.wait_for(letting_go, 60)


async def test_F70_a_long_list_of_one_account_hides_no_row_of_another() -> None:
    crowd = [Row(account_id=999, key=f"{number}") for number in range(100)]
    rows = [*crowd, Row()]
    asked: list[Row | None] = []

    async def pending(limit: int, after: Row | None, but_for: Sequence[int]) -> Sequence[Row]:
        asked.append(after)
        start = 0 if after is None else rows.index(after) + 1
        return [row for row in rows[start:] if row.account_id not in but_for][:limit]

    async with world() as here:
        served = asyncio.Event()

        async def work(_: Connection, found: Sequence[Row]) -> None:
            assert list(found) == [Row()]
            served.set()

        async with running(here.rounds(pending, work, page_rows=10).run()):
            await served.wait()

    assert asked[:2] == [None, None]  # the first page, and the first one of all others
