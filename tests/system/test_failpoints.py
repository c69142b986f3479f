"""SIGKILL at every named point, under load; the history shows nothing of it (C2, F1 to F10)."""

import random
from pathlib import Path

import pytest

from services.failpoints import POINTS
from tests.support.running import running
from tests.system.campaign import KNOBS, Campaign

# Side by side on the cores of a test run.
ROLES = (("ingress", "spool"), ("allocator", "projector"), ("gateway", "sweep", "clock"))
POINTS_OF = {
    roles: [point for point in POINTS if point.partition(".")[0] in roles] for roles in ROLES
}


def test_every_point_is_killed_at() -> None:
    assert sorted(point for points in POINTS_OF.values() for point in points) == sorted(POINTS)


@pytest.mark.parametrize("roles", ROLES, ids="-".join)
async def test_F1_F10_killed_at_each_point_it_keeps_every_promise(
    tmp_path: Path, roles: tuple[str, ...]
) -> None:
    chance = random.Random("-".join(roles))
    async with running(tmp_path, knobs=KNOBS) as system:
        campaign = Campaign(system)
        for point in POINTS_OF[roles]:
            await campaign.kill_at(point, chance)

        await campaign.end()
