"""Who works in the widget, in which account, and whether they may: what its routes depend on."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from fastapi.routing import APIRoute

from services.access.widget_sessions import WidgetSession
from services.application.installation import Installation
from services.application.principal import Principal
from services.application.refused import Refused
from services.application.span import zone_of
from services.application.widget.rights import principal_of
from services.shared.http_guard import vouch
from services.storage.accounts import RegisteredAccount, UnknownAccount
from services.storage.tenancy import Reach, confine
from services.web.asked import bearer_of
from services.web.entries import RouteEntry
from services.web.pace import before_key, with_key, without_key
from services.web.premises import Premises, premises_of
from services.web.problems import HttpProblem
from services.web.request_ids import request_id_of
from services.widget.table import ROUTES
from services.words.catalogue import Words
from services.words.languages import best_of


@dataclass(frozen=True, slots=True, kw_only=True)
class WidgetVisit:
    """What a route of the widget works with."""

    premises: Premises
    session: WidgetSession
    account: RegisteredAccount
    principal: Principal
    words: Words

    @property
    def installation(self) -> Installation:
        """Where they are."""
        return self.premises.installation


async def visit_of(request: Request) -> WidgetVisit:
    """Whoever works.

    Raises:
        HttpProblem: Nobody does, or from another page.
        Refused: They may not do this.
    """
    premises = premises_of(request)
    confine(Reach(account_id=None, statement_ms=premises.settings.statement_ms))
    before_key(premises, request)
    session = await premises.access.widget.resolve(bearer_of(request))
    if session is None:
        without_key(premises, request)
        raise HttpProblem("unauthenticated", "Begin a session first.")
    if not _is_from_there(request, session):
        raise HttpProblem("not-allowed", "This is another page than the session's.")
    vouch(request.scope)
    with_key(premises, request, f"kommo:{session.user_id} {session.account_id}")
    entry = entry_of(request)
    entry.check_media(request)
    confine(Reach(account_id=session.account_id, statement_ms=premises.settings.statement_ms))
    try:
        account = await premises.installation.accounts.get(session.account_id)
    except UnknownAccount as error:
        raise HttpProblem("unauthenticated", "Begin a session first.") from error
    words = words_in(request, account)
    request.state.words = words
    principal = principal_of(
        session.user_id,
        session.role,
        whence=premises.whence(request),
        request_id=request_id_of(request.scope),
    )
    if not entry.admits(principal):
        assert entry.scope is not None, "one that wants none admits everybody"  # noqa: S101
        raise Refused("not_allowed", scope=entry.scope)
    return WidgetVisit(
        premises=premises, session=session, account=account, principal=principal, words=words
    )


def words_of(request: Request) -> Words:
    """In which a no is told."""
    found: Words | None = getattr(request.state, "words", None)
    return found or Words(language=_language(request))


def words_in(request: Request, account: RegisteredAccount) -> Words:
    """In which somebody reads of an account."""
    zone = zone_of(account.timezone)
    return Words.of(account.directory, language=_language(request), zone=zone)


def entry_of(request: Request) -> RouteEntry:
    """What the table says of the route of a request."""
    route = request.scope["route"]
    assert isinstance(route, APIRoute), "the widget has no others"  # noqa: S101
    assert route.operation_id is not None, "every route names its own"  # noqa: S101
    return ROUTES[route.operation_id]


def _language(request: Request) -> str:
    said = request.headers.get("accept-language", "")
    return best_of([each.partition(";")[0].strip() for each in said.split(",") if each.strip()])


def _is_from_there(request: Request, session: WidgetSession) -> bool:
    """Whether the page of the session asks, or one of ours that it frames."""
    origin = request.headers.get("origin")
    if origin is None or origin == session.origin:
        return True
    return urlsplit(origin).netloc == request.headers.get("host")


Visiting = Annotated[WidgetVisit, Depends(visit_of)]
