"""Accounts as they are now, kept in memory for those who look at them again and again.

What a page shows of a moment, such as who is at work, follows from the account's state. Loading it
takes as long as its snapshot is large, so it is kept, and each look folds in what has come since.
"""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field

from domain.state import Account
from services.allocator.accounts import Stores, catch_up, load
from services.storage.events import EventStore
from services.storage.snapshots import SnapshotStore

ACCOUNTS_MAX = 50


@dataclass(slots=True)
class KeptAccount:
    """An account in memory, and whoever brings it up to date."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    account: Account | None = None


@dataclass(slots=True)
class Present:
    """The accounts of this process that were looked at last.

    Whoever gets one reads it before they wait for anything: the next look changes it.
    """

    stores: Stores
    kept: OrderedDict[int, KeptAccount] = field(default_factory=OrderedDict)

    @classmethod
    def of(cls, events: EventStore) -> "Present":
        """Of an installation's events."""
        return cls(Stores(events, SnapshotStore(events.pool)))

    async def account(self, account_id: int) -> Account:
        """The account after all its events.

        Raises:
            services.shared.errors.Unavailable: The database does not answer.
        """
        kept = self.kept.setdefault(account_id, KeptAccount())
        self.kept.move_to_end(account_id)
        while len(self.kept) > ACCOUNTS_MAX:
            self.kept.popitem(last=False)
        async with kept.lock:
            if kept.account is None:
                kept.account = await load(self.stores, account_id)
                return kept.account
            try:
                await catch_up(kept.account, self.stores.events)
            except BaseException:
                kept.account = None  # it may be half way through an event
                raise
            return kept.account
