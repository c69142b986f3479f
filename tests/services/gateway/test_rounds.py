"""Rounds over a work list, without Kommo: what is under way when an account is taken away."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from services.gateway.connections import Connection
from services.gateway.rounds import Rounds
from services.sandbox.sample import ACCOUNT_ID
from tests.services.gateway.world import running, until, world


@dataclass(frozen=True, slots=True)
class Row:
    """A wish."""

    account_id: int = ACCOUNT_ID
    key: str = "one"
    asked_version: int = 1


async def test_F20_work_for_an_account_that_is_taken_away_ends_before_it_is_let_go() -> None:
    async with world() as here:
        has_begun, may_end = asyncio.Event(), asyncio.Event()

        async def pending(_: int, after: Row | None) -> Sequence[Row]:
            return [Row()] if after is None else []

        async def work(_: Connection, __: list[Row]) -> None:
            has_begun.set()
            await may_end.wait()

        rounds = Rounds[Row](
            name="test",
            pending=pending,
            work=work,
            connections=here.connections,
            timing=here.timing,
        )
        async with running(rounds.run()):
            await has_begun.wait()
            await asyncio.wait_for(rounds.let_go(), 10)  # ours still: nobody waits for it
            here.accounts.is_known = False
            await here.connections.reload()
            letting_go = asyncio.create_task(rounds.let_go())
            slept = here.timing.monotonic()
            await until(lambda: here.timing.monotonic() > slept + 1)
            assert not letting_go.done()

            may_end.set()
            await asyncio.wait_for(letting_go, 10)
