"""Where somebody lands who has just come in: their account, or a choice of them."""

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response

from services.console.pages import page
from services.console.seeing import Signed

router = APIRouter()


@router.get("/")
async def get_start(who: Signed) -> Response:
    """Their only account at once; else a list of them."""
    found = [
        each
        for each in await who.installation.accounts.all()
        if who.caller.in_account(each.account_id) is not None
    ]
    if not found and who.caller.at_large().may("operate"):
        return RedirectResponse("/operations", status_code=303)
    if len(found) == 1:
        return RedirectResponse(f"/a/{found[0].account_id}", status_code=303)
    return page("accounts.html", who.words, accounts=found, csrf=who.csrf)
