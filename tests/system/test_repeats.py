"""Killed between append and answer, a command that is repeated under its key has one effect."""

import asyncio
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from contracts.events import LEAD, CommandReceived, CreditMoved
from services.application.commands import Answer, Once, OutcomeUnknown
from services.application.corrections import correct
from services.shared.failpoints import (
    FROM_VARIABLE,
    POINTS_VARIABLE,
    PROFILE_VARIABLE,
    TEST_PROFILE,
)
from tests.support.running import TESTER, Running, running

DIES_WITHIN_S = 240.0
TRIES = 5


@pytest.mark.fault
async def test_F11_F5_killed_between_append_and_answer_a_repeat_gives_the_first_answer(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as system:
        for key in map(str, range(TRIES)):
            if await _killed_of_it(system, key, tmp_path / f"from-{key}"):
                break
        else:
            pytest.fail("nothing was killed between append and answer")
        await system.fairlead.start()
        corrected = await _happened(system)

        done = await _correct(system, Once(key=key, wait_s=30.0))
        again = await _correct(system, Once(key=key, wait_s=30.0))

        assert (done.effect, again.effect, again.is_replayed) == ("done", "done", True)
        assert again.events == done.events
        assert await _happened(system) == corrected


async def _killed_of_it(system: Running, key: str, counts_from: Path) -> bool:
    """Give a command to a process that dies of the next append; whether it was that of the command.

    Another append of the same moment, such as of what Kommo says of the account, can come first.
    """
    fairlead = system.fairlead
    await fairlead.stop()
    fairlead.environment = {
        PROFILE_VARIABLE: TEST_PROFILE,
        POINTS_VARIABLE: "allocator.after_append@1=kill",
        FROM_VARIABLE: str(counts_from),
    }
    await fairlead.start()
    fairlead.environment = {}
    # One that is answered: nothing of before it in the log is to be appended any more.
    await _correct(system, Once(key=f"before-{key}", wait_s=30.0))
    before = await _happened(system)
    await asyncio.to_thread(counts_from.touch)
    # The log outlives the process for a moment: whoever waits may still read the answer there.
    with suppress(OutcomeUnknown):
        await _correct(system, Once(key=key, wait_s=30.0))
    assert fairlead.process is not None
    async with asyncio.timeout(DIES_WITHIN_S):
        assert await fairlead.process.wait() == -signal.SIGKILL
    return await _happened(system) == (before[0] + 1, before[1] + 1)


async def _correct(system: Running, once: Once) -> Answer:
    async with system.opened() as installation:
        account = await installation.account(None)
        done = await correct(
            installation,
            account,
            TESTER,
            501,
            LEAD,
            ledger="account",
            reason="sick",
            once=once,
        )
    return done.answer


async def _happened(system: Running) -> tuple[int, int]:
    """How many commands were taken up to correct, and how many did."""
    taken, moved, after = 0, 0, 0
    async with system.opened() as installation:
        while page := await installation.events.stream(system.account_id, after):
            for recorded in page:
                match recorded.event:
                    case CommandReceived(command="correct"):
                        taken += 1
                    case CreditMoved(reason="corrected"):
                        moved += 1
                    case _:
                        pass
            after = page[-1].version
    return taken, moved
