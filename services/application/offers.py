"""A lead that was offered to a manager: they take it, or pass it on (D7.6)."""

from contracts.inbound import PassLeadOn, TakeLead
from services.application.commands import Answer, Once, give
from services.application.installation import Installation
from services.application.principal import Principal
from services.application.reasons import check_reason
from services.application.refused import Refused
from services.storage.accounts import RegisteredAccount


async def take(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    lead_id: int,
    *,
    manager_id: int | None,
    once: Once,
) -> Answer:
    """Say that an offered lead is somebody's for good: nothing passes it on any more.

    Args:
        installation: Where the account is.
        account: Whose lead it is.
        principal: Who says so: the manager, or anybody with `activity`.
        lead_id: The lead.
        manager_id: Whose it has to be now; None for whoever has it.
        once: The key, and how long to wait.

    Raises:
        Refused: They may not, no clock runs for the lead, or it is somebody else's.
        services.application.commands.OutcomeUnknown: Repeat it under the same key.
    """
    _require(principal, manager_id)
    body = TakeLead(lead_id=lead_id, by=principal.id, manager_id=manager_id)
    asked = {"command": "take", "lead": lead_id, "manager": manager_id}
    return await give(installation, account.account_id, principal, [body], once, asked=asked)


async def pass_on(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    lead_id: int,
    *,
    manager_id: int | None,
    reason: str,
    once: Once,
) -> Answer:
    """Give an offered lead up: it goes to the next one at once, and stays charged to them.

    Args:
        installation: Where the account is.
        account: Whose lead it is.
        principal: Who gives it up: the manager, or anybody with `activity`.
        lead_id: The lead.
        manager_id: Whose it has to be now; None for whoever has it.
        reason: Why, for the record.
        once: The key, and how long to wait.

    Returns:
        What followed: the lead's next decision, or why there is none.

    Raises:
        Refused: They may not, there is no reason, no clock runs for the lead, it is somebody
            else's, or nobody is at work who could take it.
        services.application.commands.OutcomeUnknown: Repeat it under the same key.
    """
    _require(principal, manager_id)
    if not reason:
        raise Refused("reason_missing")
    check_reason(reason)
    body = PassLeadOn(lead_id=lead_id, by=principal.id, manager_id=manager_id, reason=reason)
    asked = {"command": "pass_on", "lead": lead_id, "manager": manager_id, "reason": reason}
    return await give(installation, account.account_id, principal, [body], once, asked=asked)


def _require(principal: Principal, manager_id: int | None) -> None:
    if manager_id is None:
        principal.require("activity")
    else:
        principal.require_own("activity", manager_id)
