"""The process beside `fairlead up`, kept alive from there."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import structlog

log = structlog.get_logger(__name__)

PAUSE_FIRST_S = 1.0
PAUSE_MAX_S = 30.0
# Who lived so long did begin well; the next one need not be waited for.
SETTLED_S = 60.0
ENDS_WITHIN_S = 8.0


async def keep_beside(roles: Sequence[str], data: Path, *, arguments: Sequence[str]) -> NoReturn:
    """Run roles in a process of their own as long as this task lives; should it end, another one.

    However often it fails: webhooks, decisions and Kommo do not need it.

    Args:
        roles: What it runs.
        data: The folder.
        arguments: More for its command line.
    """
    loop = asyncio.get_running_loop()
    pause_s = PAUSE_FIRST_S
    while True:
        began = loop.time()
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "services.cli", "run", *roles, "--data", str(data), "--while-stdin-is-open"),
            *arguments,
            stdin=PIPE,
        )
        try:
            status = await child.wait()
        finally:
            await ended(child)
        if loop.time() - began >= SETTLED_S:
            pause_s = PAUSE_FIRST_S
        log.error("process_beside_ended", roles=list(roles), status=status, again_in_s=pause_s)
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, PAUSE_MAX_S)


async def ended(child: Process) -> None:
    """See that a process ends, in order if it can."""
    if child.returncode is not None:
        return
    child.terminate()
    try:
        async with asyncio.timeout(ENDS_WITHIN_S):
            await asyncio.shield(child.wait())
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()  # or its pipes outlive the loop
