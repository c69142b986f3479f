"""What a draft would have done: asked of what came lately, beside everything else (W4.4)."""

from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import RedirectResponse, Response

from contracts.sentences import sentence
from services.application.commands import Once
from services.application.jobs.asked import WhatIfAsked
from services.application.jobs.giving import cancel, result_as, start, state
from services.application.whatif.looked_back import DAYS, looked_back
from services.application.whatif.simulate import WhatIf
from services.application.whatif.told import Table, by_manager, named, told
from services.console.jobs import job_line
from services.console.pages import account_page
from services.console.receipts import Key
from services.console.rules.work import DraftId, opened
from services.console.seeing import InAccount, SeeingAccount

router = APIRouter()

PERCENT = 100
JobId = Annotated[str, Path(pattern="^job-[0-9a-f]{32}$")]


@router.post("/a/{account_id}/rules/drafts/{draft_id}/what-if")
async def post_what_if(who: InAccount, draft_id: DraftId, key: Key) -> Response:
    """Ask; somebody who may not change rules cannot see a draft either."""
    work = await opened(who, draft_id)
    span = await looked_back(who.installation, who.account, who.principal, now=who.now)
    asked = WhatIfAsked(
        drafts={work.draft.name: work.draft.content}, start=span.start, end=span.end
    )
    job, _ = await start(who.installation, who.account, who.principal, asked, Once(key=key))
    return RedirectResponse(f"{work.href}/what-if/{job.job_id}", status_code=303)


@router.get("/a/{account_id}/rules/drafts/{draft_id}/what-if/{job_id}")
async def get_what_if(who: InAccount, draft_id: DraftId, job_id: JobId) -> Response:
    """How far it is, or what came of it."""
    work = await opened(who, draft_id)
    asked = (who.installation, who.account, who.principal, job_id)
    job = await state(*asked)
    found = await result_as(*asked, WhatIf) if job.state == "finished" else None
    shown = None if found is None else told(found, who.words.say)
    rows = [] if found is None else named(by_manager(found), who.words.say)
    most = max((one.got for _, each in rows for one in each), default=0) or 1
    return account_page(
        "rules_what_if.html",
        who,
        here="rules",
        work=work,
        job=job,
        lines=(await job_line(who, job)).said,
        told=shown,
        sums=None if shown is None else _beside(who, shown.sums),
        is_bounded=found is not None and found.span.end - found.span.start < DAYS,
        bars=[
            (name, got.got, would.got, got.got * PERCENT // most, would.got * PERCENT // most)
            for name, (got, would, *_) in rows
        ],
    )


@router.post("/a/{account_id}/rules/drafts/{draft_id}/what-if/{job_id}/cancel")
async def post_cancel(who: InAccount, draft_id: DraftId, job_id: JobId) -> Response:
    """Have nobody work on it any more."""
    work = await opened(who, draft_id)
    await cancel(who.installation, who.account, who.principal, job_id)
    return RedirectResponse(f"{work.href}/what-if/{job_id}", status_code=303)


def _beside(who: SeeingAccount, sums: Table) -> Table:
    """One draft is beside what was: it needs no name."""
    (first, past, _), rows = sums
    return (first, past, who.words.say(sentence("console.rules.as_it_would_be"))), rows
