"""How much each rule gave out lately, and how much waits for new ones."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from projections import tallies
from services.application.installation import Installation
from services.application.principal import Principal
from services.application.span import zone_of
from services.storage.accounts import RegisteredAccount
from services.storage.database import borrow_to_read

DAY = timedelta(days=1)
DAYS = 7


async def given_by_rule(
    installation: Installation, account: RegisteredAccount, principal: Principal, *, now: datetime
) -> Mapping[str, int]:
    """Leads given out in the last seven days of the account, today included, by rule.

    Raises:
        Refused: They may not look.
    """
    principal.require("read")
    today = now.astimezone(zone_of(account.timezone)).date()
    async with borrow_to_read(installation.pool) as connection:
        return await tallies.given_by_rule(
            connection,
            account_id=account.account_id,
            since=today - (DAYS - 1) * DAY,
            until=today + DAY,
        )
