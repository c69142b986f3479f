"""How fast leads are served: asked, decided, in Kommo, first touch by their manager (D12.1)."""

from collections.abc import Sequence
from datetime import datetime

from projections import response
from projections.response import By, Speed
from services.application.installation import Installation
from services.application.principal import Principal
from services.application.span import Span
from services.storage.accounts import RegisteredAccount
from services.storage.database import borrow_to_read


async def speed(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    *,
    span: Span,
    by: By,
    now: datetime,
    manager_id: int | None = None,
) -> Sequence[Speed]:
    """All leads that were given out in a span, by manager, rule or hour, in their order.

    Args:
        installation: Where.
        account: Whose.
        principal: Who asks.
        span: When they were given out.
        by: What the figures are of.
        now: The time.
        manager_id: Only the leads of one manager.

    Raises:
        Refused: They may not look.
    """
    principal.require("read")
    async with borrow_to_read(installation.pool) as connection:
        return await response.figures(
            connection,
            account_id=account.account_id,
            since=span.start,
            until=span.end,
            by=by,
            now=now,
            manager_id=manager_id,
        )
