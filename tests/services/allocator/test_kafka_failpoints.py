"""SIGKILL at every point of an allocator over Apache Kafka (F4, F5)."""

import asyncio
import random
import signal
from collections.abc import Callable

import pytest

from services.failpoints import POINTS, POINTS_VARIABLE, PROFILE_VARIABLE, TEST_PROFILE
from tests.support.campaign import Tally
from tests.support.engine import ACCOUNTS, SMALL_BATCHES, WITHIN_S, Engine

pytestmark = pytest.mark.fault

OVER_KAFKA = [point for point in POINTS if point.startswith("allocator.")]
MORE = 10 * len(ACCOUNTS)
AGAIN_AFTER_S = 2.0


async def test_F4_F5_killed_at_each_point_over_kafka_it_repeats_nothing(
    engine: Engine, chance: random.Random, judged: Callable[[Tally], None]
) -> None:
    for point in chance.sample(OVER_KAFKA, len(OVER_KAFKA)):
        engine.environment = {
            **SMALL_BATCHES,
            "FAIRLEAD_ALLOCATOR_SNAPSHOT_EVERY": "20",
            PROFILE_VARIABLE: TEST_PROFILE,
            POINTS_VARIABLE: f"{point}@{chance.randint(1, 2)}=kill",
        }
        member = await engine.start()
        async with asyncio.timeout(WITHIN_S):
            while member.is_alive:
                await engine.tell(MORE)
                await asyncio.sleep(AGAIN_AFTER_S)  # for it to get there, or not yet
        assert member.process.returncode == -signal.SIGKILL, point
    engine.environment = SMALL_BATCHES
    await engine.start()
    await engine.everything_decided()

    judged(await engine.tally())
