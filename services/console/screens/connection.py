"""Connection: does Kommo talk to us? (W4.11)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Form, Query
from fastapi.responses import RedirectResponse, Response
from pydantic import SecretStr

from contracts.sentences import sentence
from services.application.addresses import rotate_address
from services.application.connect import reconnect
from services.application.connection import (
    connection_of,
    diagnoses_of,
    subscribe_webhooks,
    sweep_now,
)
from services.application.consenting import depart
from services.application.disconnecting import disconnect, told_of
from services.application.kommo import receives_at
from services.console.moments import moment
from services.console.operations import finding_line, sorted_findings
from services.console.pages import account_page
from services.console.receipts import Receipt
from services.console.screens.consent import CONNECTING_MS
from services.console.screens.setup import leaving
from services.console.seeing import InAccount, SeeingAccount
from services.storage.tenancy import Reach, confine

router = APIRouter()

OVERLAP_S = 72 * 3_600
# What became of a deed, in the address that it leads to.
DEEDS = ("connected", "subscribed", "sweeping")
Done = Annotated[str, Query(max_length=20)]
Erases = Annotated[bool, Form()]
Token = Annotated[str, Form(max_length=16_384)]


@router.get("/a/{account_id}/connection")
async def get_connection(who: InAccount, done: Done = "") -> Response:
    """What is known of it."""
    return await _page(who, done=done)


@router.post("/a/{account_id}/connection/token")
async def post_token(who: InAccount, token: Token) -> Response:
    """Give another long-lived token; triggers keep their address."""
    _reach_kommo(who)
    await reconnect(
        who.installation,
        who.principal,
        who.account.account_id,
        token=SecretStr(token.strip()),
        public_url=receives_at(who.installation),
    )
    return _done(who, "connected")


@router.post("/a/{account_id}/connection/consent")
async def post_consent(who: InAccount) -> Response:
    """Go to Kommo to let the integration in again."""
    departure = await depart(
        who.installation,
        who.principal,
        who.account.client_id or "",
        account_id=who.account.account_id,
    )
    return leaving(who, departure.url, departure.browser)


@router.post("/a/{account_id}/connection/webhooks")
async def post_webhooks(who: InAccount) -> Response:
    """Subscribe again what Kommo switched off."""
    _reach_kommo(who)
    await subscribe_webhooks(who.installation, who.account, who.principal)
    return _done(who, "subscribed")


@router.post("/a/{account_id}/connection/address")
async def post_address(who: InAccount) -> Response:
    """Give the webhooks another address, which is shown once."""
    _reach_kommo(who)
    rotated = await rotate_address(
        who.installation,
        who.account,
        who.principal,
        public_url=receives_at(who.installation),
        overlap_s=OVERLAP_S,
    )
    return await _page(who, hook=rotated.hook_url.get_secret_value())


@router.post("/a/{account_id}/connection/sweep")
async def post_sweep(who: InAccount) -> Response:
    """Have all leads read once more."""
    await sweep_now(who.installation, who.account, who.principal, now=who.now)
    return _done(who, "sweeping")


@router.post("/a/{account_id}/connection/disconnect")
async def post_disconnect(who: InAccount, erases: Erases = False) -> Response:  # noqa: FBT002 - a form's
    """No more webhooks, tokens destroyed; the history is kept."""
    _reach_kommo(who)
    done = await disconnect(who.installation, who.account, who.principal, erases=erases)
    lines = [who.words.say(each) for each in told_of(who.account, done)]
    account = await who.installation.account(who.account.account_id)
    return await _page(replace(who, account=account), lines=lines)


async def _page(
    who: SeeingAccount, *, done: str = "", hook: str = "", lines: Sequence[str] = ()
) -> Response:
    found = await connection_of(who.installation, who.account, who.principal, now=who.now)
    told = None
    if done in DEEDS:
        text = who.words.say(sentence(f"console.connection.done.{done}"))
        told = Receipt(text=text, is_done=True)
    said = [finding_line(who, each) for each in diagnoses_of(found)]
    needed = sorted_findings(said)
    return account_page(
        "connection.html",
        who,
        here="connection",
        found=found,
        state=[*needed, *(each for each in said if each not in needed)],
        lines=lines,
        told=told,
        hook=hook,
        heard_at=None if found.heard_at is None else moment(who, found.heard_at),
        hooks=[
            (who.words.say(sentence(f"hook.kind.{kind}")), None if at is None else moment(who, at))
            for kind, at in found.hooks.items()
        ],
        may_mend=who.principal.may("access"),
        may_disconnect=who.principal.may("access") and who.account.disconnected_at is None,
    )


def _reach_kommo(who: SeeingAccount) -> None:
    """A deed that waits for Kommo takes longer than a page may; for whoever may do it."""
    who.require("access")
    confine(Reach(account_id=who.account.account_id, statement_ms=CONNECTING_MS))


def _done(who: SeeingAccount, what: str) -> Response:
    return RedirectResponse(f"{who.base}/connection?done={what}", status_code=303)
