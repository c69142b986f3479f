"""Each role as a process of its own on a real broker: killed in turn, nothing is lost or twice."""

import asyncio
import random
import signal
from pathlib import Path

import pytest

from tests.support.cluster import cluster
from tests.support.waiting import lasting, until
from tests.system.checks import agrees, all_set, each_once

pytestmark = pytest.mark.fault

LEADS = 200
# From before the first webhook to about when the last push is settled.
KILL_WITHIN_S = 3.0


async def test_F12_each_role_killed_once_under_load_every_lead_is_assigned_once(
    tmp_path: Path,
) -> None:
    chance = random.Random(1)
    # What ingress cannot take while it is dead comes again soon, and some webhooks come twice.
    knobs = {"duplicate_fraction": 0.2, "time_scale": 0.004, "disable_after": 1_000_000}
    async with cluster(tmp_path, counts={"gateway": 2}, knobs=knobs) as system:
        names = chance.sample(sorted(system.roles.processes), len(system.roles.processes))
        port = (await system.process("ingress-1").address()).rpartition(":")[2]
        system.process("ingress-1").options = (f"--port={port}",)  # where Kommo sends its hooks
        lead_ids = await system.new_leads(LEADS)
        moving = asyncio.create_task(system.move(lead_ids))
        for name in names:
            await lasting(chance.uniform(0, KILL_WITHIN_S / len(names)))
            await system.process(name).kill()
            await system.process(name).start()
        await moving
        await until(lambda: all_set(system, lead_ids), within_s=240)
        await until(lambda: agrees(system, lead_ids), within_s=240, every_s=0.5)

        await each_once(system, lead_ids)
        assert "Traceback" not in system.logs()
        assert set((await system.roles.stop()).values()) <= {0, -signal.SIGTERM}
