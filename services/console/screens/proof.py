"""Proof of no loss: was any lead lost? (W4.9)."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from contracts.sentences import Sentence, sentence
from services.application.kommo import check_asks_kommo
from services.application.proof.day import prove
from services.application.proof.told import head_of, lines_of, rows_of, title_of
from services.application.refused import Refused
from services.application.span import day_from
from services.console.pages import account_page
from services.console.seeing import InAccount, SeeingAccount

router = APIRouter()

Day = Annotated[str, Query(max_length=10)]


@router.get("/a/{account_id}/proof")
async def get_proof(
    who: InAccount,
    day: Day = "",
    kommo: Annotated[str, Query(pattern="^1?$")] = "",
) -> Response:
    """A day from the log alone; held against Kommo's own list, if that is asked for."""
    who.require("audit")
    why_not_kommo = await _why_not_kommo(who)
    on, span = day_from(day, now=who.now, timezone=who.account.timezone)
    found = await prove(
        who.installation,
        who.account,
        who.principal,
        day=on,
        span=span,
        now=who.now,
        asks_kommo=bool(kommo) and why_not_kommo is None,
    )
    said = lines_of(found, who.words.say)
    today = who.now.astimezone(who.zone).date()
    return account_page(
        "proof.html",
        who,
        here="proof",
        proof=found,
        title=who.words.say(title_of(found)),
        head=who.words.say(head_of(found, who.account.subdomain)),
        rows=rows_of(found, who.words.say),
        verdict=said[0],
        behind=said[1:],
        closed=sum(found.closed.values()),
        swept=found.sources.get("sweep", 0),
        why_not_kommo="" if why_not_kommo is None else who.words.say(why_not_kommo),
        before=_place(who, on - timedelta(days=1)) if on > on.min else "",
        after=_place(who, on + timedelta(days=1)) if on < today else "",
        compare=f"{_place(who, on)}&kommo=1",
        foot=who.words.say(sentence("proof.foot")),
    )


async def _why_not_kommo(who: SeeingAccount) -> Sentence | None:
    """Why Kommo cannot be asked from here; None if it can."""
    try:
        await check_asks_kommo(who.installation)
    except Refused as refused:
        return refused.sentence
    return None


def _place(who: SeeingAccount, day: object) -> str:
    return f"{who.base}/proof?day={day}"
