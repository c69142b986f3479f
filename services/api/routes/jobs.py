"""Work that takes longer than an answer may (A2, A7): asked for, looked at, cancelled, fetched."""

from base64 import b64encode
from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import Path, Response
from fastapi.responses import StreamingResponse
from pydantic import Field

from contracts.stage import Stage
from domain.configuration import ACCOUNT_LEDGER
from projections.decisions import DecisionFilter
from projections.decisions import Kind as DecisionKind
from projections.requests import RequestFilter
from projections.requests import State as RequestState
from services.api.asking import AccountVisit, OfAccount, ToRead
from services.api.cursors import microseconds
from services.api.filters import INSTANT_MAX, TEXT_MAX, FilterText
from services.api.lists import ItemPage, UnversionedListing
from services.api.media import CSV, JSON, JSON_LINES
from services.api.ordering import Posted
from services.api.parquet import PARQUET
from services.api.places import ID_MAX, KommoId, StageRef
from services.api.resource import problem, resource
from services.api.rules_text import unusable
from services.api.times import Instant
from services.api.told import ToldSentence, told, words_of
from services.application.jobs import giving
from services.application.jobs.asked import (
    AccessFilter,
    ExportedList,
    ExportForm,
    JobAsked,
    ListFilter,
    ReplayAsked,
    ShadowAuditAsked,
    StatementFilter,
    WhatIfAsked,
    export_of,
)
from services.application.jobs.told import file_name
from services.application.refused import Refused
from services.application.rules import RulesRefused
from services.application.span import Span, bounds_from, span_from
from services.storage.jobs import KEPT_HOURS, JobKind, JobState, StoredJob
from services.web.faults import retry, say
from services.web.models import Input, Output
from services.web.problems import FieldError, HttpProblem

router = resource("jobs")

PLACE = "/accounts/{account_id}/jobs"
DAYS = 30
DRAFTS_MAX = 2
NAME_MAX = 100
TEXT_BYTES_MAX = 262_144
VALUES_MAX = 100
RETRY_AFTER_S = "60"
KEPT = timedelta(hours=KEPT_HOURS)

JobId = Annotated[
    str,
    Path(
        pattern="^job-[0-9a-f]{32}$",
        description="Ours.",
        examples=["job-5f0c7a3e9b1d4c265f0c7a3e9b1d4c26"],
    ),
]
FromText = Annotated[
    str,
    Field(
        max_length=INSTANT_MAX,
        description="A day, a date and time, or how long ago, as `-7d`; empty: as far back as it"
        " goes, or 30 days for what-if and shadow audit.",
        examples=["-30d"],
    ),
]
ToText = Annotated[
    str,
    Field(
        max_length=INSTANT_MAX,
        description="The same; a day counts to its end. Empty: until now.",
        examples=["2026-11-02"],
    ),
]


class DraftToTry(Input):
    """Rules to decide by.

    Attributes:
        name: By which the result tells them apart.
        text: The rules file, in YAML or JSON.
    """

    name: str = Field(min_length=1, max_length=NAME_MAX, examples=["Summer"])
    text: str = Field(max_length=TEXT_BYTES_MAX, examples=["version: 1\nrules: []\n"])


class WhatIfBody(Input):
    """What would other rules have done with past requests?"""

    kind: Literal["what_if"]
    drafts: list[DraftToTry] = Field(
        min_length=1, max_length=DRAFTS_MAX, description="One, or two beside each other."
    )
    since: FromText = Field(default="", alias="from")
    to: ToText = ""


class ReplayBody(Input):
    """Do the events give the same decisions, digests and chain again?

    Attributes:
        first: Version of the first event.
        last: Of the last one; null for all there are.
    """

    kind: Literal["replay"]
    first: int = Field(default=1, ge=1, le=ID_MAX, examples=[1])
    last: int | None = Field(default=None, ge=1, le=ID_MAX, examples=[4711])


class ShadowAuditBody(Input):
    """How fair were the leads given out, whoever did it? Read from Kommo."""

    kind: Literal["shadow_audit"]
    since: FromText = Field(default="", alias="from")
    to: ToText = ""


