"""The process that does jobs: started by the role `web` when there is one, gone when there is none.

So computing never stalls a page, and what it took of memory goes back with it.
"""

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import NoReturn

import structlog

from services.api.exports import export
from services.application.installation import Installation
from services.application.jobs.computed import RECORDS
from services.application.jobs.work import Computations, JobWorker, workers_of
from services.runtime.child import ended
from services.runtime.environment import from_environment
from services.runtime.installation import must_exist, open_installation
from services.runtime.lifetime import end, stop_on_signals
from services.shared.errors import Unavailable
from services.shared.with_stdin import stopping_with_stdin
from services.storage.jobs import Jobs
from services.storage.tenancy import Reach, bounded
from services.web.settings import MIB, WebSettings

log = structlog.get_logger(__name__)

COMPUTATIONS: Computations = {**RECORDS, "export": export}
LOOK_EVERY_S = 1.0
FORGET_EVERY_S = 600.0
# Another job often follows; then the process is there already.
IDLE_S = 15.0
# One that dies is not started again at once, again and again.
PAUSES_AFTER_FAILURE = 5
EVERY_ACCOUNT = Reach(account_id=None)


async def work_on_jobs(data: Path, *, with_stdin: bool) -> None:
    """Do what waits until nothing has for a while, or until told to stop.

    Args:
        data: The folder of the installation, or of this process.
        with_stdin: End as soon as standard input is closed: with whoever started this process.

    Raises:
        services.runtime.wrong.Wrong: There is no installation, or the settings are wrong.
        services.shared.errors.Unavailable: The database does not answer.
    """
    must_exist(data)
    bound_memory(from_environment(WebSettings).job_memory_mib)
    stop = stop_on_signals()
    async with (
        open_installation(data) as installation,
        stopping_with_stdin(stop) if with_stdin else nullcontext(),
    ):
        worker = JobWorker(installation, COMPUTATIONS)
        working = asyncio.create_task(worker.work(idle_s=IDLE_S))
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            await end([working])
            return
        stopped.cancel()
        await working


def bound_memory(mib: int) -> None:
    """Have this process fail a job that wants more, instead of the machine failing everything."""
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - of Unix alone

    with suppress(ValueError):  # the system allows less already
        resource.setrlimit(resource.RLIMIT_DATA, (mib * MIB, mib * MIB))


async def keep_jobs(
    installation: Installation, *, arguments: Sequence[str] = (), look_every_s: float = LOOK_EVERY_S
) -> NoReturn:
    """Have a process work whenever there is something to do, as long as this task lives.

    Args:
        installation: Whose jobs; its folder is the process's.
        arguments: More for its command line.
        look_every_s: How often it is looked whether there is.
    """
    jobs, loop = Jobs(installation.pool), asyncio.get_running_loop()
    forget_at = loop.time()
    with bounded(EVERY_ACCOUNT):
        while True:
            try:
                if await jobs.is_any_due():
                    status = await _one_process(jobs, installation.data, arguments)
                    await asyncio.sleep(PAUSES_AFTER_FAILURE * look_every_s if status else 0)
                if loop.time() >= forget_at:
                    while await jobs.forget():
                        pass
                    forget_at = loop.time() + FORGET_EVERY_S
            except (Unavailable, OSError) as error:
                log.warning("jobs_wait", reason=str(error))
            await asyncio.sleep(look_every_s)


async def _one_process(jobs: Jobs, data: Path, arguments: Sequence[str]) -> int:
    """Start it, wait for its end, and let the next one have what it left; its status."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "services.cli", "jobs", "work", "--data", str(data), "--while-stdin-is-open"),
        *arguments,
        stdin=PIPE,
    )
    log.info("job_worker_started", pid=child.pid)
    try:
        status = await child.wait()
    finally:
        await ended(child)
    await jobs.abandon(workers_of(child.pid))
    if status:
        log.error("job_worker_ended", status=status)
    return status
