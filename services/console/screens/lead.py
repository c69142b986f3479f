"""A lead: why her? (W4.2), and the way to it from an id."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import RedirectResponse, Response

from services.application.explain import explain_lead
from services.application.offered import offered
from services.application.operations import shown
from services.application.refused import Refused
from services.console.names import knowing, with_rules
from services.console.pages import Parts, account_page
from services.console.receipts import JustDone, Receipt, receipt_of
from services.console.seeing import InAccount, SeeingAccount
from services.console.shapes import OfferLine, kommo_lead, offer_line, story_of
from services.web.faults import problem_of

router = APIRouter()

DIGITS_MAX = 18


@router.get("/a/{account_id}/leads")
async def get_leads(who: InAccount, lead: Annotated[str, Query(max_length=200)] = "") -> Response:
    """Find a lead by its id, or by its address in Kommo."""
    who.require("explain")
    typed = lead.strip()
    only = typed.rstrip("/").rpartition("/")[2].lstrip("#")
    if only.isascii() and only.isdigit() and len(only) <= DIGITS_MAX:
        return RedirectResponse(f"{who.base}/leads/{int(only)}", status_code=303)
    return account_page(
        "leads.html",
        who,
        here="leads",
        typed=typed,
        is_wrong=bool(typed),
        status=422 if typed else 200,
    )


@router.get("/a/{account_id}/leads/{lead_id}")
async def get_lead(who: InAccount, lead_id: int, only: Parts, done: JustDone) -> Response:
    """Its story, and every decision with everybody who could have got it."""
    return await lead_page(who, lead_id, only=only, told=await receipt_of(who, done))


async def lead_page(
    who: SeeingAccount,
    lead_id: int,
    *,
    only: Sequence[str] = (),
    told: Receipt | None = None,
    refused: Refused | None = None,
) -> Response:
    """The page of a lead, with what became of a deed, or why it was refused."""
    who.require("explain")
    shows = await shown(who.installation, who.account.account_id)
    try:
        found = await explain_lead(who.installation, who.account, who.principal, lead_id)
    except Refused as unknown:
        if unknown.code != "nothing_decided":
            raise
        found = []
    by_name = await knowing(
        await with_rules(who), (told for each in found for told in each.sentences)
    )
    story = story_of(by_name, found)
    return account_page(
        "lead.html",
        who,
        here="leads",
        only=only,
        shown=str(shows),
        status=problem_of(refused).status if refused else 200 if found else 404,
        wrong="" if refused is None else who.words.say(refused.sentence),
        lead_id=lead_id,
        kommo=kommo_lead(who, lead_id),
        answer=next((each for each in reversed(story) if each.is_decision), None),
        story=story,
        offer=next(iter(await _offers(who, lead_id)), None),
        told=told,
    )


async def _offers(who: SeeingAccount, lead_id: int) -> list[OfferLine]:
    """The lead's offer, if a clock runs for it and whoever looks may end it."""
    if not who.principal.may("activity"):
        return []
    found = await offered(who.premises.present, who.account, who.principal)
    return [offer_line(who, each) for each in found if each.lead_id == lead_id]
