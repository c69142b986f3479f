"""Screens of planning inside Kommo: in a frame of the widget, by its token and without cookies.

A page of another site has no cookie of ours, and none is wanted there. So the frame is an empty
page whose script gets the token of the widget's session by a message, asks for the screens with it,
and puts what is in them in place. The screens are those of the console.
"""

from dataclasses import dataclass
from types import ModuleType
from typing import Annotated

from fastapi import FastAPI, Path, Query, Request
from fastapi.responses import HTMLResponse

from services.access.grants import Grant, Rights
from services.access.widget_sessions import WidgetSession
from services.application.callers import Whoever
from services.application.span import zone_of
from services.application.widget.pages import active, ancestors_of
from services.application.widget.rights import principal_of
from services.console.failures import tell_all
from services.console.pages import HEADERS, POLICY
from services.console.rendering import render
from services.console.screens import (
    rules,
    rules_drafts,
    rules_editor,
    rules_review,
    rules_what_if,
    schedules,
)
from services.console.seeing import SeeingAccount, is_from_here, out_of_date, seeing_account
from services.shared.http_guard import vouch
from services.storage.accounts import RegisteredAccount, UnknownAccount
from services.storage.tenancy import Reach, confine
from services.web.asked import bearer_of
from services.web.pace import before_key, with_key, without_key
from services.web.premises import Premises, PremisesOf, premises_of
from services.web.problems import HttpProblem
from services.web.request_ids import request_id_of
from services.words.catalogue import Words
from services.words.languages import best_of

PREFIX = "/widget/v1/frame"
SCREENS: tuple[ModuleType, ...] = (
    schedules,
    rules,
    rules_drafts,
    rules_editor,
    rules_review,
    rules_what_if,
)
AccountId = Annotated[int, Query(ge=1, le=2**63 - 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeeingInKommo(SeeingAccount):
    """Somebody at a page about their account, within a page of Kommo's."""

    @property
    def base(self) -> str:
        """Where the pages of the account begin."""
        return f"{PREFIX}/a/{self.account.account_id}"


def create_frame(premises: Premises) -> FastAPI:
    """The frame of an installation, and the screens in it."""
    app = FastAPI(
        title="Fairlead in Kommo",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.add_api_route(PREFIX, get_frame, response_model=None)
    for screen in SCREENS:
        app.include_router(screen.router, prefix=PREFIX)
    app.dependency_overrides[seeing_account] = seeing_in_kommo
    app.state.premises = premises
    tell_all(app)
    return app


async def get_frame(request: Request, premises: PremisesOf, account: AccountId) -> HTMLResponse:
    """The empty page, which the account's own pages alone can frame (S12).

    Raises:
        HttpProblem: There is no such account, or it has not installed the integration.
    """
    confine(Reach(account_id=None, statement_ms=premises.settings.statement_ms))
    before_key(premises, request)
    installed = active(await premises.installation.accounts.all())
    here = next((each for each in installed if each.account_id == account), None)
    if here is None:
        without_key(premises, request)
        raise HttpProblem("not-found")
    hosts = ancestors_of(premises.installation, here)
    content = render(
        "in_kommo.html",
        Words(language=_language(request)),
        base=f"{PREFIX}/a/{account}",
        hosts=hosts,
    )
    policy = POLICY.replace("frame-ancestors 'none'", f"frame-ancestors {' '.join(hosts)}")
    return HTMLResponse(content, headers={**HEADERS, "content-security-policy": policy})


async def seeing_in_kommo(
    request: Request, account_id: Annotated[int, Path(ge=1, le=2**63 - 1)]
) -> SeeingAccount:
    """Whoever works in the widget, by the token of their session.

    Raises:
        HttpProblem: Nobody does, or in another account, or another page asks.
    """
    premises = premises_of(request)
    confine(Reach(account_id=None, statement_ms=premises.settings.statement_ms))
    before_key(premises, request)
    session = await premises.access.widget.resolve(bearer_of(request))
    if session is None or session.account_id != account_id:
        without_key(premises, request)
        raise HttpProblem("unauthenticated")
    if not is_from_here(request):
        raise out_of_date(request)
    vouch(request.scope)
    with_key(premises, request, f"kommo:{session.user_id} {session.account_id}")
    confine(Reach(account_id=account_id, statement_ms=premises.settings.statement_ms))
    try:
        account = await premises.installation.accounts.get(account_id)
    except UnknownAccount as error:
        raise HttpProblem("unauthenticated") from error
    return _seeing(request, premises, session, account)


def _seeing(
    request: Request, premises: Premises, session: WidgetSession, account: RegisteredAccount
) -> SeeingAccount:
    zone = zone_of(account.timezone)
    words = Words.of(account.directory, language=_language(request), zone=zone)
    principal = principal_of(
        session.user_id,
        session.role,
        whence=premises.whence(request),
        request_id=request_id_of(request.scope),
    )
    held = () if session.role == "none" else (_grant(session),)
    caller = Whoever(
        id=principal.id,
        rights=Rights(grants=held),
        whence=principal.whence,
        request_id=principal.request_id,
    )
    found = SeeingInKommo(
        premises=premises,
        caller=caller,
        cookie="",
        words=words,
        account=account,
        principal=principal,
    )
    request.state.seeing = found
    return found


def _grant(session: WidgetSession) -> Grant:
    role = session.role
    assert role != "none", "whoever has no role holds nothing"  # noqa: S101
    return Grant(account_id=session.account_id, role=role, manager_id=session.user_id)


def _language(request: Request) -> str:
    said = request.headers.get("accept-language", "")
    return best_of([each.partition(";")[0].strip() for each in said.split(",") if each.strip()])
