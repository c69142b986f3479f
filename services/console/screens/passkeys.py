"""Passkeys: asked for, added, named, removed; and signing in by one (W7)."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import JSONResponse, Response

from services.application.people import passkeys
from services.application.people.inviting import address_of
from services.application.people.passkeys import PasskeyStep
from services.application.refused import Refused
from services.console.pages import HEADERS, went_to
from services.console.screens.profile import BASE, profile_page
from services.console.screens.signing_in import (
    caller_of,
    check_form,
    check_pace,
    sign_in_page,
    stepped,
)
from services.console.seeing import Signed, words_for
from services.web.premises import PremisesOf

router = APIRouter()

Name = Annotated[str, Form(max_length=300)]
Step = Annotated[str, Form(max_length=300)]
Answer = Annotated[str, Form(max_length=20_000)]


@router.post("/passkeys/ask")
async def post_ask(request: Request, premises: PremisesOf) -> Response:
    """What a browser is to sign, of whoever it may be."""
    check_form(request)
    check_pace(request, premises)
    address = address_of(premises.installation)
    return _asked(await passkeys.begin_by_passkey(premises.access, address=address))


@router.post("/sign-in/passkey")
async def post_sign_in(
    request: Request,
    premises: PremisesOf,
    step: Step,
    answer: Answer,
    next: Name = "",  # noqa: A002 - in the form
) -> Response:
    """Sign in whoever it is of."""
    check_form(request)
    try:
        found = await passkeys.sign_in_by_passkey(
            premises.access,
            step,
            answer,
            address=address_of(premises.installation),
            caller=caller_of(request, premises),
            agent=request.headers.get("user-agent", ""),
        )
    except Refused as refused:
        return sign_in_page(
            request, premises, next=next, refused=words_for(request).say(refused.sentence)
        )
    return stepped(request, premises, found, next)


@router.post(f"{BASE}/passkeys/ask")
async def post_ask_new(who: Signed) -> Response:
    """What a device is to make a passkey of."""
    address = address_of(who.installation)
    return _asked(await passkeys.begin_passkey(who.premises.access, who.caller, address=address))


@router.post(f"{BASE}/passkeys")
async def post_passkey(who: Signed, step: Step, answer: Answer, name: Name) -> Response:
    """Keep what it has made."""
    try:
        await passkeys.add_passkey(
            who.premises.access,
            who.caller,
            step,
            answer,
            name=name,
            address=address_of(who.installation),
        )
    except Refused as refused:
        if refused.code == "proof_needed":
            raise
        return await profile_page(who, refused=who.words.say(refused.sentence), status=422)
    return went_to(BASE, "passkey")


@router.post(BASE + "/passkeys/{passkey_id}/name")
async def post_name(who: Signed, passkey_id: int, name: Name) -> Response:
    """Call one otherwise."""
    await passkeys.rename_passkey(who.premises.access, who.caller, passkey_id, name)
    return went_to(BASE, "renamed")


@router.post(BASE + "/passkeys/{passkey_id}/remove")
async def post_remove(who: Signed, passkey_id: int) -> Response:
    """Take one no more."""
    await passkeys.remove_passkey(who.premises.access, who.caller, passkey_id)
    return went_to(BASE, "removed")


def _asked(step: PasskeyStep) -> Response:
    return JSONResponse(
        {"step": step.token.get_secret_value(), "options": step.options}, headers=HEADERS
    )
