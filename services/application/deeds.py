"""What was ordered lately, and by whom (A9.3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from contracts.events import CommandName, CommandReceived
from projections import commands
from services.application.installation import Installation
from services.application.principal import Principal
from services.storage.accounts import RegisteredAccount
from services.storage.database import borrow_to_read


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenCommand:
    """A command that was taken up.

    Attributes:
        version: Of the account; what it came to follows there.
        by: The principal.
    """

    version: int
    at: datetime
    command: CommandName
    by: str


async def given_lately(
    installation: Installation, account: RegisteredAccount, principal: Principal, *, limit: int
) -> Sequence[GivenCommand]:
    """The commands of the last week, the newest first.

    Raises:
        services.application.refused.Refused: They may not look.
    """
    principal.require("audit")
    async with borrow_to_read(installation.pool) as connection:
        versions = await commands.newest(connection, account.account_id, limit=limit)
    found = await installation.events.named(account.account_id, versions)
    return [
        GivenCommand(
            version=each.version, at=each.event.at, command=each.event.command, by=each.event.by
        )
        for each in reversed(found)
        if isinstance(each.event, CommandReceived)
    ]
