"""One's own page: name, language, keys; and how one signs in (W4.14, W7)."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from contracts.sentences import Sentence, sentence
from services.access.relying import relying_party
from services.application.people import oneself
from services.application.people.authority import require_fresh
from services.application.people.holding import describe
from services.application.people.inviting import address_of
from services.application.people.outer import is_by_provider
from services.application.people.proofs import need_codes
from services.application.refused import Refused
from services.console.moments import moment
from services.console.pages import installation_page, went_to
from services.console.seeing import Seeing, Signed
from services.console.who_may import deed_line, session_line
from services.words.languages import LISTED

router = APIRouter()

BASE = "/profile"
# Of this browser alone: a keyboard is the desk's, not the person's. Scripts read it.
KEYS_COOKIE, OFF = "__Host-fairlead-keys", "off"
YEAR_S = 31_536_000
DEEDS_SHOWN = 20
LANGUAGES: Mapping[str, str] = {
    "en": "English",
    "es": "Español",
    "pt_BR": "Português",
    "ru": "Русский",
}

Text = Annotated[str, Form(max_length=300)]
Secret = Annotated[str, Form(max_length=1_000)]
TOLD: Mapping[str, Sentence] = {
    "described": sentence("console.profile.told_described"),
    "password": sentence("console.profile.told_password"),
    "codes_off": sentence("console.profile.told_codes_off"),
    "ended": sentence("console.profile.told_ended"),
    "passkey": sentence("console.profile.told_passkey"),
    "renamed": sentence("console.profile.told_renamed"),
    "removed": sentence("console.profile.told_removed"),
    "provider": sentence("console.profile.told_provider"),
    "keys": sentence("console.profile.told_keys"),
}


@router.get(BASE)
async def get_profile(request: Request, who: Signed, told: str = "") -> Response:
    """How they sign in, and where they are signed in."""
    return await profile_page(
        who,
        told=who.words.say(TOLD[told]) if told in TOLD else "",
        has_keys=request.cookies.get(KEYS_COOKIE) != OFF,
    )


@router.post(BASE)
async def post_profile(who: Signed, name: Text, language: Text) -> Response:
    """What they are called, and read."""
    await describe(who.premises.access, who.caller, name=name, language=language)
    return went_to(BASE, "described")


@router.post(f"{BASE}/keys")
async def post_keys(who: Signed, keys: Text = "") -> Response:
    """Whether single keys do something in this browser."""
    del who
    answer = went_to(BASE, "keys")
    if keys:
        answer.delete_cookie(KEYS_COOKIE, path="/", secure=True, samesite="lax")
    else:
        answer.set_cookie(KEYS_COOKIE, OFF, max_age=YEAR_S, path="/", secure=True, samesite="lax")
    return answer


@router.get(f"{BASE}/password")
async def get_password(who: Signed) -> Response:
    """The form; a password is asked for only of whoever has shown who they are."""
    require_fresh(who.caller)
    return await _password_page(who)


@router.post(f"{BASE}/password")
async def post_password(who: Signed, password: Secret) -> Response:
    """Set another one; their other sessions end."""
    require_fresh(who.caller)
    try:
        await oneself.change_password(who.premises.access, who.caller, password)
    except Refused as refused:
        return await _password_page(who, refused=who.words.say(refused.sentence), status=422)
    return went_to(BASE, "password")


@router.post(f"{BASE}/codes")
async def post_codes(who: Signed) -> Response:
    """A secret for an app."""
    secret = await oneself.begin_codes(who.premises.access, who.caller)
    return installation_page("app.html", who, here="profile", secret=secret, refused="")


@router.post(f"{BASE}/codes/confirm")
async def post_confirm(who: Signed, code: Text) -> Response:
    """The first code of it; then ten recovery codes, shown once."""
    try:
        codes = await oneself.confirm_codes(
            who.premises.access, who.caller, code.replace(" ", ""), at=who.now
        )
    except Refused as refused:
        if refused.code == "proof_needed":
            raise
        told = who.words.say(refused.sentence)
        return installation_page(
            "app.html", who, here="profile", secret=None, refused=told, status=422
        )
    return installation_page("new_codes.html", who, here="profile", codes=codes)


@router.post(f"{BASE}/codes/end")
async def post_end_codes(who: Signed) -> Response:
    """Ask for none any more."""
    await oneself.end_codes(who.premises.access, who.caller)
    return went_to(BASE, "codes_off")


@router.post(f"{BASE}/recovery-codes")
async def post_recovery_codes(who: Signed) -> Response:
    """Ten new ones, shown once."""
    codes = await oneself.new_recovery_codes(who.premises.access, who.caller)
    return installation_page("new_codes.html", who, here="profile", codes=codes)


@router.post(BASE + "/sessions/{session_id}/end")
async def post_end_session(who: Signed, session_id: int) -> Response:
    """End one of theirs."""
    await oneself.end_session(who.premises.access, who.caller, session_id)
    return went_to(BASE, "ended")


@router.post(f"{BASE}/sessions/end")
async def post_end_sessions(who: Signed) -> Response:
    """End all of theirs but this one."""
    await oneself.end_other_sessions(who.premises.access, who.caller)
    return went_to(BASE, "ended")


async def _password_page(who: Seeing, *, refused: str = "", status: int = 200) -> Response:
    person = await oneself.myself(who.premises.access, who.caller)
    return installation_page(
        "password.html", who, here="profile", login=person.login, refused=refused, status=status
    )


async def profile_page(
    who: Seeing, *, told: str = "", refused: str = "", status: int = 200, has_keys: bool = True
) -> Response:
    """Everything about how they sign in."""
    access = who.premises.access
    person = await oneself.myself(access, who.caller)
    has_app = await access.codes.are_on(person.id)
    deeds = await oneself.own_deeds(access, who.caller)
    return installation_page(
        "profile.html",
        who,
        here="profile",
        status=status,
        told=told,
        refused=refused,
        has_keys=has_keys,
        person=person,
        languages=[(each, LANGUAGES[each]) for each in LISTED],
        has_password=await access.passwords.has_one(person.id),
        has_app=has_app,
        needs_app=need_codes(person.grants),
        recovery_left=await access.recovery.left(person.id) if has_app else 0,
        may_passkeys=relying_party(address_of(who.installation)) is not None,
        passkeys=[
            (each, None if each.used_at is None else moment(who, each.used_at))
            for each in await access.passkeys.of(person.id)
        ],
        is_by_provider=is_by_provider(access),
        has_provider=await access.outer.has_one(person.id),
        sessions=[
            session_line(who, each) for each in await oneself.own_sessions(access, who.caller)
        ],
        deeds=[
            deed_line(who, each, {person.principal: person.name}) for each in deeds[:DEEDS_SHOWN]
        ],
    )
