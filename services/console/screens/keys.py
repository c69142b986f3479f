"""Keys of programs: made, rotated, revoked; their text is shown once (W4.14, A9.1)."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import Response
from pydantic import SecretStr

from contracts.sentences import Sentence, sentence
from services.access.keys import DAYS, DAYS_MAX, AccessKey
from services.access.roles import Scope
from services.application.people import keys
from services.application.people.holding import people
from services.console.moments import moment
from services.console.pages import account_page, went_to
from services.console.seeing import InAccount, SeeingAccount
from services.console.who_may import key_line, names_of, scopes_to_give
from services.web.problems import HttpProblem

router = APIRouter()

BASE = "/a/{account_id}/access/keys"
TOLD: Mapping[str, Sentence] = {"revoked": sentence("console.key.told_revoked")}


@router.get(BASE)
async def get_keys(who: InAccount, told: str = "") -> Response:
    """Those of the account, over ones too."""
    access = who.premises.access
    found = await keys.keys(access, who.caller, who.account.account_id)
    names = names_of(await people(access, who.caller, who.account.account_id))
    return account_page(
        "keys.html",
        who,
        here="access",
        part="keys",
        told=who.words.say(TOLD[told]) if told in TOLD else "",
        keys=[key_line(who, each, names) for each in reversed(found)],
        scopes=scopes_to_give(who),
        days=DAYS,
        days_max=DAYS_MAX,
    )


@router.post(BASE)
async def post_key(
    who: InAccount,
    label: Annotated[str, Form(max_length=300)],
    scopes: Annotated[list[Scope] | None, Form()] = None,
    days: Annotated[int, Form()] = DAYS,
) -> Response:
    """A new one, which the page shows this once."""
    made = await keys.make_key(
        who.premises.access,
        who.caller,
        label=label,
        account_id=who.account.account_id,
        scopes=scopes or [],
        days=days,
    )
    return _key_page(who, *made)


@router.post(BASE + "/{key_id}/rotate")
async def post_rotate(who: InAccount, key_id: str) -> Response:
    """Another secret for a key of theirs."""
    await _of_account(who, key_id)
    return _key_page(who, *await keys.rotate_key(who.premises.access, who.caller, key_id))


@router.post(BASE + "/{key_id}/revoke")
async def post_revoke(who: InAccount, key_id: str) -> Response:
    """End a key at once."""
    await _of_account(who, key_id)
    await keys.revoke_key(who.premises.access, who.caller, key_id)
    return went_to(f"{who.base}/access/keys", "revoked")


def _key_page(who: SeeingAccount, key: AccessKey, text: SecretStr) -> Response:
    return account_page(
        "handed_over.html",
        who,
        here="access",
        part="keys",
        kind="key",
        name=key.label,
        secret=text.get_secret_value(),
        until=moment(who, key.expires_at),
        back=f"{who.base}/access/keys",
    )


async def _of_account(who: SeeingAccount, key_id: str) -> None:
    """See that a key is one of this account.

    Raises:
        HttpProblem: It is not.
    """
    found = await who.premises.access.keys.get(key_id)
    if found is None or found.account_id != who.account.account_id:
        raise HttpProblem("not-found")
