"""The leads of one line of "why not me?", page by page (W4.3)."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Path
from fastapi.responses import Response

from domain.explain.why_not import Stood
from services.application.span import check_length, span_from
from services.application.why_not import Question, why_not
from services.console.moments import moment
from services.console.names import name_of, with_rules
from services.console.pages import account_page
from services.console.screens.manager import DAYS, Before, From, To
from services.console.seeing import InAccount
from services.console.shapes import stood_line, why_not_lead

router = APIRouter()

LINES = 50


@router.get("/a/{account_id}/managers/{manager_id}/why/{line}")
async def get_why(
    who: InAccount,
    manager_id: int,
    line: Annotated[Stood, Path()],
    start: From = "",
    end: To = "",
    before: Before = None,
) -> Response:
    """Leads of the range to which they stood so, the newest first; their own for everybody."""
    span = span_from(start, end, now=who.now, timezone=who.account.timezone, days=DAYS)
    check_length(span)
    found = await why_not(
        who.installation,
        who.principal,
        Question(who.account, manager_id, span),
        line=line,
        limit=LINES,
        before=before,
    )
    who, given = await with_rules(who), found.leads.get(line)
    is_own = manager_id == who.principal.manager_id
    back = f"{who.base}/me" if is_own else f"{who.base}/managers/{manager_id}"
    kept = {key: text for key, text in (("from", start), ("to", end)) if text}
    here = f"{who.base}/managers/{manager_id}/why/{line}"
    older = None if given is None else given.next_before
    return account_page(
        "why_leads.html",
        who,
        here="me" if is_own else "today",
        name=name_of(who, manager_id),
        line=stood_line(who, line, manager_id),
        count=found.counts.get(line, 0),
        since=moment(who, span.start),
        until=moment(who, span.end),
        is_got=line.startswith("got"),
        leads=[] if given is None else [why_not_lead(who, each) for each in given.leads],
        newest=f"{here}?{urlencode(kept)}" if before is not None else "",
        older=f"{here}?{urlencode({**kept, 'before': older})}" if older is not None else "",
        back=f"{back}?{urlencode(kept)}#why",
    )
