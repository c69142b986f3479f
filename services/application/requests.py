"""Requests of an account: what became of each lead that asked for a manager (D1.2)."""

from collections.abc import Sequence

from projections import requests
from projections.requests import Request, RequestFilter
from services.application.installation import Installation
from services.application.principal import Principal
from services.application.refused import Refused
from services.storage.accounts import RegisteredAccount
from services.storage.database import borrow_to_read


async def asked(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    which: RequestFilter,
    *,
    limit: int,
    before: int | None = None,
    after: int | None = None,
) -> Sequence[Request]:
    """Requests, the newest first; behind the version that opened one the oldest first.

    Raises:
        Refused: They may not look.
    """
    principal.require("read")
    async with borrow_to_read(installation.pool) as connection:
        return await requests.page(
            connection,
            account_id=account.account_id,
            limit=limit,
            which=which,
            before=before,
            after=after,
        )


async def request(
    installation: Installation, account: RegisteredAccount, principal: Principal, request_id: str
) -> Request:
    """One request.

    Raises:
        Refused: They may not look, or there is none of that id.
    """
    principal.require("read")
    async with borrow_to_read(installation.pool) as connection:
        found = await requests.of_request(
            connection, account_id=account.account_id, request_id=request_id
        )
    if found is None:
        raise Refused("request_unknown", request=request_id)
    return found
