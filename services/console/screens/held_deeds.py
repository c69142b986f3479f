"""Deeds that move many leads and wait for a second person: agreed to, or refused (S32)."""

from collections.abc import Mapping

from fastapi import APIRouter
from fastapi.responses import Response

from contracts.sentences import Sentence, sentence
from services.application.people import wide
from services.application.people.holding import people
from services.console.pages import account_page, went_to
from services.console.seeing import InAccount
from services.console.who_may import held_line, names_of

router = APIRouter()

BASE = "/a/{account_id}/access/held"
TOLD: Mapping[str, Sentence] = {
    "agreed": sentence("console.held.told_agreed"),
    "refused": sentence("console.held.told_refused"),
}


@router.get(BASE)
async def get_held(who: InAccount, told: str = "") -> Response:
    """Those that are held, the oldest first."""
    access, account_id = who.premises.access, who.account.account_id
    found = await wide.held_deeds(access, who.caller, account_id)
    names = {}
    if who.principal.may("access"):
        names = names_of(await people(access, who.caller, account_id))
    return account_page(
        "held_deeds.html",
        who,
        here="access",
        part="held",
        told=who.words.say(TOLD[told]) if told in TOLD else "",
        deeds=[held_line(who, each, names) for each in found],
        wide_leads=access.settings.wide_leads,
        wide_per_hour=access.settings.wide_per_hour,
    )


@router.post(BASE + "/{deed_id}/agree")
async def post_agree(who: InAccount, deed_id: int) -> Response:
    """Agree: whoever asked may ask again, and it passes."""
    await wide.agree(who.premises.access, who.caller, who.account.account_id, deed_id)
    return went_to(f"{who.base}/access/held", "agreed")


@router.post(BASE + "/{deed_id}/refuse")
async def post_refuse(who: InAccount, deed_id: int) -> Response:
    """Refuse: asked again within a day, it does not pass."""
    await wide.refuse(who.premises.access, who.caller, who.account.account_id, deed_id)
    return went_to(f"{who.base}/access/held", "refused")
