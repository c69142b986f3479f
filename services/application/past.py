"""An account as it was: which event was the last before an instant, and the state after it."""

from collections.abc import AsyncIterator, Collection
from datetime import datetime

from contracts.events import Recorded, RulesApplied
from domain.state import Account
from services.allocator.accounts import Stores, load
from services.application.installation import Installation
from services.storage.database import borrow
from services.storage.snapshots import SnapshotStore

CHUNK = 5_000
LOOKED_AT_ONCE = 16
SELECT_RULES = """
SELECT originator_version FROM account_events
WHERE originator_id = 'account-' || $1::bigint AND originator_version <= $2
    AND topic = 'rules.applied'
ORDER BY originator_version DESC LIMIT 1
"""


async def version_before(installation: Installation, account_id: int, at: datetime) -> int:
    """Version of the account's last event before an instant; 0 if there is none.

    The time of events never goes back (F64), so it is found in a few looks at some of them.
    """
    low, high = 0, await installation.events.head(account_id)
    while low < high:
        step = -(-(high - low) // LOOKED_AT_ONCE)
        for recorded in await installation.events.named(
            account_id, range(low + step, high + 1, step)
        ):
            if recorded.event.at >= at:
                high = recorded.version - 1
                break
            low = recorded.version
    return low


async def rules_at(
    installation: Installation, account_id: int, version: int
) -> RulesApplied | None:
    """The rules in force after an event; None before the first."""
    async with borrow(installation.pool) as connection:
        applied = await connection.fetchval(SELECT_RULES, account_id, version)
    if applied is None:
        return None
    (recorded,) = await installation.events.named(account_id, [applied])
    assert isinstance(recorded.event, RulesApplied), "selected by its name"  # noqa: S101
    return recorded.event


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
