"""Who asks, about which account, and whether they may: what every route depends on.

From here to the end of the request every statement to the database is bounded to the account
(S5), and to the time that one may take (A7).
"""

from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import Depends, Path, Query, Request, Response

from services.api.strict import known_query, route_of
from services.api.table import ROUTES
from services.application.callers import Whoever, caller_of_key
from services.application.confirmation import Assent
from services.application.installation import Installation
from services.application.operations import shown, wait_until_shown
from services.application.principal import Principal
from services.application.refused import Refused
from services.shared.http_guard import vouch
from services.storage.accounts import RegisteredAccount
from services.storage.tenancy import Reach, confine
from services.web.asked import account_asked, bearer_of
from services.web.entries import RouteEntry
from services.web.pace import before_key, with_key, without_key
from services.web.premises import Premises, premises_of
from services.web.problems import HttpProblem
from services.web.request_ids import request_id_of

KEY_PREFIX = "fl_"
NO_ACCOUNT = "-"
ACCOUNT_ID_MAX = 2**63 - 1

AccountId = Annotated[
    int,
    Path(ge=1, le=ACCOUNT_ID_MAX, description="Kommo's id of the account.", examples=[32000001]),
]

MinVersion = Annotated[
    int,
    Query(
        ge=0,
        le=ACCOUNT_ID_MAX,
        description="Wait up to 2 s until this version of the account is shown.",
        examples=[4711],
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """What a route about the installation, or about nobody's account, works with."""

    premises: Premises
    caller: Whoever
    principal: Principal

    @property
    def installation(self) -> Installation:
        """Where it asks."""
        return self.premises.installation


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountVisit(Visit):
    """What a route about one account works with.

    Attributes:
        version: Of the account, that every table shows: what is read now is at least so new.
    """

    account: RegisteredAccount
    version: int

    def assent(self, confirmed: int | None) -> Assent:
        """Who gives an order, and how many leads they say that it is about (S32)."""
        return Assent(access=self.premises.access, who=self.caller, confirmed=confirmed)


async def caller_of(request: Request) -> Whoever:
    """Whoever asks.

    Raises:
        HttpProblem: They have not shown who they are, or the query has what the route knows not.
    """
    premises = premises_of(request)
    if any(value.startswith(KEY_PREFIX) for value in request.query_params.values()):
        raise HttpProblem("key-in-query", "Send the key as a header: Authorization: Bearer fl_...")
    confine(Reach(account_id=None, statement_ms=premises.settings.statement_ms))
    before_key(premises, request)
    caller = await _shown(request)
    if caller is None:
        without_key(premises, request)
        raise HttpProblem(
            "unauthenticated",
            "Send a key that counts: Authorization: Bearer fl_...",
            headers={"WWW-Authenticate": 'Bearer realm="fairlead"'},
        )
    vouch(request.scope)
    with_key(premises, request, f"{caller.id} {_account_of(request, caller)}")
    known_query(request)
    entry_of(request).check_media(request)
    return caller


def _account_of(request: Request, caller: Whoever) -> str:
    """One of theirs: with ids that they invent, nobody gets more."""
    text = str(request.path_params.get("account_id", ""))
    is_id = text.isascii() and text.isdigit() and len(text) <= len(str(2**63))
    if not is_id or caller.in_account(int(text)) is None:
        return NO_ACCOUNT
    return str(int(text))


async def _shown(request: Request) -> Whoever | None:
    """Who they have shown that they are; None if nobody."""
    premises = premises_of(request)
    return await caller_of_key(
        premises.access,
        bearer_of(request),
        whence=premises.whence(request),
        request_id=request_id_of(request.scope),
    )


async def may_still(request: Request, account_id: int) -> bool:
    """Whether whoever asked might ask the same at this moment; for answers that last (A8.2).

    Raises:
        services.shared.errors.Unavailable: The database does not answer.
    """
    confine(Reach(account_id=None, statement_ms=premises_of(request).settings.statement_ms))
    caller = await _shown(request)
    principal = None if caller is None else caller.in_account(account_id)
    return principal is not None and entry_of(request).admits(principal)


Calling = Annotated[Whoever, Depends(caller_of)]


async def installation_visit(request: Request, caller: Calling) -> Visit:
    """For routes about the installation.

    Raises:
        HttpProblem: They may not.
    """
    principal = caller.at_large()
    if not entry_of(request).admits(principal):
        raise HttpProblem("not-found")
    return Visit(premises=premises_of(request), caller=caller, principal=principal)


async def account_visit(
    request: Request, response: Response, caller: Calling, account_id: AccountId
) -> AccountVisit:
    """For routes about an account.

    Raises:
        HttpProblem: There is none of that id, or none that they may know of; nobody can tell which.
        Refused: They may not do this there.
    """
    premises = premises_of(request)
    account, principal = await account_asked(premises, caller, account_id)
    entry = entry_of(request)
    if not entry.admits(principal):
        assert entry.scope is not None, "one that wants none admits everybody"  # noqa: S101
        raise Refused("not_allowed", scope=entry.scope)
    version = await shown(premises.installation, account_id)
    response.headers["Fairlead-Version"] = str(version)
    return AccountVisit(
        premises=premises, caller=caller, principal=principal, account=account, version=version
    )


async def reading(
    visit: Annotated[AccountVisit, Depends(account_visit)],
    response: Response,
    min_version: MinVersion = 0,
) -> AccountVisit:
    """For routes that read of an account: it is shown at least so new as they know of (A5.5).

    Raises:
        services.application.operations.Behind: It is not, yet.
    """
    if visit.version >= min_version:
        return visit
    version = await wait_until_shown(visit.installation, visit.account.account_id, min_version)
    response.headers["Fairlead-Version"] = str(version)
    return replace(visit, version=version)


def entry_of(request: Request) -> RouteEntry:
    """What the table says of the route of a request."""
    operation_id = route_of(request).operation_id
    assert operation_id is not None, "every route names its own"  # noqa: S101
    return ROUTES[operation_id]


OfInstallation = Annotated[Visit, Depends(installation_visit)]
OfAccount = Annotated[AccountVisit, Depends(account_visit)]
ToRead = Annotated[AccountVisit, Depends(reading)]
