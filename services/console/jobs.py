"""Jobs as pages show them: the one under way, and the last that came to something (W4.8, W4.10)."""

from dataclasses import dataclass

from services.application.jobs.giving import newest
from services.application.jobs.told import told
from services.console.moments import Moment, moment
from services.console.names import knowing
from services.console.seeing import SeeingAccount
from services.storage.jobs import JobKind, StoredJob

PERCENT = 10  # thousandths


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLine:
    """A job.

    Attributes:
        said: Who asked for it, and how it stands.
        place: Where its part of a page is fetched again.
        may_cancel: Whoever looks may.
    """

    job_id: str
    kind: JobKind
    percent: int
    is_over: bool
    said: tuple[str, ...]
    at: Moment
    place: str
    may_cancel: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class JobsSeen:
    """Those of a kind.

    Attributes:
        under_way: The newest that is not over.
        failed: The newest of all, if it came to nothing.
        finished: The newest that came to something.
    """

    under_way: JobLine | None
    failed: JobLine | None
    finished: StoredJob | None


async def jobs_of(who: SeeingAccount, kind: JobKind) -> JobsSeen:
    """What there is of a kind, in the last day."""
    found = await newest(who.installation, who.account, who.principal, kind=kind)
    under_way = next((each for each in found if not each.is_over), None)
    failed = found[0] if found and found[0].state == "failed" else None
    return JobsSeen(
        under_way=None if under_way is None else await job_line(who, under_way),
        failed=None if failed is None else await job_line(who, failed),
        finished=next((each for each in found if each.state == "finished"), None),
    )


async def job_line(who: SeeingAccount, job: StoredJob) -> JobLine:
    """One of them."""
    sentences = told(job)
    by_name = await knowing(who, sentences)
    return JobLine(
        job_id=job.job_id,
        kind=job.kind,
        percent=job.progress // PERCENT,
        is_over=job.is_over,
        said=tuple(by_name.words.marked.lines(sentences)),
        at=moment(who, job.given_at),
        place=f"{who.base}/jobs/{job.job_id}",
        may_cancel=who.principal.may("audit"),
    )
