"""How far back a what-if looks where nobody says it: as much as tells, and is done in a minute."""

from datetime import datetime, timedelta

from projections import requests
from services.application.installation import Installation
from services.application.principal import Principal
from services.application.span import Span
from services.storage.accounts import RegisteredAccount
from services.storage.database import borrow

DAYS = timedelta(days=30)
LEADS_MAX = 2_000
AFTER_IT = timedelta(microseconds=1)


async def looked_back(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    *,
    now: datetime,
    leads_max: int = LEADS_MAX,
) -> Span:
    """The last 30 days, or since the last 2,000 leads began to come (W4.4).

    Raises:
        Refused: They may not look.
    """
    principal.require("audit")
    async with borrow(installation.pool) as connection:
        before = await requests.opened_before(connection, account.account_id, newer=leads_max)
    start = now - DAYS
    return Span(start=start if before is None else max(start, before + AFTER_IT), end=now)
