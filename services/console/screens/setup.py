"""Setting up in the browser, from nothing: connect, the first rule, the first lead."""

from typing import Annotated, get_args

from fastapi import APIRouter, Form
from fastapi.responses import Response
from pydantic import SecretStr

from contracts.sentences import sentence
from contracts.stage import Stage
from services.application.commands import Once
from services.application.confirmation import Assent
from services.application.connect import Step, connect
from services.application.consenting import STATE_S, depart
from services.application.integrations import integrations, redirect_of
from services.application.kommo import receives_at
from services.application.refused import Refused
from services.application.setting_up import (
    DAYS,
    FirstRule,
    apply_first_rule,
    first_stages,
    setting_up,
)
from services.console.pages import account_page, installation_page
from services.console.receipts import Key, told_at
from services.console.screens.consent import BROWSER, CONNECTING_MS
from services.console.seeing import InAccount, Seeing, SeeingAccount, Signed
from services.storage.tenancy import Reach, confine
from services.web.problems import HttpProblem

router = APIRouter()

STEPS: tuple[Step, ...] = get_args(Step)
WORKDAYS = DAYS[:5]
Text = Annotated[str, Form(max_length=300)]
Token = Annotated[str, Form(max_length=16_384)]


@router.get("/connect")
async def get_connect(who: Signed) -> Response:
    """How an account may be connected."""
    return await _connecting(who)


@router.post("/connect")
async def post_connect(who: Signed, address: Text, token: Token) -> Response:
    """Connect one by a long-lived token; each step with its own result."""
    confine(Reach(account_id=None, statement_ms=CONNECTING_MS))
    done: list[Step] = []
    try:
        found = await connect(
            who.installation,
            who.caller.at_large(),
            base_url=_with_scheme(address),
            token=SecretStr(token.strip()),
            public_url=receives_at(who.installation),
            on_step=done.append,
        )
    except Refused as refused:
        if refused.code == "not_allowed":
            raise
        told = who.words.say(refused.sentence)
        return await _connecting(who, status=422, typed=address, done=done, refused=told)
    return installation_page(
        "connected.html", who, here="", found=found, hook=found.hook_url.get_secret_value()
    )


@router.post("/connect/consent")
async def post_consent(who: Signed, client_id: Text) -> Response:
    """Go to Kommo to let an integration in."""
    departure = await depart(who.installation, who.caller.at_large(), client_id)
    return leaving(who, departure.url, departure.browser)


@router.get("/a/{account_id}/setup")
async def get_setup(who: InAccount) -> Response:
    """How far it has come, and the next step."""
    return await _setup(who)


@router.post("/a/{account_id}/setup")
async def post_rule(
    who: InAccount,
    key: Key,
    stage: Text,
    manager: Annotated[list[int] | None, Form()] = None,
    day: Annotated[list[str] | None, Form()] = None,
    begins: Text = "",
    ends: Text = "",
) -> Response:
    """Put the first rule in force: everybody, evenly."""
    known = {f"{each.pipeline_id}:{each.status_id}": each for each, _ in first_stages(who.account)}
    if stage not in known:
        raise HttpProblem("unprocessable")
    chosen = FirstRule(
        stage=Stage(*known[stage]),
        managers=tuple(dict.fromkeys(manager or ())),
        days=tuple(each for each in DAYS if each in (day or ())),
        begins=begins,
        ends=ends,
    )
    try:
        applied = await apply_first_rule(
            who.installation,
            who.account,
            who.principal,
            chosen,
            once=Once(key=key),
            assent=Assent(access=who.premises.access, who=who.caller),
        )
    except Refused as refused:
        if refused.code == "not_allowed":
            raise
        return await _setup(who, chosen=chosen, refused=who.words.say(refused.sentence))
    return told_at(f"{who.base}/setup", applied.answer)


def leaving(who: Seeing, url: str, browser: SecretStr) -> Response:
    """The page that leads to Kommo: a form of ours may not be sent on to another site (S11)."""
    answer = installation_page("leaving.html", who, here="", url=url)
    answer.set_cookie(
        BROWSER,
        browser.get_secret_value(),
        max_age=int(STATE_S),
        path="/",
        secure=True,
        httponly=True,
        samesite="lax",
    )
    return answer


async def _connecting(
    who: Seeing,
    *,
    status: int = 200,
    typed: str = "",
    done: list[Step] | None = None,
    refused: str = "",
) -> Response:
    known = await integrations(who.installation, who.caller.at_large())
    reached = len(done or ())
    steps = [
        (
            who.words.say(sentence(f"connect.step.{step}")),
            "good" if number < reached else "bad" if number == reached else "off",
        )
        for number, step in enumerate(STEPS)
    ]
    return installation_page(
        "connect.html",
        who,
        here="",
        status=status,
        typed=typed,
        steps=steps if done is not None else [],
        refused=refused,
        integrations=known,
        redirect=redirect_of(who.installation),
    )


async def _setup(
    who: SeeingAccount, *, chosen: FirstRule | None = None, refused: str = ""
) -> Response:
    found = await setting_up(who.installation, who.account, who.principal)
    users = [each for each in who.account.directory.get("users", []) if each.get("is_active")]
    stages = [
        (f"{stage.pipeline_id}:{stage.status_id}", name)
        for stage, name in first_stages(who.account)
    ]
    return account_page(
        "setup.html",
        who,
        here="today",
        status=422 if refused else 200,
        found=found,
        users=users,
        chosen={each["id"] for each in users} if chosen is None else set(chosen.managers),
        stages=stages,
        days=[(day, who.words.say(sentence(f"console.day.{day}"))) for day in DAYS],
        workdays=set(WORKDAYS if chosen is None else chosen.days),
        begins="09:00" if chosen is None else chosen.begins,
        ends="18:00" if chosen is None else chosen.ends,
        refused=refused,
        may_rule=who.principal.may("rules"),
    )


def _with_scheme(address: str) -> str:
    typed = address.strip().rstrip("/")
    return typed if "://" in typed else f"https://{typed}"
