"""In from Kommo's page: a code for a minute, behind the `#` of the address (W7)."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from services.application.refused import Refused
from services.application.widget.console_login import PATH, enter_by_code
from services.console.pages import page
from services.console.screens.signing_in import caller_of, check_form
from services.console.sessions import give_session
from services.web.premises import PremisesOf
from services.words.catalogue import Words

router = APIRouter()


@router.get(PATH)
async def get_from_kommo() -> Response:
    """The form behind the link, which sends itself."""
    return page("from_kommo.html", Words())


@router.post(PATH)
async def post_from_kommo(
    request: Request, premises: PremisesOf, token: Annotated[str, Form(max_length=200)]
) -> Response:
    """The code, for a session."""
    check_form(request)
    try:
        cookie, to = await enter_by_code(
            premises.access,
            token,
            caller=caller_of(request, premises),
            agent=request.headers.get("user-agent", ""),
            now=premises.now(),
        )
    except Refused as refused:
        told = Words().say(refused.sentence)
        return page("failure_link.html", Words(), status=404, detail=told)
    answer = RedirectResponse(to, status_code=303)
    give_session(answer, premises, cookie.get_secret_value())
    return answer
