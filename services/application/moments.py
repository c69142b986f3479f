"""A moment of an account's history, as somebody types it: a time, or the version of an event."""

from datetime import UTC, date, datetime, time, timedelta

from services.application.installation import Installation
from services.application.past import version_before
from services.application.refused import Refused
from services.application.span import DATE_LENGTH, DAY, zone_of
from services.storage.accounts import RegisteredAccount

INSTANT = timedelta(microseconds=1)
VERSION_DIGITS_MAX = 18


async def version_at(installation: Installation, account: RegisteredAccount, text: str) -> int:
    """Version of the last event up to a moment; 0 before the first one.

    Args:
        installation: Where.
        account: Whose.
        text: A version; a date, whose end is meant; or a date and time. Without an offset they are
            in the account's zone.

    Raises:
        Refused: It is no moment, or no event has that version yet.
    """
    if (version := await _version(installation, account, text)) is not None:
        return version
    until = _instant(text, account.timezone, ends=True)
    return await version_before(installation, account.account_id, until)


async def first_since(installation: Installation, account: RegisteredAccount, text: str) -> int:
    """Version of the first event from a moment on; of a date, its beginning is meant.

    Raises:
        Refused: It is no moment, or no event has that version yet.
    """
    if (version := await _version(installation, account, text)) is not None:
        return max(1, version)
    since = _instant(text, account.timezone, ends=False)
    return 1 + await version_before(installation, account.account_id, since)


async def _version(installation: Installation, account: RegisteredAccount, text: str) -> int | None:
    if not (text.isascii() and text.isdigit() and len(text) <= VERSION_DIGITS_MAX):
        return None
    head = await installation.events.head(account.account_id)
    if int(text) > head:
        raise Refused("event_beyond_the_last", version=int(text), last=head)
    return int(text)


def _instant(text: str, timezone: str, *, ends: bool) -> datetime:
    """When a date or a time begins; or ends, which for a time is the next instant."""
    zone = zone_of(timezone)
    try:
        if not text.isascii():  # Python takes the digits of any script
            raise Refused("not_a_moment", text=text)
        if len(text) == DATE_LENGTH:
            on = date.fromisoformat(text) + ends * DAY
            return datetime.combine(on, time(), zone).astimezone(UTC)
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC) + ends * INSTANT
    except (ValueError, OverflowError) as error:
        raise Refused("not_a_moment", text=text) from error
