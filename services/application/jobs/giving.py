"""Jobs as whoever asks for them sees them: started, looked at, cancelled, and what came of them.

job, _ = await start(installation, account, principal, ReplayAsked(), once)
while not (job := await state(installation, account, principal, job.job_id)).is_over:
    ...  # `job.progress` is in thousandths
audited = await result_as(installation, account, principal, job.job_id, Audited)
"""

from collections.abc import AsyncIterator
from hashlib import blake2b
from importlib.util import find_spec
from typing import TypeVar

import msgspec

from contracts.sentences import Sentence, sentence
from services.application.access import note_access
from services.application.commands import KEY, Once
from services.application.installation import Installation
from services.application.jobs import reasons
from services.application.jobs.asked import (
    ExportAsked,
    JobAsked,
    ShadowAuditAsked,
    WhatIfAsked,
    as_kept,
    asked_of,
    kind_of,
    require,
)
from services.application.kommo import check_asks_kommo
from services.application.principal import Principal
from services.application.refused import Refused
from services.application.rules import draft_of
from services.application.span import Span, check_length
from services.storage.access_log import Sight
from services.storage.accounts import RegisteredAccount
from services.storage.jobs import JobKind, Jobs, NewJob, StoredJob, TooManyJobs

T = TypeVar("T")

UNDER_WAY_MAX, DAY_MAX = 2, 20
SIGHTS: dict[JobKind, Sight] = {
    "what_if": "simulation",
    "replay": "audit",
    "shadow_audit": "shadow",
    "export": "export",
}


async def start(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    asked: JobAsked,
    once: Once,
) -> tuple[StoredJob, bool]:
    """Have a job done; as it is kept, and whether it was not started under this key before.

    Args:
        installation: Where.
        account: Whose.
        principal: Who asks; the job may what they may now.
        asked: What.
        once: The key; nothing is waited for.

    Raises:
        services.application.rules.RulesRefused: A draft has problems.
        Refused: They may not, or have too many; the time or the form cannot be had; or another
            job was started under this key.
    """
    require(principal, asked)
    if KEY.fullmatch(once.key) is None:
        raise Refused("key_unusable", limit=255)
    _check(account, asked)
    if isinstance(asked, ShadowAuditAsked):
        await check_asks_kommo(installation)
    new = NewJob(
        account_id=account.account_id,
        job_id=_id_of(account.account_id, principal, once),
        kind=kind_of(asked),
        parameters=as_kept(asked),
        given_by=principal.id,
        scopes=sorted(principal.scopes),
        whence=principal.whence,
        request_id=principal.request_id,
    )
    try:
        job, is_new = await Jobs(installation.pool).add(
            new, under_way_max=UNDER_WAY_MAX, lately_max=DAY_MAX
        )
    except TooManyJobs as error:
        limit = sentence("job.limit.of_the_day", count=DAY_MAX)
        if error.is_under_way:
            limit = sentence("job.limit.under_way", count=UNDER_WAY_MAX)
        raise Refused("too_many_jobs", limit=limit) from error
    if (job.kind, job.parameters) != (new.kind, new.parameters):
        raise Refused("key_reused")
    return job, is_new


async def state(
    installation: Installation, account: RegisteredAccount, principal: Principal, job_id: str
) -> StoredJob:
    """How a job stands, for whoever asked for it and for those who may see who did what.

    Raises:
        Refused: There is none of that id, or none that they may see: nobody can tell which.
    """
    found = await Jobs(installation.pool).get(account.account_id, job_id)
    if found is None or not (found.given_by == principal.id or principal.may("audit")):
        raise Refused("job_unknown")
    return found


async def newest(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    *,
    kind: JobKind | None = None,
) -> list[StoredJob]:
    """Jobs of the last day, the newest first; without `audit` one's own."""
    by = "" if principal.may("audit") else principal.id
    return await Jobs(installation.pool).newest(account.account_id, given_by=by, kind=kind or "")


async def cancel(
    installation: Installation, account: RegisteredAccount, principal: Principal, job_id: str
) -> StoredJob:
    """Have nobody work on it any more; one that was cancelled before stays so.

    Raises:
        Refused: There is none of that id that they may see, it is another one's and they may not
            have such jobs done, or it is over.
    """
    found = await state(installation, account, principal, job_id)
    if found.given_by != principal.id:
        require(principal, asked_of(found))
    is_cancelled = await Jobs(installation.pool).cancel(account.account_id, job_id)
    found = await state(installation, account, principal, job_id)
    if not is_cancelled and found.state != "cancelled":
        raise Refused("job_over")
    return found


async def result(
    installation: Installation, account: RegisteredAccount, principal: Principal, job_id: str
) -> tuple[StoredJob, AsyncIterator[bytes]]:
    """What came of a finished job, a part at a time; that somebody looked is kept.

    Raises:
        Refused: There is none of that id that they may see, they may not see what came of it,
            or nothing has, yet or at all.
    """
    found = await state(installation, account, principal, job_id)
    require(principal, asked_of(found))
    if not found.is_over:
        raise Refused("job_not_over")
    if found.state != "finished":
        raise Refused("job_over_without_result")
    await note_access(installation, account.account_id, principal, SIGHTS[found.kind])
    return found, Jobs(installation.pool).parts(account.account_id, job_id)


async def result_as(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    job_id: str,
    type_: type[T],
) -> T:
    """What came of it, as what it is: `Audited` of a replay, `WhatIf`, `ShadowAudit`.

    Raises:
        Refused: As `result`, or another release wrote it.
    """
    _, parts = await result(installation, account, principal, job_id)
    try:
        return msgspec.json.decode(b"".join([part async for part in parts]), type=type_)
    except msgspec.DecodeError as error:
        raise Refused("job_over_without_result") from error


def reason_of(job: StoredJob) -> Sentence | None:
    """Why it failed; None unless it did."""
    return None if job.reason is None else reasons.told(job.reason)


def _check(account: RegisteredAccount, asked: JobAsked) -> None:
    """See at once what a worker would find only later."""
    if isinstance(asked, WhatIfAsked | ShadowAuditAsked):
        check_length(Span(start=asked.start, end=asked.end))
    if isinstance(asked, WhatIfAsked):
        for text in asked.drafts.values():
            draft_of(text.encode(), account)
    if isinstance(asked, ExportAsked) and asked.form == "parquet" and not find_spec("pyarrow"):
        raise Refused("format_unavailable")


def _id_of(account_id: int, principal: Principal, once: Once) -> str:
    """It follows from the key, so that the same key means the same job."""
    named = f"{account_id}\0{principal.id}\0{once.key}".encode()
    return f"job-{blake2b(named, digest_size=16).hexdigest()}"
