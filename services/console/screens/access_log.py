"""Who looked, and who did something about people and keys (W4.14, A9.3)."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from services.application.access import accesses
from services.application.people.holding import deeds_in, people
from services.application.span import span_from
from services.console.pages import account_page
from services.console.seeing import InAccount
from services.console.who_may import deed_line, look_line, names_of

router = APIRouter()

DAYS = 7
LINES = 100

By = Annotated[str, Query(max_length=100)]
Time = Annotated[str, Query(max_length=40)]
Before = Annotated[int | None, Query(ge=1, le=2**63 - 1)]


@router.get("/a/{account_id}/access/looks")
async def get_looks(
    who: InAccount,
    by: By = "",
    from_: Annotated[str, Query(alias="from", max_length=40)] = "",
    to: Time = "",
    before: Before = None,
) -> Response:
    """Who looked at what in a range, the newest first; that is a look, too."""
    span = span_from(from_, to, now=who.now, timezone=who.account.timezone, days=DAYS)
    found = await accesses(
        who.installation,
        who.account,
        who.principal,
        span,
        by=by.strip(),
        limit=LINES,
        before=before,
    )
    known = await people(who.premises.access, who.caller, who.account.account_id)
    names = names_of(known)
    return account_page(
        "looks.html",
        who,
        here="access",
        part="looks",
        people=[(each.principal, each.name) for each in known],
        by=by.strip(),
        typed_from=from_,
        typed_to=to,
        days=DAYS,
        lines=[look_line(who, each, names) for each in found],
        older=found[-1].id if len(found) == LINES else None,
    )


@router.get("/a/{account_id}/access/deeds")
async def get_deeds(who: InAccount, before: Before = None) -> Response:
    """What was done about people and keys of the account, the newest first."""
    access, account_id = who.premises.access, who.account.account_id
    found = await deeds_in(access, who.caller, account_id, before=before, limit=LINES)
    names = names_of(await people(access, who.caller, account_id))
    return account_page(
        "access_deeds.html",
        who,
        here="access",
        part="deeds",
        lines=[deed_line(who, each, names) for each in found],
        older=found[-1].id if len(found) == LINES else None,
    )
