"""Pauses of managers, ordered from the command line by an administrator (D9.2)."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from contracts.inbound import PauseManager, ResumeManager
from projections import pauses as in_force
from services.cli.administrator import administrator
from services.cli.explain import namer
from services.cli.installation import Installation, Wrong
from services.cli.order import order
from services.storage.accounts import Account
from services.storage.database import borrow

REASON_CHARACTERS_MAX = 500
# Beyond it, an instant has no date in some zone.
LATEST = datetime(9999, 1, 1, tzinfo=UTC)
KEPT = "Kept; it takes effect when fairlead runs here (fairlead up)."


async def pause(
    installation: Installation, account: Account, manager_id: int, *, until: str, reason: str
) -> str:
    """Pause a manager; what to tell the person.

    Raises:
        Wrong: `until` or `reason` makes no sense, or the account refused.
    """
    check_reason(reason)
    ends_at = parse_until(until, datetime.now(UTC), account.timezone) if until else None
    body = PauseManager(
        manager_id=manager_id,
        by=administrator(),
        by_administrator=True,
        until=ends_at,
        reason=reason,
    )
    answer = await order(installation, account.account_id, body)
    if answer is None:
        return KEPT
    who = namer(account)(manager_id)
    zone = ZoneInfo(account.timezone)
    until_words = f" until {ends_at.astimezone(zone):%Y-%m-%d %H:%M} ({zone})" if ends_at else ""
    return f"{who} is paused{until_words}." if answer else f"{who} was paused like that already."


async def resume(installation: Installation, account: Account, manager_id: int) -> str:
    """Resume a manager; what to tell the person.

    Raises:
        Wrong: The account refused.
    """
    by = administrator()
    body = ResumeManager(manager_id=manager_id, by=by, by_administrator=True)
    answer = await order(installation, account.account_id, body)
    if answer is None:
        return KEPT
    who = namer(account)(manager_id)
    return f"{who} takes leads again." if answer else f"{who} was not paused."


async def pauses(installation: Installation, account: Account) -> list[tuple[str, ...]]:
    """Who is paused, by whom, since when, until when and why, in the account's zone."""
    async with borrow(installation.pool) as connection:
        found = await in_force.of_account(connection, account.account_id)
    name, zone = namer(account), ZoneInfo(account.timezone)
    return [
        (
            f"{name(pause.manager_id)} ({pause.manager_id})",
            pause.ordered_by if pause.by_administrator else f"{pause.ordered_by} (himself)",
            f"{pause.paused_at.astimezone(zone):%Y-%m-%d %H:%M}",
            f"{pause.until.astimezone(zone):%Y-%m-%d %H:%M}" if pause.until else "resumed",
            pause.reason,
        )
        for pause in found
    ]


def parse_until(text: str, now: datetime, timezone: str) -> datetime:
    """An instant from `15:00` (the next one, in the account's zone) or an ISO date and time.

    Raises:
        Wrong: It is neither.
    """
    try:
        zone = ZoneInfo(timezone)
    except ZoneInfoNotFoundError as error:
        raise Wrong(f"the account's time zone {timezone!r} is not known here") from error
    try:
        if len(text) <= len("15:00"):
            clock = datetime.strptime(text, "%H:%M").time()  # noqa: DTZ007 - only the time of day
            today = now.astimezone(zone)
            at = today.replace(hour=clock.hour, minute=clock.minute, second=0, microsecond=0)
            return (at if at > today else at + timedelta(days=1)).astimezone(UTC)
        at = datetime.fromisoformat(text)
        at = (at if at.tzinfo is not None else at.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        wrong = f"--until: expected HH:MM or a date and time like 2026-12-01T15:00, got {text!r}"
        raise Wrong(wrong) from error
    if at >= LATEST:
        raise Wrong(f"--until: expected an end before the year 9999, got {text!r}")
    return at


def check_reason(reason: str) -> None:
    """See that a reason can be kept.

    Raises:
        Wrong: It is no text, or too long.
    """
    try:
        reason.encode()
    except UnicodeEncodeError as error:  # what the shell passed on was no text
        raise Wrong("--reason: expected text in UTF-8") from error
    if len(reason) > REASON_CHARACTERS_MAX:
        text = f"--reason: expected at most {REASON_CHARACTERS_MAX} characters, got {len(reason)}"
        raise Wrong(text)
