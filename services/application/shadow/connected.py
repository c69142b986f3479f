"""The same of an account that is connected: whoever looks is kept (A9.3)."""

from datetime import datetime

from services.application.access import note_access
from services.application.installation import Installation
from services.application.kommo import kommo_of
from services.application.principal import Principal
from services.application.progress import Progress, untold
from services.application.shadow.audit import ShadowAudit, shadow
from services.storage.accounts import RegisteredAccount


async def shadow_of(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    *,
    start: str,
    end: str,
    now: datetime,
    progress: Progress = untold,
) -> ShadowAudit:
    """Judge how the leads of a connected account were given out, with the token that it has here.

    Args:
        installation: Where.
        account: Whose.
        principal: Who asks.
        start: As typed; 30 days before the end without it.
        end: As typed; now without it.
        now: The time.
        progress: Told how far it is.

    Raises:
        Refused: They may not look, the time makes no sense or is too long, the account's token
            cannot be opened here, or Kommo refuses or does not answer.
    """
    principal.require("audit")
    await note_access(installation, account.account_id, principal, "shadow")
    async with kommo_of(installation, account) as client:
        return await shadow(
            client,
            account.base_url,
            principal,
            start=start,
            end=end,
            now=now,
            progress=progress,
        )
