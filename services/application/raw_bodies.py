"""Bodies of webhooks that were understood: counted, shown, and read again.

They are read again when a release has understood something wrongly: what the next one makes of
them differs, and takes effect; all else is recognised as a copy.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.application.access import note_access
from services.application.installation import Installation
from services.application.principal import Principal
from services.application.read_again import read_again
from services.application.span import Span
from services.shared.errors import Malformed
from services.storage.accounts import RegisteredAccount
from services.storage.raw_bodies import RawHour
from services.storage.raw_packing import RawBody

if TYPE_CHECKING:
    from services.log.port import Entry

PUBLISHED_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadAgain:
    """What became of bodies that were read again.

    Attributes:
        bodies: That were read.
        messages: That they came to, and that were published.
        not_understood: Bodies that are understood no more.
    """

    bodies: int
    messages: int
    not_understood: int


async def hours(
    installation: Installation, account: RegisteredAccount, principal: Principal, span: Span
) -> list[RawHour]:
    """How many bodies of an account there are, by the hour.

    Raises:
        Refused: They may not look.
    """
    principal.require("operate")
    return await installation.raw_bodies.hours(account.account_id, span.start, span.end)


async def bodies(
    installation: Installation, account: RegisteredAccount, principal: Principal, span: Span
) -> AsyncIterator[RawBody]:
    """The bodies themselves, in their order; that somebody looks is kept.

    Raises:
        Refused: They may not look.
    """
    principal.require("operate")
    await note_access(installation, account.account_id, principal, "raw_bodies")
    async for body in installation.raw_bodies.between(account.account_id, span.start, span.end):
        yield body


async def replay(
    installation: Installation, account: RegisteredAccount, principal: Principal, span: Span
) -> ReadAgain:
    """Read them again, in their order, and publish what they say now.

    Raises:
        Refused: They may not.
        services.shared.errors.Unavailable: Repeat it; copies are harmless.
    """
    principal.require("operate")
    await note_access(installation, account.account_id, principal, "raw_bodies")
    read = messages = not_understood = 0
    entries: list[Entry] = []
    account_id = account.account_id
    async for body in installation.raw_bodies.between(account_id, span.start, span.end):
        read += 1
        try:
            entries += await read_again(installation, account_id, body.content, body.content_type)
        except Malformed:
            not_understood += 1
        if len(entries) >= PUBLISHED_AT_ONCE:
            await installation.log.publish(entries)
            messages += len(entries)
            entries = []
    if entries:
        await installation.log.publish(entries)
    return ReadAgain(bodies=read, messages=messages + len(entries), not_understood=not_understood)
