"""Fairness: is it fair? (W4.6)."""

from fastapi import APIRouter
from fastapi.responses import Response

from services.application.fairness import fair_by_ledger
from services.console.deviations import ledger_view
from services.console.pages import account_page
from services.console.portions import First
from services.console.seeing import InAccount

router = APIRouter()

# Before, chance says more than the fair share.
LEADS_MIN = 10


@router.get("/a/{account_id}/fairness")
async def get_fairness(who: InAccount, first: First = 0) -> Response:
    """Every ledger: what everybody got, what would have been fair, and how far they are apart."""
    found = await fair_by_ledger(who.installation, who.account, who.principal)
    given = sum(each.assigned for each in found)
    wide = [each for each in found if not each.is_kept]
    worst = max(found, key=lambda each: each.widest_units / each.promised_units, default=None)
    return account_page(
        "fairness.html",
        who,
        here="fairness",
        given=given,
        is_early=given < LEADS_MIN,
        leads_min=LEADS_MIN,
        is_kept=not wide,
        worst=worst,
        ledgers=[ledger_view(who, each, first) for each in found],
    )
