"""Allocators as processes of one group: they freeze, die, come and go under load."""

import asyncio
import random
import signal
from collections.abc import Callable

import pytest

from tests.support.campaign import Tally
from tests.support.engine import WITHIN_S, Engine, Member
from tests.support.waiting import lasting, until

pytestmark = pytest.mark.fault

BACKLOG = 1_200
DISTURBANCES = 6


async def test_F14_who_wakes_up_late_commits_nothing_of_what_he_held_and_joins_again(
    engine: Engine, judged: Callable[[Tally], None]
) -> None:
    await engine.tell(BACKLOG)
    sleeper, other = await engine.start(), await engine.start()
    await engine.decided(BACKLOG // 6)
    sleeper.freeze()  # in the middle of the backlog, with messages in hand and more fetched
    await engine.everything_decided()
    sleeper.thaw()
    await engine.tell(200)
    await engine.everything_decided()
    assert await other.stop() == 0
    await engine.tell(200)
    await engine.everything_decided()  # by the sleeper alone

    judged(await engine.tally())
    assert sleeper.last_words() is None


async def test_F20_members_come_and_go_and_freeze_under_load(
    engine: Engine, chance: random.Random, judged: Callable[[Tally], None]
) -> None:
    for _ in range(3):
        await engine.start()
    telling = asyncio.create_task(engine.tell(BACKLOG, pause_s=0.1))
    frozen: list[Member] = []
    for _ in range(DISTURBANCES):
        awake = [each for each in engine.members if each.is_alive and each not in frozen]
        member = chance.choice(awake)
        match chance.choice(("stop", "kill", "freeze")):
            case "stop":
                # Told before it could listen, it ends at once.
                assert await member.stop() in (0, -signal.SIGTERM)
            case "kill":
                await member.kill()
            case _:
                member.freeze()
                frozen.append(member)
        await engine.start()
        await lasting(chance.uniform(0.1, 1.5))
        if frozen and chance.random() < 0.5:
            frozen.pop(0).thaw()
    for member in frozen:
        member.thaw()
    await telling
    await engine.everything_decided()

    judged(await engine.tally())


async def test_F71_two_who_believe_that_everything_is_theirs_decide_everything_once(
    engine: Engine, judged: Callable[[Tally], None]
) -> None:
    one, stranger = await engine.start(), await engine.start(group="by-mistake")

    async def have_clashed() -> bool:
        await engine.tell(200)
        return any(
            member.count(event)
            for member in (one, stranger)
            for event in ("batch_recorded_before", "account_written_by_another")
        )

    # They take their time to join, and what is told meanwhile is taken in by the first.
    await until(have_clashed, within_s=WITHIN_S, every_s=0.5)
    await engine.tell(400)
    await engine.everything_decided()

    judged(await engine.tally())
    assert one.last_words() is None
    assert stranger.last_words() is None
