"""Showing again who one is, before a deed that asks for it; then the deed goes on (W7, S32)."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from services.access.sessions import csrf_token
from services.application.people.inviting import address_of
from services.application.people.oneself import prove_again
from services.application.people.passkeys import prove_again_by_passkey
from services.application.refused import Refused
from services.console.pages import page
from services.console.proofs import Deed, deed_in, prove_page
from services.console.seeing import Seeing, Signed, local
from services.console.sessions import give_session

router = APIRouter()

Text = Annotated[str, Form(max_length=300)]
Answer = Annotated[str, Form(max_length=20_000)]
Next = Annotated[str, Query(max_length=2_000)]


@router.get("/prove")
async def get_prove(who: Signed, next: Next = "") -> Response:  # noqa: A002 - in the address
    """The form; to go on to a page afterwards."""
    return await prove_page(who, next=local(next))


@router.post("/prove")
async def post_prove(
    request: Request,
    who: Signed,
    proof: Text = "",
    step: Text = "",
    answer: Answer = "",
    next: Text = "",  # noqa: A002
) -> Response:
    """Take a code, a password or a passkey; then go on with what was begun."""
    deed = deed_in(await request.form())
    try:
        cookie = await _proved(who, proof, step=step, answer=answer)
    except Refused as refused:
        told = who.words.say(refused.sentence)
        return await prove_page(who, next=local(next), deed=deed, refused=told, status=401)
    return _go_on(who, cookie, deed, next)


async def _proved(who: Seeing, proof: str, *, step: str, answer: str) -> str:
    access = who.premises.access
    if answer:
        address = address_of(who.installation)
        return await prove_again_by_passkey(
            access, who.caller, who.cookie, step, answer, address=address
        )
    return await prove_again(access, who.caller, who.cookie, proof, at=who.now)


def _go_on(who: Seeing, cookie: str, deed: Deed | None, wanted: str) -> Response:
    answer: Response
    if deed is None:
        answer = RedirectResponse(local(wanted), status_code=303)
    else:  # its page has the token of the session before
        answer = page("go_on.html", who.words, deed=deed, csrf=csrf_token(cookie))
    give_session(answer, who.premises, cookie)
    return answer
