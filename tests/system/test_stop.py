"""An orderly stop under load (F13)."""

import asyncio
from pathlib import Path

import pytest

from tests.support.running import Running, running, until
from tests.system.checks import all_set, each_once

pytestmark = pytest.mark.fault

LEADS = 800
STOPS = 2


async def test_F13_stopped_under_load_and_started_again_nothing_is_lost(tmp_path: Path) -> None:
    # What is refused while nobody listens comes again soon.
    knobs = {"time_scale": 0.004, "disable_after": 1_000_000}
    async with running(tmp_path, knobs=knobs) as system:
        lead_ids = await system.new_leads(LEADS)
        moving = asyncio.create_task(system.move(lead_ids))
        for number in range(1, STOPS + 1):
            await until(lambda n=number: _are_set(system, n * LEADS // 4))
            assert system.fairlead.process is not None
            system.fairlead.process.terminate()
            async with asyncio.timeout(10):
                assert await system.fairlead.process.wait() == 0
            assert not await all_set(system, lead_ids)
            await system.fairlead.start()
        await moving
        await until(lambda: all_set(system, lead_ids))

        await each_once(system, lead_ids)
        assert system.fairlead.log().count("fairlead_down") == STOPS
        assert "Traceback" not in system.fairlead.log()


async def _are_set(system: Running, leads: int) -> bool:
    summary = await system.kommo.get("/summary")
    return bool(summary["leads_patched_by_api"] >= leads)