class ExportBody(Input):
    """A list as a file of up to 1,000,000 rows, the newest first.

    Attributes:
        which: Which list.
        format: Of the file; `parquet` where the installation can make it.
        before: Only rows before the one of this version or id: `next_before` of the last file.
        manager: Kommo's ids: of `decisions` any of them, of `statement` the one whose it is.
        ledger: Of `statement`; null for the account's own.
        decision: Of `decisions`: what was decided; any of it.
        state: Of `requests`: how they stand; any of it.
        rule: Of `decisions` and `requests`: ids; any of them.
        stage: Of the same; any of them.
        lead: Of the same: Kommo's ids; any of them.
        reason: Of the same: why, as items have it; any of it.
        by: Of `access_log`: the looks of one principal only.
    """

    kind: Literal["export"]
    which: ExportedList = Field(alias="list", examples=["decisions"])
    format: ExportForm = Field(default="csv", examples=["csv"])
    before: int | None = Field(default=None, ge=1, le=ID_MAX, examples=[4711])
    since: FromText = Field(default="", alias="from")
    to: ToText = ""
    manager: list[KommoId] = Field(default=[], max_length=VALUES_MAX, examples=[[501]])
    ledger: FilterText | None = Field(default=None, examples=["account"])
    decision: list[DecisionKind] = Field(default=[], max_length=20, examples=[["assigned"]])
    state: list[RequestState] = Field(default=[], max_length=10, examples=[["waiting"]])
    rule: list[FilterText] = Field(default=[], max_length=VALUES_MAX, examples=[["new-leads"]])
    stage: list[StageRef] = Field(default=[], max_length=VALUES_MAX)
    lead: list[KommoId] = Field(default=[], max_length=VALUES_MAX, examples=[[900016]])
    reason: list[FilterText] = Field(default=[], max_length=VALUES_MAX, examples=[["fair_share"]])
    by: str = Field(default="", max_length=TEXT_MAX, examples=["person:7"])


# What each list cannot be narrowed to.
FOREIGN = {
    "decisions": ("state", "by", "ledger"),
    "requests": ("manager", "decision", "by", "ledger"),
    "statement": ("decision", "state", "rule", "stage", "lead", "reason", "by"),
    "access_log": ("manager", "decision", "state", "rule", "stage", "lead", "reason", "ledger"),
}
JobBody = Annotated[
    WhatIfBody | ReplayBody | ShadowAuditBody | ExportBody, Field(discriminator="kind")
]


class JobFile(Output):
    """The result of a job.

    Attributes:
        media_type: Of the result.
        bytes: Of the result.
        rows: Of an export.
        next_before: Of an export that left rows out: `before` of the next one.
        content_digest: As the header `Content-Digest` of the result has it (RFC 9530).
    """

    media_type: str = Field(examples=["text/csv"])
    bytes: int = Field(ge=0, examples=[4711])
    rows: int | None = Field(ge=0, examples=[120])
    next_before: int | None = Field(examples=[None])
    content_digest: str = Field(examples=["sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"])


class JobItem(Output):
    """A job, and how it stands.

    Attributes:
        given_by: The principal who asked for it.
        progress: In thousandths.
        attempts: How often it was begun: it is tried again after its worker was lost.
        reason: Why it failed; null unless it did.
        result: null unless it is finished.
        kept_until: When it is forgotten, with its result; null while it is not over.
    """

    job_id: str = Field(examples=["job-5f0c7a3e9b1d4c265f0c7a3e9b1d4c26"])
    kind: JobKind = Field(examples=["replay"])
    given_by: str = Field(examples=["key:a1b2"])
    given_at: Instant
    state: JobState = Field(examples=["running"])
    progress: int = Field(ge=0, le=1_000, examples=[250])
    attempts: int = Field(ge=0, examples=[1])
    begun_at: Instant | None
    ended_at: Instant | None
    kept_until: Instant | None
    reason: ToldSentence | None
    result: JobFile | None


class JobPage(ItemPage[JobItem]):
    """Jobs of the last day, the newest first."""


