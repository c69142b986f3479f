"""The worker of jobs: takes them on, keeps them while it works, and says what came of each.

One that loses its worker is tried again by the next one, a few times; what fails says why.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from secrets import token_hex
from socket import gethostname
from typing import Literal, NoReturn, get_args

import structlog

from contracts.sentences import Sentence, sentence
from services.access.roles import Scope
from services.application.installation import Installation
from services.application.jobs import reasons
from services.application.jobs.asked import JobAsked, asked_of
from services.application.jobs.output import JobEnded, JobOutput
from services.application.principal import Principal
from services.application.refused import Refused
from services.shared.errors import Unavailable
from services.storage.accounts import RegisteredAccount, UnknownAccount
from services.storage.jobs import ATTEMPTS_MAX, HeldJob, JobKind, Jobs, StoredJob
from services.storage.tenancy import Reach, bounded

log = structlog.get_logger(__name__)

# A job that waits for Kommo lets another one compute.
AT_ONCE = 2
POLL_S = 0.3
# Well below the lease, so that a busy moment loses no job.
RENEW_EVERY_S = 1.0
AGAIN_IN_S = 5.0
STATEMENT_MS = 60_000
LASTS_S_MAX = 3_600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class JobAtWork:
    """A job as what computes it sees it.

    Attributes:
        principal: Whoever asked for it, with what they might then.
        output: Told how far it is, and what comes of it.
    """

    installation: Installation
    account: RegisteredAccount
    principal: Principal
    asked: JobAsked
    output: JobOutput


# Computes it; what it writes to the output is the result.
Computed = Callable[[JobAtWork], Awaitable[None]]
Computations = Mapping[JobKind, Computed]


def name_of_process() -> str:
    """How the names of this process's workers begin."""
    return workers_of(os.getpid())


def workers_of(pid: int) -> str:
    """The same of another process on this machine."""
    return f"{gethostname()}:{pid}:"


@dataclass(frozen=True, slots=True)
class JobWorker:
    """Works on what is asked for, some at once."""

    installation: Installation
    computations: Computations
    jobs: Jobs = field(init=False)

    def __post_init__(self) -> None:
        """Find the jobs of the installation."""
        object.__setattr__(self, "jobs", Jobs(self.installation.pool))

    async def work(self, *, idle_s: float) -> None:
        """Work until nothing was to be done for so long, or until cancelled.

        What is under way when cancelled is left for the next worker.

        Raises:
            services.shared.errors.Unavailable: The database does not answer.
        """
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._work(idle_s))

    async def _work(self, idle_s: float) -> None:
        loop = asyncio.get_running_loop()
        idle_since = loop.time()
        while True:
            worker = f"{name_of_process()}{token_hex(4)}"
            with bounded(Reach(account_id=None, statement_ms=STATEMENT_MS)):
                job = await self.jobs.claim(worker)
            if job is None and loop.time() - idle_since >= idle_s:
                return
            if job is None:
                await asyncio.sleep(POLL_S)
                continue
            with bounded(Reach(account_id=job.account_id, statement_ms=STATEMENT_MS)):
                await self._do(HeldJob(self.installation.pool, job, worker))
            idle_since = loop.time()

    async def _do(self, held: HeldJob) -> None:
        job = held.job
        log.info("job_begun", account_id=job.account_id, job=job.job_id, kind=job.kind)
        if job.attempts > ATTEMPTS_MAX:
            await held.fail(reasons.kept(sentence("job.worker_lost", count=ATTEMPTS_MAX)))
            return
        output = JobOutput(held)
        try:
            ended = await self._ended(held, output)
        except asyncio.CancelledError:  # the process ends
            await asyncio.shield(held.release(again_in_s=0))
            raise
        if isinstance(ended, Sentence):
            await held.fail(reasons.kept(ended))
        log.info(
            "job_ended",
            account_id=job.account_id,
            job=job.job_id,
            state=ended.id if isinstance(ended, Sentence) else ended,
            size_bytes=output.size_bytes,
        )

    async def _ended(self, held: HeldJob, output: JobOutput) -> "Sentence | Ended":
        """How it ended; a sentence for why it failed."""
        job = held.job
        try:
            async with asyncio.timeout(LASTS_S_MAX), asyncio.TaskGroup() as group:
                renewing = group.create_task(_keep(held, output))
                await self._compute(job, output)
                renewing.cancel()
        except ExceptionGroup as group_error:
            return await _told(held, group_error.exceptions[0])
        except TimeoutError as late:
            return await _told(held, late)
        return "finished"

    async def _compute(self, job: StoredJob, output: JobOutput) -> None:
        account = await self.installation.accounts.get(job.account_id)
        scopes: frozenset[Scope] = frozenset(each for each in get_args(Scope) if each in job.scopes)
        principal = Principal(
            id=job.given_by, scopes=scopes, whence=job.whence, request_id=job.request_id
        )
        asked = asked_of(job)
        await self.computations[job.kind](
            JobAtWork(
                installation=self.installation,
                account=account,
                principal=principal,
                asked=asked,
                output=output,
            )
        )
        await output.finish()


Ended = Literal["finished", "ended", "again"]


async def _keep(held: HeldJob, output: JobOutput) -> NoReturn:
    """Keep the job, and say how far it is; ends it once nobody wants it any more."""
    while True:
        await asyncio.sleep(RENEW_EVERY_S)
        if not await held.renew(output.progress):
            output.end()
            raise JobEnded


async def _told(  # noqa: PLR0911 - one for each kind
    held: HeldJob, error: BaseException
) -> "Sentence | Ended":
    """What becomes of a job that ended so."""
    job = held.job
    match error:
        case JobEnded():
            return "ended"
        case Refused():
            return error.sentence
        case UnknownAccount():
            return sentence("refused.no_account")
        case Unavailable() if job.attempts < ATTEMPTS_MAX:
            await held.release(again_in_s=AGAIN_IN_S)
            return "again"
        case Unavailable():
            return sentence("job.unavailable")
        case MemoryError():
            return sentence("job.too_large")
        case TimeoutError():
            return sentence("job.too_long")
        case _:
            log.error("job_broken", job=job.job_id, kind=job.kind, exc_info=error)
            return sentence("job.broken", request=job.request_id)
