"""SIGKILL at every named point, under load; the history shows nothing of it (C2, F1 to F10)."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from services.failpoints import POINTS
from tests.services.allocator.test_kafka_failpoints import OVER_KAFKA
from tests.support.campaign import Tally, rounds
from tests.support.running import running
from tests.system.killing import KNOBS, Killing

# Side by side on the cores of a test run.
ROLES = (("ingress", "spool"), ("allocator", "projector"), ("gateway", "sweep", "clock"))
POINTS_OF = {
    roles: [
        point
        for point in POINTS
        if point.partition(".")[0] in roles and point != "allocator.before_commit_offset"
    ]
    for roles in ROLES
}


def test_every_point_is_killed_at() -> None:
    killed_at = {point for points in POINTS_OF.values() for point in points}

    assert sorted(killed_at | set(OVER_KAFKA)) == sorted(POINTS)


@pytest.mark.fault
@pytest.mark.parametrize("roles", ROLES, ids="-".join)
async def test_F1_F2_F3_F4_F5_F7_F8_F9_F10_killed_at_each_point_it_keeps_every_promise(
    tmp_path: Path,
    roles: tuple[str, ...],
    chance: random.Random,
    judged: Callable[[Tally], None],
) -> None:
    # In the long form Kommo loses webhooks, too: the sweep has to find those leads.
    knobs = {**KNOBS, "drop_fraction": 0.1 if rounds() > 1 else 0.0}
    async with running(tmp_path, knobs=knobs) as system:
        killing = Killing(system)
        for point in chance.sample(POINTS_OF[roles], len(POINTS_OF[roles])):
            await killing.kill_at(point, chance)

        judged(await killing.end())
