"""An orderly stop under load (F13)."""

import asyncio
from pathlib import Path

import pytest

from tests.support.running import running
from tests.support.waiting import until
from tests.system.checks import all_set, are_set, each_once

pytestmark = pytest.mark.fault

LEADS = 800
STOPS = 2
SET_BEFORE_A_STOP = LEADS // 4


async def test_F13_stopped_under_load_and_started_again_nothing_is_lost(tmp_path: Path) -> None:
    # What is refused while nobody listens comes again soon. A stop finds work under way, since
    # Kommo takes no more than this before it, and a last batch of 250 at most.
    knobs = {"time_scale": 0.004, "disable_after": 1_000_000, "patched_max": SET_BEFORE_A_STOP}
    async with running(tmp_path, knobs=knobs) as system:
        lead_ids = await system.new_leads(LEADS)
        moving = asyncio.create_task(system.move(lead_ids))
        for number in range(1, STOPS + 1):
            await until(lambda n=number: are_set(system, n * SET_BEFORE_A_STOP))
            assert system.fairlead.process is not None
            system.fairlead.process.terminate()
            async with asyncio.timeout(60):
                assert await system.fairlead.process.wait() == 0
            assert not await all_set(system, lead_ids)
            more = 0 if number == STOPS else (number + 1) * SET_BEFORE_A_STOP
            await system.kommo.turn({"patched_max": more})
            await system.fairlead.start()
        await moving
        await until(lambda: all_set(system, lead_ids))

        await each_once(system, lead_ids)
        assert system.fairlead.log().count("roles_down") == STOPS
        assert "Traceback" not in system.fairlead.log()
