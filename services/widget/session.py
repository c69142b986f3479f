"""Beginning to work: Kommo's one-time token for one of ours (S6)."""

from datetime import datetime
from typing import Annotated

import structlog
from fastapi import APIRouter, Header, Request

from services.access.one_time_tokens import OneTimeTokenRefused
from services.access.widget_sessions import WidgetRole
from services.storage.tenancy import Reach, confine
from services.web.models import Output
from services.web.pace import before_key, without_key
from services.web.premises import PremisesOf
from services.web.problems import HttpProblem
from services.widget.resource import PREFIX

log = structlog.get_logger(__name__)

router = APIRouter(prefix=PREFIX)
# Kommo may be asked for the rights of a user meanwhile.
STATEMENT_MS = 10_000


class SessionShape(Output):
    """Who works, as what, and by which token.

    Attributes:
        token: For `Authorization: Bearer`, until it ends.
        role: `none`: they may nothing here.
        is_connected: Whether Kommo lets us into the account.
    """

    token: str
    expires_at: datetime
    user_id: int
    role: WidgetRole
    is_connected: bool


@router.post("/session", operation_id="open_session", summary="Begin to work in the widget")
async def open_session(
    request: Request,
    premises: PremisesOf,
    x_auth_token: Annotated[str, Header()] = "",
) -> SessionShape:
    """For ten minutes; what is wrong with a token, the log knows."""
    confine(Reach(account_id=None, statement_ms=STATEMENT_MS))
    before_key(premises, request)
    try:
        opened = await premises.widget_door.open(
            x_auth_token, origin=request.headers.get("origin", ""), now=premises.now()
        )
    except OneTimeTokenRefused as refused:
        without_key(premises, request)
        log.warning("one_time_token_refused", because=str(refused))
        raise HttpProblem("unauthenticated", "The token was not taken.") from refused
    return SessionShape(
        token=opened.token.get_secret_value(),
        expires_at=opened.expires_at,
        user_id=opened.user_id,
        role=opened.role,
        is_connected=opened.is_connected,
    )
