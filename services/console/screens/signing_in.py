"""Signing in, joining by a link, and signing out (W7)."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from services.access.relying import relying_party
from services.access.sign_in_log import Caller
from services.application.people.inviting import address_of, is_claimed
from services.application.people.joining import come_back, join, look_at_link
from services.application.people.oneself import sign_out
from services.application.people.outer import is_by_provider
from services.application.people.signing_in import (
    NextStep,
    SignedIn,
    sign_in,
    sign_in_by_code,
    sign_in_by_enrolling,
)
from services.application.refused import Refused
from services.console.pages import page
from services.console.seeing import (
    FORMS,
    Signed,
    is_from_here,
    local,
    out_of_date,
    words_for,
)
from services.console.sessions import give_session, take_session
from services.web.asked import media_type_of
from services.web.premises import Premises, PremisesOf
from services.web.rates import refuse
from services.web.request_ids import request_id_of

router = APIRouter()

Text = Annotated[str, Form(max_length=300)]
Secret = Annotated[str, Form(max_length=1_000)]
Next = Annotated[str, Query(max_length=2_000)]


@router.get("/sign-in")
async def get_sign_in(request: Request, premises: PremisesOf, next: Next = "") -> Response:  # noqa: A002 - in the address
    """The form; an installation that nobody has claimed says only that."""
    if not await is_claimed(premises.access):
        return page("unclaimed.html", words_for(request), status=503)
    return sign_in_page(request, premises, next=next, status=200)


@router.post("/sign-in")
async def post_sign_in(
    request: Request,
    premises: PremisesOf,
    login: Text,
    password: Secret,
    next: Text = "",  # noqa: A002
) -> Response:
    """The first step."""
    check_form(request)
    try:
        found = await sign_in(
            premises.access,
            login=login,
            password=password,
            caller=caller_of(request, premises),
            agent=request.headers.get("user-agent", ""),
        )
    except Refused as refused:
        told = words_for(request).say(refused.sentence)
        return sign_in_page(request, premises, next=next, login=login, refused=told)
    return stepped(request, premises, found, next)


@router.post("/sign-in/code")
async def post_code(
    request: Request,
    premises: PremisesOf,
    step: Secret,
    code: Text,
    needs: Text,
    next: Text = "",  # noqa: A002
) -> Response:
    """The second step: a code of their app, of a new one, or a recovery code."""
    check_form(request)
    finish = sign_in_by_enrolling if needs == "enrol" else sign_in_by_code
    try:
        found = await finish(
            premises.access,
            step,
            code.replace(" ", ""),
            caller=caller_of(request, premises),
            agent=request.headers.get("user-agent", ""),
            at=premises.now(),
        )
    except Refused as refused:
        if refused.code == "step_over":
            told = words_for(request).say(refused.sentence)
            return sign_in_page(request, premises, next=next, refused=told)
        return page(
            "code.html",
            words_for(request),
            status=401,
            step=step,
            needs=needs,
            secret=None,
            next=local(next),
            refused=words_for(request).say(refused.sentence),
        )
    return stepped(request, premises, found, next)


@router.get("/join")
async def get_join(request: Request) -> Response:
    """The form behind a one-time link: what comes after # never leaves the browser by itself."""
    return page("join.html", words_for(request), token="", link=None, name="", login="", refused="")


@router.post("/join/look")
async def post_look(request: Request, premises: PremisesOf, token: Secret) -> Response:
    """What the link is for."""
    check_form(request)
    try:
        link = await look_at_link(premises.access, token)
    except Refused as refused:
        told = words_for(request).say(refused.sentence)
        return page("failure_link.html", words_for(request), status=404, detail=told)
    return page(
        "join.html", words_for(request), token=token, link=link, name="", login="", refused=""
    )


@router.post("/join")
async def post_join(
    request: Request,
    premises: PremisesOf,
    token: Secret,
    password: Secret,
    name: Text = "",
    login: Text = "",
) -> Response:
    """Become somebody, or come back; then sign in."""
    check_form(request)
    caller = caller_of(request, premises)
    link = None
    try:
        link = await look_at_link(premises.access, token)
        if link.kind == "reset":
            await come_back(premises.access, token, password=password, caller=caller)
        else:
            await join(
                premises.access,
                token,
                name=name,
                login=login,
                password=password,
                language=words_for(request).language,
                caller=caller,
            )
    except Refused as refused:
        told = words_for(request).say(refused.sentence)
        if link is None:
            return page("failure_link.html", words_for(request), status=404, detail=told)
        return page(
            "join.html",
            words_for(request),
            status=422,
            token=token,
            link=link,
            name=name,
            login=login,
            refused=told,
        )
    return RedirectResponse("/sign-in", status_code=303)


@router.post("/sign-out")
async def post_sign_out(who: Signed) -> Response:
    """End the session."""
    await sign_out(who.premises.access, who.caller, who.cookie)
    answer = RedirectResponse("/sign-in", status_code=303)
    take_session(answer)
    return answer


def sign_in_page(
    request: Request,
    premises: Premises,
    *,
    next: str = "",  # noqa: A002 - as the form has it
    login: str = "",
    refused: str = "",
    status: int = 401,
) -> Response:
    """The form, with every way there is here."""
    return page(
        "sign_in.html",
        words_for(request),
        status=status,
        next=local(next),
        login=login,
        refused=refused,
        may_passkeys=relying_party(address_of(premises.installation)) is not None,
        is_by_provider=is_by_provider(premises.access),
    )


def stepped(
    request: Request, premises: Premises, found: SignedIn | NextStep, wanted: str
) -> Response:
    """Somebody is in, or shows the second thing first."""
    if isinstance(found, NextStep):
        return page(
            "code.html",
            words_for(request),
            step=found.token.get_secret_value(),
            needs=found.needs,
            secret=found.secret,
            next=local(wanted),
            refused="",
        )
    answer: Response
    if found.recovery_codes:
        answer = page(
            "recovery_codes.html",
            words_for(request),
            codes=found.recovery_codes,
            next=local(wanted),
        )
    else:
        answer = RedirectResponse(local(wanted), status_code=303)
    give_session(answer, premises, found.cookie.get_secret_value())
    return answer


def check_form(request: Request) -> None:
    """See that a form comes from a page of ours: nobody is signed in by a stranger's page (S10).

    Raises:
        HttpProblem: It does not.
    """
    if media_type_of(request) not in FORMS or not is_from_here(request):
        raise out_of_date(request)


def check_pace(request: Request, premises: Premises) -> None:
    """See that an address does not begin steps by the thousand: each is kept for five minutes.

    Raises:
        HttpProblem: It does.
    """
    taken = premises.rates.take(premises.settings.strangers, premises.whence(request))
    if taken.wait_s:
        raise refuse(taken)


def caller_of(request: Request, premises: Premises) -> Caller:
    """Whoever tries, for the log of sign-ins."""
    return Caller(whence=premises.whence(request), request_id=request_id_of(request.scope))
