"""SIGKILL at random instants: nothing is lost, nothing is done twice (F4 to F8, F12)."""

import asyncio
import random
from pathlib import Path

import pytest

from contracts.events import LeadAssigned
from projections import fairness, requests
from services.cli.installation import open_installation
from services.storage.database import borrow
from tests.support.running import ADMIN_ID, Running, running, until

ROUNDS = 5
LEADS = 1_000
# From before the first webhook to about when the last push is settled.
KILL_WITHIN_S = 4.5


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
        for number in range(ROUNDS):
            lead_ids = await system.new_leads(LEADS)
            moving = asyncio.create_task(system.move(lead_ids))
            await asyncio.sleep(chance.uniform(0, KILL_WITHIN_S))
            await system.fairlead.kill(database_too=number % 2 == 1)
            await moving
            await system.fairlead.start()

            await until(lambda ids=lead_ids: _all_set(system, ids))
        await _check(system, ROUNDS * LEADS)


async def _all_set(system: Running, lead_ids: list[int]) -> bool:
    owners = await system.owners()
    return all(owners[lead_id] != ADMIN_ID for lead_id in lead_ids)


async def _check(system: Running, leads: int) -> None:
    writes = await system.writes()
    assert len(writes) == leads
    assert [lead_id for lead_id, count in writes.items() if count != 1] == []
    async with open_installation(system.fairlead.data) as installation:
        await until(lambda: _is_settled(installation.pool))
        async with borrow(installation.pool) as connection:
            assert await requests.unaccounted(connection) == []
            assert await fairness.unbalanced(connection) == []
        decided = 0
        version = 0
        while page := await installation.events.stream(system.account_id, version):
            assert [r.version for r in page] == [*range(version + 1, version + 1 + len(page))]
            decided += sum(isinstance(recorded.event, LeadAssigned) for recorded in page)
            version = page[-1].version
        assert decided == leads


async def _is_settled(pool: object) -> bool:
    async with borrow(pool) as connection:
        pending: int = await connection.fetchval(
            "SELECT count(*) FROM assignments.leads WHERE state = 'pending'"
        )
    return pending == 0
