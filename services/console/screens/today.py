"""Today: is all well? (W4.1)."""

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response

from services.application.operations import shown
from services.application.today import today
from services.console.pages import Parts, account_page
from services.console.seeing import InAccount
from services.console.shapes import decision_line, mate_line, trouble_line, waiting_line

router = APIRouter()


@router.get("/a/{account_id}")
async def get_today(who: InAccount, only: Parts) -> Response:
    """How the account does now; whoever may see only themselves goes to their own page."""
    if not who.principal.may("read") and who.principal.manager_id is not None:
        return RedirectResponse(f"{who.base}/me", status_code=303)
    version = await shown(who.installation, who.account.account_id)
    found = await today(
        who.installation, who.premises.present, who.account, who.principal, now=who.now
    )
    return account_page(
        "today.html",
        who,
        here="today",
        only=only,
        shown=str(version),
        today=found,
        troubles=[trouble_line(who, each) for each in found.overview.troubles],
        team=[mate_line(who, each) for each in found.team],
        waiting=[waiting_line(who, each) for each in found.waiting],
        last=[decision_line(who, each) for each in found.last],
    )