@router.get(PLACE, operation_id="list_jobs", summary="Jobs of the last day")
async def list_jobs(response: Response, visit: ToRead, listing: UnversionedListing) -> JobPage:
    """One's own, and everybody's for who may see who did what."""
    response.headers["Cache-Control"] = "no-store"
    found = await giving.newest(visit.installation, visit.account, visit.principal)
    return await listing.all_of(
        JobPage,
        found,
        key=lambda each: (-microseconds(each.given_at), each.job_id),
        shape=lambda each: _item(visit, each),
    )


@router.post(
    PLACE,
    status_code=202,
    operation_id="start_job",
    summary="Have something done",
    responses={
        409: problem("It cannot be done here."),
        413: problem("The body is too large."),
    },
)
async def start_job(response: Response, visit: OfAccount, body: JobBody, once: Posted) -> JobItem:
    """It is done beside, and told at `Location`; kept for 24 hours.

    2 may be under way at once, and 20 a day, for each key in an account. What a kind wants: `audit`
    for `what_if`, `replay`, `shadow_audit`; `export` and what its list wants for `export`.
    """
    try:
        job, is_new = await giving.start(
            visit.installation, visit.account, visit.principal, _asked(visit, body), once
        )
    except RulesRefused as refused:
        raise unusable(refused) from refused
    except Refused as refused:
        raise _too_many(refused) or refused from refused
    if not is_new:
        response.headers["Idempotency-Replayed"] = "true"
    place = PLACE.format(account_id=visit.account.account_id)
    response.headers["Location"] = f"{router.prefix}{place}/{job.job_id}"
    response.headers["Cache-Control"] = "no-store"
    response.headers.update(retry())
    return _item(visit, job)


@router.get(PLACE + "/{job_id}", operation_id="get_job", summary="How does a job stand?")
async def get_job(response: Response, visit: OfAccount, job_id: JobId) -> JobItem:
    """For whoever asked for it, and for who may see who did what."""
    found = await giving.state(visit.installation, visit.account, visit.principal, job_id)
    response.headers["Cache-Control"] = "no-store"
    if not found.is_over:
        response.headers.update(retry())
    return _item(visit, found)


@router.delete(
    PLACE + "/{job_id}",
    operation_id="cancel_job",
    summary="Cancel a job",
    responses={409: problem("It is over.")},
)
async def cancel_job(visit: OfAccount, job_id: JobId) -> JobItem:
    """Nobody works on it any more; what there was of a result is gone."""
    found = await giving.cancel(visit.installation, visit.account, visit.principal, job_id)
    return _item(visit, found)


@router.get(
    PLACE + "/{job_id}/result",
    operation_id="get_job_result",
    summary="What came of a job",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Of an export its file; of the others what they found, as JSON.",
            "content": {
                JSON: {"schema": {"type": "object"}},
                CSV: {"schema": {"type": "string"}},
                JSON_LINES: {"schema": {"type": "string"}},
                PARQUET: {"schema": {"type": "string", "format": "binary"}},
            },
            "headers": {
                "Content-Digest": {
                    "description": "SHA-256 of the whole (RFC 9530).",
                    "schema": {"type": "string"},
                }
            },
        },
        409: problem("It is not over, or nothing came of it."),
    },
)
async def get_job_result(visit: OfAccount, job_id: JobId) -> StreamingResponse:
    """Whole; that somebody looked goes to the access log."""
    found, parts = await giving.result(visit.installation, visit.account, visit.principal, job_id)
    return StreamingResponse(
        parts,
        media_type=f"{CSV}; charset=utf-8" if found.form == CSV else found.form,
        headers={
            "content-length": str(found.size_bytes),
            "content-digest": _digest(found),
            "content-disposition": f'attachment; filename="{file_name(found)}"',
            "vary": "Authorization",
            "cache-control": "private, no-store",
        },
    )


