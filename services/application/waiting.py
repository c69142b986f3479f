"""Who waits, for what, and what stands still: of one account, now (D1.2, D8)."""

from collections.abc import Sequence
from dataclasses import dataclass

from projections import requests, stalls, unassigned
from projections.requests import WaitingReason
from projections.stalls import Stall
from projections.unassigned import Unassigned
from services.application.installation import Installation
from services.application.principal import Principal
from services.storage.accounts import RegisteredAccount
from services.storage.database import borrow_to_read


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingNow:
    """What has no manager yet, and why.

    Attributes:
        reasons: Of the waiting, that of the oldest one first.
        stalled: Rules whose people have no shift in sight, while leads wait (D8.3).
        ended: Leads whose request ended without a manager; they can be ordered again (D1.6).
    """

    reasons: Sequence[WaitingReason]
    stalled: Sequence[Stall]
    ended: Sequence[Unassigned]

    @property
    def leads(self) -> int:
        """How many wait."""
        return sum(each.leads for each in self.reasons)


async def waiting_now(
    installation: Installation, account: RegisteredAccount, principal: Principal
) -> WaitingNow:
    """Who waits now.

    Raises:
        Refused: They may not look.
    """
    principal.require("read")
    account_id = account.account_id
    async with borrow_to_read(installation.pool) as connection:
        return WaitingNow(
            reasons=await requests.waiting_by_reason(connection, account_id),
            stalled=await stalls.of_account(connection, account_id),
            ended=await unassigned.by_reason(connection, account_id=account_id),
        )
