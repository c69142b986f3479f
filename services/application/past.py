"""An account as it was: which event was the last before an instant, and the state after it."""

from collections.abc import AsyncIterator, Collection
from datetime import datetime

from contracts.events import Recorded
from domain.state import Account
from services.allocator.accounts import Stores, load
from services.application.installation import Installation
from services.storage.snapshots import SnapshotStore

CHUNK = 5_000


async def version_before(installation: Installation, account_id: int, at: datetime) -> int:
    """Version of the account's last event before an instant; 0 if there is none.

    The time of events never goes back (F64), so it is found in some twenty looks.
    """
    low, high = 0, await installation.events.head(account_id)
    while low < high:
        middle = (low + high + 1) // 2
        (recorded,) = await installation.events.stream(account_id, middle - 1, limit=1)
        if recorded.event.at < at:
            low = middle
        else:
            high = middle - 1
    return low


async def state_at(installation: Installation, account_id: int, version: int) -> Account:
    """The account after an event, from the newest snapshot before it."""
    stores = Stores(installation.events, SnapshotStore(installation.pool))
    return await load(stores, account_id, up_to=version)


async def events_between(
    installation: Installation,
    account_id: int,
    shapes: Collection[type],
    *,
    after: int,
    up_to: int,
) -> AsyncIterator[list[Recorded]]:
    """Events of some kinds, in order, a chunk at a time.

    Args:
        installation: Where.
        account_id: Whose.
        shapes: The classes of the events.
        after: Version behind which they are wanted.
        up_to: The last version.
    """
    while found := await installation.events.some(
        account_id, shapes, after=after, up_to=up_to, limit=CHUNK
    ):
        yield found
        after = found[-1].version
