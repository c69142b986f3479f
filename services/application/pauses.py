"""Who is out of the distribution for a while, by their own wish or an administrator's (D9.2)."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from contracts.inbound import PauseManager, ResumeManager
from projections import pauses as in_force
from projections.pauses import Pause
from services.application.commands import Answer, Once, give
from services.application.installation import Installation
from services.application.principal import Principal
from services.application.private import in_clear
from services.application.reasons import check_reason
from services.application.refused import Refused
from services.storage.accounts import RegisteredAccount
from services.storage.database import borrow

# Beyond it, an instant has no date in some zone.
LATEST = datetime(9999, 1, 1, tzinfo=UTC)
CLOCK = re.compile(r"([0-9]{2}):([0-9]{2})")


async def pause(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    manager_id: int,
    *,
    until: datetime | None,
    reason: str,
    once: Once,
) -> Answer:
    """Pause a manager: anybody with `activity`, or themselves where the account allows it (D9.1).

    Raises:
        Refused: They may not, the reason cannot be kept, or the account refused.
        services.application.commands.OutcomeUnknown: Repeat it under the same key.
    """
    principal.require_own("activity", manager_id)
    check_reason(reason)
    body = PauseManager(
        manager_id=manager_id,
        by=principal.id,
        by_administrator=principal.may("activity"),
        until=until,
        reason=reason,
    )
    asked = {
        "command": "pause",
        "manager": manager_id,
        "until": until.isoformat() if until is not None else None,
        "reason": reason,
    }
    return await give(installation, account.account_id, principal, [body], once, asked=asked)


async def resume(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    manager_id: int,
    *,
    once: Once,
) -> Answer:
    """Put a manager back; an administrator's pause ends only so.

    Raises:
        Refused: They may not, or the account refused.
        services.application.commands.OutcomeUnknown: Repeat it under the same key.
    """
    principal.require_own("activity", manager_id)
    body = ResumeManager(
        manager_id=manager_id, by=principal.id, by_administrator=principal.may("activity")
    )
    asked = {"command": "resume", "manager": manager_id}
    return await give(installation, account.account_id, principal, [body], once, asked=asked)


async def pauses(
    installation: Installation, account: RegisteredAccount, principal: Principal
) -> list[Pause]:
    """Who is paused.

    Raises:
        Refused: They may not look.
    """
    principal.require("read")
    async with borrow(installation.pool) as connection:
        found = await in_force.of_account(connection, account.account_id)
    reasons = await in_clear(installation, account.account_id, [each.reason for each in found])
    return [replace(each, reason=reason) for each, reason in zip(found, reasons, strict=True)]


def end_from(text: str, now: datetime, timezone: str) -> datetime:
    """An instant from `15:00` (the next one, in the account's zone) or an ISO date and time.

    Raises:
        Refused: It is neither, or has no date in some zone.
    """
    try:
        zone = ZoneInfo(timezone)
    except ZoneInfoNotFoundError as error:
        raise Refused("time_zone_unknown", zone=timezone) from error
    try:
        at = _instant(text, now.astimezone(zone))
    except OverflowError as error:
        raise Refused("until_too_far", text=text) from error
    except ValueError as error:
        raise Refused("until_not_a_time", text=text) from error
    if at >= LATEST:
        raise Refused("until_too_far", text=text)
    return at


def _instant(text: str, now: datetime) -> datetime:
    if not text.isascii():  # Python takes the digits of any script
        raise ValueError(text)
    if clock := CLOCK.fullmatch(text):
        at = now.replace(hour=int(clock[1]), minute=int(clock[2]), second=0, microsecond=0)
        return (at if at > now else at + timedelta(days=1)).astimezone(UTC)
    at = datetime.fromisoformat(text)
    return (at if at.tzinfo is not None else at.replace(tzinfo=now.tzinfo)).astimezone(UTC)
