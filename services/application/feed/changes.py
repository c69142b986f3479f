"""That something changed, and what, for pages that are looked at: they fetch what they show (W3.6).

Many events are one change: whoever looks wants the present, not each step to it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from services.application.feed.following import Following, followed
from services.application.feed.tails import Tails
from services.application.installation import Installation
from services.application.principal import Principal
from services.shared.thin import ThinEvent

CHUNK = 1_000
# More than these are told as "many": whoever shows one of them looks.
IDS_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What happened up to a version since the last change.

    Attributes:
        types: Stored names of the events.
        lead_ids: That they are about; None for more than can be told, or than may be.
        manager_ids: The same.
    """

    version: int
    types: tuple[str, ...]
    lead_ids: tuple[int, ...] | None
    manager_ids: tuple[int, ...] | None


@asynccontextmanager
async def watching(
    tails: Tails, installation: Installation, account_id: int, principal: Principal
) -> AsyncIterator[Following]:
    """Watch an account from now on; a manager may, too, and is told of nobody else.

    Raises:
        Refused: They may not.
        services.shared.errors.Unavailable: The database does not answer.
    """
    if principal.manager_id is None:
        principal.require("read")
    else:
        principal.require_own("read", principal.manager_id)
    async with followed(tails, installation, account_id, after=None) as found:
        yield found


async def next_changes(
    place: Following, principal: Principal, *, within_s: float
) -> Changes | None:
    """What changed, as they may know it; None if nothing did in time.

    Raises:
        services.shared.errors.Unavailable: The database does not answer.
        services.shared.errors.Malformed: An event this release does not know (F80).
    """
    found = await place.next(CHUNK, within_s=within_s)
    return changes_of(found, principal) if found else None


def changes_of(events: list[ThinEvent], principal: Principal) -> Changes:
    """Several events as one change, for whoever may know of them."""
    leads = {each.lead_id for each in events if each.lead_id is not None}
    managers = {each.manager_id for each in events if each.manager_id is not None}
    may_read = principal.may("read")
    return Changes(
        version=events[-1].version,
        types=tuple(sorted({each.type for each in events})),
        lead_ids=_told(leads) if may_read else None,
        manager_ids=_told(managers) if may_read else None,
    )


def _told(ids: set[int]) -> tuple[int, ...] | None:
    return tuple(sorted(ids)) if len(ids) <= IDS_MAX else None
