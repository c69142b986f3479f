"""A job under way: how far it is, fetched again until it is over; and its end."""

from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

from services.application.jobs.giving import cancel, result, state
from services.application.jobs.told import file_name
from services.console.jobs import job_line
from services.console.pages import HEADERS
from services.console.rendering import render
from services.console.seeing import InAccount
from services.storage.jobs import JobKind

router = APIRouter()

JobId = Annotated[str, Path(pattern="^job-[0-9a-f]{32}$")]
# Where what came of it is shown.
SCREENS: dict[JobKind, str] = {
    "what_if": "rules",
    "replay": "audit",
    "shadow_audit": "shadow",
    "export": "audit",
}


@router.get("/a/{account_id}/jobs/{job_id}")
async def get_job(who: InAccount, job_id: JobId) -> Response:
    """The part of a page; one that is over tells the page to show what came of it."""
    job = await state(who.installation, who.account, who.principal, job_id)
    over = {"fairlead-over": "1"} if job.is_over else {}
    part = render("parts/job_told.html", who.words, who=who, job=await job_line(who, job))
    return HTMLResponse(part, headers={**HEADERS, **over})


@router.get("/a/{account_id}/jobs/{job_id}/result")
async def get_result(who: InAccount, job_id: JobId) -> Response:
    """What came of it, as a file."""
    job, parts = await result(who.installation, who.account, who.principal, job_id)
    headers = {
        **HEADERS,
        "content-length": str(job.size_bytes),
        "content-disposition": f'attachment; filename="{file_name(job)}"',
    }
    return StreamingResponse(parts, media_type=job.form, headers=headers)


@router.post("/a/{account_id}/jobs/{job_id}/cancel")
async def post_cancel(who: InAccount, job_id: JobId) -> Response:
    """Nobody works on it any more."""
    job = await cancel(who.installation, who.account, who.principal, job_id)
    return RedirectResponse(f"{who.base}/{SCREENS[job.kind]}", status_code=303)