def _asked(
    visit: AccountVisit, body: WhatIfBody | ReplayBody | ShadowAuditBody | ExportBody
) -> JobAsked:
    match body:
        case WhatIfBody():
            span = _span(visit, body.since, body.to)
            texts = {each.name: each.text for each in body.drafts}
            if len(texts) < len(body.drafts):
                raise _wrong("/drafts", "repeated", "Expected drafts of different names.")
            return WhatIfAsked(drafts=texts, start=span.start, end=span.end)
        case ReplayBody():
            return ReplayAsked(first=body.first, last=body.last)
        case ShadowAuditBody():
            span = _span(visit, body.since, body.to)
            return ShadowAuditAsked(start=span.start, end=span.end)
        case ExportBody():
            for name in FOREIGN[body.which]:
                if getattr(body, name):
                    raise _wrong(f"/{name}", "unknown", f"No filter of {body.which}.")
            return export_of(_filter(visit, body), form=body.format, before=body.before)


def _filter(visit: AccountVisit, body: ExportBody) -> ListFilter:
    since, until = _bounds(visit, body.since, body.to)
    stages = [Stage(each.pipeline_id, each.stage_id) for each in body.stage]
    if body.which == "access_log":
        return AccessFilter(by=body.by, since=since, until=until)
    if body.which == "statement":
        if len(body.manager) != 1:
            raise _wrong("/manager", "missing", "Expected the one manager whose it is.")
        return StatementFilter(
            manager_id=body.manager[0],
            ledger=body.ledger or ACCOUNT_LEDGER,
            since=since,
            until=until,
        )
    if body.which == "requests":
        return RequestFilter(
            states=body.state,
            lead_ids=body.lead,
            rule_ids=body.rule,
            stages=stages,
            reasons=body.reason,
            since=since,
            until=until,
        )
    return DecisionFilter(
        kinds=body.decision,
        lead_ids=body.lead,
        manager_ids=body.manager,
        rule_ids=body.rule,
        stages=stages,
        reasons=body.reason,
        since=since,
        until=until,
    )


def _span(visit: AccountVisit, since: str, to: str) -> Span:
    now = visit.premises.now().replace(microsecond=0)
    return span_from(since, to, now=now, timezone=visit.account.timezone, days=DAYS)


def _bounds(visit: AccountVisit, since: str, to: str) -> tuple[datetime | None, datetime | None]:
    now = visit.premises.now().replace(microsecond=0)
    return bounds_from(since, to, now=now, timezone=visit.account.timezone)


def _wrong(pointer: str, code: str, detail: str) -> HttpProblem:
    wrong = FieldError(pointer=pointer, code=code, detail=detail)
    return HttpProblem("unprocessable", detail, errors=[wrong])


def _too_many(refused: Refused) -> HttpProblem | None:
    """The limit is named, and when to ask again."""
    if refused.code != "too_many_jobs":
        return None
    detail, limit = say(refused.sentence), refused.sentence.arguments["limit"]
    name = str(getattr(limit, "id", "")).removeprefix("job.limit.").replace("_", "-")
    return HttpProblem(
        "too-many-jobs",
        detail,
        errors=[FieldError(pointer="", code=f"jobs-{name}", detail=detail)],
        headers={"Retry-After": RETRY_AFTER_S},
    )


def _item(visit: AccountVisit, job: StoredJob) -> JobItem:
    reason = giving.reason_of(job)
    return JobItem(
        job_id=job.job_id,
        kind=job.kind,
        given_by=job.given_by,
        given_at=job.given_at,
        state=job.state,
        progress=job.progress,
        attempts=job.attempts,
        begun_at=job.begun_at,
        ended_at=job.ended_at,
        kept_until=None if job.ended_at is None else job.ended_at + KEPT,
        reason=None if reason is None else told(words_of(visit.account), reason),
        result=_file(job),
    )


def _file(job: StoredJob) -> JobFile | None:
    if job.state != "finished":
        return None
    return JobFile(
        media_type=job.form,
        bytes=job.size_bytes,
        rows=job.row_count,
        next_before=job.next_before,
        content_digest=_digest(job),
    )


def _digest(job: StoredJob) -> str:
    assert job.sha256 is not None, "what is finished has one"  # noqa: S101
    return f"sha-256=:{b64encode(job.sha256).decode()}:"
