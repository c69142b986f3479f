"""Where Kommo sends people, and itself, when an account lets an integration in or out.

Nobody is signed in here: who comes back shows what only their browser can have, and Kommo's own
calls are worth what they bring: a code that is good at one account, or a signature.
"""

from typing import Annotated

import structlog
from fastapi import APIRouter, Query, Request
from fastapi.responses import PlainTextResponse, Response
from pydantic import SecretStr
from starlette.background import BackgroundTask

from services.application.consenting import (
    CODE_LENGTH_MAX,
    STATE_LENGTH_MAX,
    Return,
    by_code,
    come_back,
    uninstalled,
)
from services.application.installation import Installation
from services.application.integrations import REDIRECT_PATH, UNINSTALL_PATH
from services.application.kommo import receives_at
from services.application.refused import Refused
from services.console.pages import page
from services.console.seeing import words_for
from services.shared.errors import Unavailable
from services.shared.proxies import whose
from services.storage.tenancy import Reach, confine
from services.web.premises import Premises, PremisesOf
from services.web.problems import HttpProblem
from services.web.rates import refuse

log = structlog.get_logger(__name__)

router = APIRouter()

BROWSER = "__Host-fairlead-consent"
# A code is exchanged, and the account read, before there is an answer.
CONNECTING_MS = 60_000

Id = Annotated[str, Query(max_length=64)]
Host = Annotated[str, Query(max_length=300)]
Code = Annotated[str, Query(max_length=CODE_LENGTH_MAX)]


@router.get(REDIRECT_PATH)
async def get_redirect(
    request: Request,
    premises: PremisesOf,
    client_id: Id = "",
    code: Code = "",
    referer: Host = "",
    state: Annotated[str | None, Query(max_length=STATE_LENGTH_MAX)] = None,
    error: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """Somebody is back with a code, or Kommo brings one itself (F62)."""
    _enter(premises, request)
    brought = Return(client_id=client_id, code=SecretStr(code), referer=referer)
    if state is None:
        # Kommo waits three seconds, and looks at no answer: it is exchanged afterwards.
        task = BackgroundTask(_installed, premises.installation, brought)
        return PlainTextResponse("ok", background=task if code else None)
    found = await come_back(
        premises.installation,
        state=state,
        browser=request.cookies.get(BROWSER, ""),
        brought=None if error or not code else brought,
        public_url=receives_at(premises.installation),
    )
    answer = page(
        "connected.html", words_for(request), found=found, hook=found.hook_url.get_secret_value()
    )
    answer.delete_cookie(BROWSER, path="/", secure=True, httponly=True, samesite="lax")
    return answer


@router.get(UNINSTALL_PATH)
async def get_uninstall(
    request: Request,
    premises: PremisesOf,
    client_uuid: Id,
    account_id: Annotated[int, Query(ge=1, le=2**63 - 1)],
    signature: Annotated[str, Query(max_length=128)],
) -> Response:
    """An account has disabled the integration, says Kommo, and signs it (S16)."""
    _enter(premises, request)
    try:
        await uninstalled(
            premises.installation, client_id=client_uuid, account_id=account_id, signature=signature
        )
    except Refused as refused:
        raise HttpProblem("not-allowed") from refused
    return PlainTextResponse("ok")


async def _installed(installation: Installation, brought: Return) -> None:
    """Connect what Kommo brought; what goes wrong is for the log, and the button is left (F62)."""
    try:
        found = await by_code(installation, brought, public_url=receives_at(installation))
    except (Refused, Unavailable) as error:
        code = error.code if isinstance(error, Refused) else type(error).__name__
        log.error("install_failed", client_id=brought.client_id, because=code)  # noqa: TRY400 - no bug
        return
    log.info("account_installed", account_id=found.account_id, client_id=brought.client_id)


def _enter(premises: Premises, request: Request) -> None:
    """See that nobody asks too often; whose account it is turns out later.

    Raises:
        HttpProblem: They do.
    """
    whence = premises.whence(request)
    taken = premises.rates.take(premises.settings.strangers, whose(whence) or whence)
    if taken.wait_s:
        raise refuse(taken)
    confine(Reach(account_id=None, statement_ms=CONNECTING_MS))
