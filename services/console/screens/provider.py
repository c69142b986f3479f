"""Signing in by an identity provider, and adding it to a login that is here (W7)."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from contracts.sentences import sentence
from services.access.oidc import ProviderAway
from services.application.people import outer
from services.application.people.inviting import address_of
from services.application.people.outer import OuterStep
from services.application.refused import Refused
from services.console.pages import went_to
from services.console.screens.profile import BASE
from services.console.screens.signing_in import caller_of, check_pace, sign_in_page, stepped
from services.console.seeing import Signed, is_from_here, out_of_date, seeing, words_for
from services.web.premises import Premises, PremisesOf

router = APIRouter()

# Comes back with the answer: one that another browser began is not this one's.
COOKIE = "__Host-fairlead-outer"
STEP_S = 300
AWAY = sentence("console.provider.away")
SIGN_IN, ADD = "sign-in", "add"

Token = Annotated[str, Query(max_length=4_000)]


@router.get("/sign-in/provider")
async def get_provider(request: Request, premises: PremisesOf) -> Response:
    """Send a browser there. A link, not a form: forms may go to pages of ours alone."""
    _check_own(request)
    check_pace(request, premises)
    address = address_of(premises.installation)
    return _sent(await outer.begin_outer(premises.access, address=address), SIGN_IN)


@router.get(f"{BASE}/provider")
async def get_add(request: Request, who: Signed) -> Response:
    """The same for somebody who is signed in, and wants to be let in by it as well."""
    _check_own(request)
    address = address_of(who.installation)
    return _sent(await outer.begin_outer(who.premises.access, address=address, who=who.caller), ADD)


@router.get(outer.REDIRECT_PATH)
async def get_answer(
    request: Request, premises: PremisesOf, state: Token = "", code: Token = ""
) -> Response:
    """The browser comes back."""
    purpose, _, browser = request.cookies.get(COOKIE, "").partition(".")
    try:
        answer = await _answered(request, premises, purpose, browser, state, code)
    except (Refused, ProviderAway) as error:
        answer = sign_in_page(request, premises, refused=_why(request, error))
    answer.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="lax")
    return answer


async def _answered(
    request: Request, premises: Premises, purpose: str, browser: str, state: str, code: str
) -> Response:
    address = address_of(premises.installation)
    if purpose == ADD:
        who = await seeing(request)
        await outer.add_provider(
            premises.access,
            who.caller,
            browser=browser,
            state=state,
            code=code,
            address=address,
            at=premises.now(),
        )
        return went_to(BASE, "provider")
    found = await outer.sign_in_by_provider(
        premises.access,
        browser=browser,
        state=state,
        code=code,
        address=address,
        caller=caller_of(request, premises),
        agent=request.headers.get("user-agent", ""),
        at=premises.now(),
    )
    return stepped(request, premises, found, "/")


def _sent(step: OuterStep, purpose: str) -> Response:
    answer = RedirectResponse(step.address, status_code=303)
    answer.set_cookie(
        COOKIE,
        f"{purpose}.{step.browser.get_secret_value()}",
        max_age=STEP_S,
        path="/",
        secure=True,
        httponly=True,
        samesite="lax",
    )
    return answer


def _check_own(request: Request) -> None:
    """See that the link is on a page of ours: nobody is sent there by strangers (S10).

    Raises:
        HttpProblem: It is not.
    """
    if not is_from_here(request):
        raise out_of_date(request)


def _why(request: Request, error: Refused | ProviderAway) -> str:
    words = words_for(request)
    if isinstance(error, Refused):
        return words.say(error.sentence)
    return words.say(AWAY)
