"""Who did something about people and keys (W4.14, A9.3)."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from services.access.sign_in_log import SignInLine
from services.application.people.holding import deeds_in, people
from services.console.pages import account_page, sheet
from services.console.seeing import InAccount
from services.console.who_may import deed_line, names_of
from services.shared.spreadsheet import Cell

router = APIRouter()

LINES = 100
LINES_IN_FILE = 10_000
COLUMNS = ("at", "principal", "what", "person_id", "about", "whence", "request_id")

Before = Annotated[int | None, Query(ge=1, le=2**63 - 1)]


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
        newest=f"{who.base}/access/deeds" if before is not None else "",
        older=f"?before={found[-1].id}" if len(found) == LINES else "",
        csv=f"{who.base}/access/deeds.csv",
    )


@router.get("/a/{account_id}/access/deeds.csv")
async def get_deeds_file(who: InAccount) -> Response:
    """The same as a file."""
    found = await deeds_in(
        who.premises.access, who.caller, who.account.account_id, limit=LINES_IN_FILE
    )
    return sheet("deeds", COLUMNS, map(_cells, found))


def _cells(each: SignInLine) -> tuple[Cell, ...]:
    return (
        each.at.isoformat(),
        each.principal,
        each.what,
        each.person_id,
        each.about,
        each.whence,
        each.request_id,
    )
