"""The embedded PostgreSQL dies, again and again, under a fairlead that lives (F37, F38)."""

import asyncio
from pathlib import Path

import pytest

from tests.support.running import Running, running
from tests.support.waiting import until
from tests.system.checks import all_set, are_set, each_once

pytestmark = pytest.mark.fault

LEADS = 600
DEATHS = 3
SET_BEFORE_A_DEATH = LEADS // (2 * DEATHS)


async def test_F37_the_database_is_killed_under_load_and_every_lead_is_assigned_once(
    tmp_path: Path,
) -> None:
    # Each death finds work under way: Kommo takes no more than this before it, and a last batch.
    knobs = {"time_scale": 0.002, "patched_max": SET_BEFORE_A_DEATH}
    async with running(tmp_path, knobs=knobs) as system:
        lead_ids = await system.new_leads(LEADS)
        moving = asyncio.create_task(system.move(lead_ids))
        killed: set[int] = set()
        for number in range(1, DEATHS + 1):
            await until(lambda n=number: are_set(system, n * SET_BEFORE_A_DEATH))
            assert not await all_set(system, lead_ids)
            more = 0 if number == DEATHS else (number + 1) * SET_BEFORE_A_DEATH
            await system.kommo.turn({"patched_max": more})
            killed.add(await _kill_database(system, killed))
        await moving
        await until(lambda: all_set(system, lead_ids))

        await each_once(system, lead_ids)
        assert len(killed) == DEATHS
        assert await system.fairlead.stop() == 0


async def _kill_database(system: Running, before: set[int]) -> int:
    fairlead = system.fairlead

    async def is_another() -> bool:
        return fairlead.database_pid() not in {*before, None}

    await until(is_another)
    pid = fairlead.kill_database()
    assert pid is not None
    return pid
