"""SIGKILL at random instants: nothing is lost, nothing is done twice (F4 to F8, F12)."""

import asyncio
import random
from pathlib import Path

import pytest

from tests.support.campaign import rounds
from tests.support.running import running
from tests.support.waiting import lasting, until
from tests.system.checks import all_set, each_once

pytestmark = pytest.mark.fault

ROUNDS = 5
# In the long form more leads, so that more is under way at each instant.
LEADS = 1_000 if rounds() > 1 else 400
# From before the first webhook to about when the last push is settled.
KILL_WITHIN_S = 4.5 if rounds() > 1 else 2.5


@pytest.mark.parametrize(
    ("seed", "knobs"),
    [
        # Refused webhooks come again soon, some twice.
        (1, {"time_scale": 0.004, "duplicate_fraction": 0.2, "disable_after": 1_000_000}),
        # Refused webhooks never come again, and Kommo switches the hook off: only the sweep helps.
        (2, {"api_author": "token_user"}),
    ],
)
async def test_F12_killed_at_random_instants_it_ends_with_every_lead_assigned_once(
    tmp_path: Path, seed: int, knobs: dict[str, object]
) -> None:
    chance = random.Random(seed)
    async with running(tmp_path, knobs=knobs) as system:
        moved: list[int] = []
        for number in range(ROUNDS):
            lead_ids = await system.new_leads(LEADS)
            moving = asyncio.create_task(system.move(lead_ids))
            await lasting(chance.uniform(0, KILL_WITHIN_S))
            await system.fairlead.kill(database_too=number % 2 == 1)
            await moving
            await system.fairlead.start()

            await until(lambda ids=lead_ids: all_set(system, ids))
            moved += lead_ids
        await each_once(system, moved)
