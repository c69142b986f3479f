"""What is done about one lead: taken, passed on, put back (D7.6, D6.4)."""

from collections.abc import Awaitable
from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import Response

from contracts.sentences import sentence
from services.application import offers, undo
from services.application.commands import Answer, Once
from services.application.refused import Refused
from services.application.undo_told import would_go_back
from services.console.deeds import Foretold, deed_page, foretold
from services.console.receipts import Key, told_at
from services.console.screens.lead import lead_page
from services.console.screens.manager import ELSEWHERE, refused_page
from services.console.seeing import InAccount, SeeingAccount

router = APIRouter()
# The page does not wait for Kommo: it shows what becomes of each thing as it does.
AT_ONCE_S = 0.0


@router.post("/a/{account_id}/leads/{lead_id}/take")
async def post_take(who: InAccount, lead_id: int, key: Key) -> Response:
    """An offered lead is somebody's for good."""
    taken = offers.take(
        who.installation,
        who.account,
        who.principal,
        lead_id,
        manager_id=_whose(who),
        once=Once(key=key),
    )
    return await _told(who, lead_id, taken)


@router.post("/a/{account_id}/leads/{lead_id}/pass-on")
async def post_pass_on(
    who: InAccount, lead_id: int, key: Key, reason: Annotated[str, Form(max_length=500)] = ""
) -> Response:
    """An offered lead goes to the next one."""
    passed = offers.pass_on(
        who.installation,
        who.account,
        who.principal,
        lead_id,
        manager_id=_whose(who),
        reason=reason.strip(),
        once=Once(key=key),
    )
    return await _told(who, lead_id, passed)


@router.get("/a/{account_id}/leads/{lead_id}/undo")
async def get_undo(who: InAccount, lead_id: int) -> Response:
    """What would be put back."""
    who.require("activity")

    async def look() -> Foretold:
        planned = await undo.plan(who.installation, who.account, who.principal, lead_id)
        question = sentence("console.undo.question", decision=planned.request_id)
        return foretold(who, would_go_back(planned), question)

    return await deed_page(
        who,
        look,
        title=sentence("console.undo.title", lead=lead_id),
        action=f"{who.base}/leads/{lead_id}/undo",
        button=sentence("console.undo.go"),
        back=f"{who.base}/leads/{lead_id}",
        here="leads",
    )


@router.post("/a/{account_id}/leads/{lead_id}/undo")
async def post_undo(who: InAccount, lead_id: int, key: Key) -> Response:
    """Put back what the newest decision changed."""
    once = Once(key=key)
    place = (who.installation, who.account, who.principal)
    done = await undo.carried_out_before(*place, lead_id, once=once, settled_within_s=AT_ONCE_S)
    if done is None:
        planned = await undo.plan(*place, lead_id)
        done = await undo.carry_out(*place, planned, once=once, settled_within_s=AT_ONCE_S)
    return _back(who, lead_id, done.answer)


def _whose(who: SeeingAccount) -> int | None:
    """Whose lead it has to be: their own, of who may do this about themselves alone."""
    return None if who.principal.may("activity") else who.principal.manager_id


async def _told(who: SeeingAccount, lead_id: int, deed: Awaitable[Answer]) -> Response:
    """The page on which it was done, with what became of it, or why it was refused."""
    try:
        return _back(who, lead_id, await deed)
    except Refused as refused:
        if refused.code in ELSEWHERE:
            raise
        if who.principal.may("explain"):
            return await lead_page(who, lead_id, refused=refused)
        assert who.principal.manager_id is not None, "whoever may do this about themselves"  # noqa: S101
        return await refused_page(who, who.principal.manager_id, refused)


def _back(who: SeeingAccount, lead_id: int, answer: Answer) -> Response:
    is_explained = who.principal.may("explain")
    return told_at(f"{who.base}/leads/{lead_id}" if is_explained else f"{who.base}/me", answer)
