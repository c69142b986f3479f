"""Publishes what the event store holds to the allocations log: in order per account (I10).

Its position per account moves after the log's acknowledgement, so a death in between publishes
some events again, and never loses one; readers drop what they have by its version. A wake-up
makes it fast; that nothing is left behind is due to the heads, which it looks at in any case.

Two relays may have an account for a moment, when partitions move. Each publishes in order from
where the stored position was, so the first copies are in order still.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import structlog
from eventsourcing.persistence import StoredEvent

from services.log.allocations import allocation_entry
from services.log.port import LogWriter
from services.relay.settings import RelaySettings
from services.shared.codec import ACCOUNT_PREFIX
from services.shared.errors import Unavailable
from services.shared.failpoints import failpoint
from services.shared.ownership import Owns
from services.storage.events import EventStore, Moved

log = structlog.get_logger(__name__)

CONSUMER = "relay"
PAUSE_FIRST_S = 0.1


class Wait(Protocol):
    """Tells that something was stored."""

    def __call__(self, timeout_s: float, /) -> Awaitable[object]:
        """Return when something may have been stored, or after the time-out."""
        ...


class Relay:
    """One beside each allocator, for the partitions that the allocator was given."""

    def __init__(
        self,
        store: EventStore,
        writer: LogWriter,
        *,
        owns: Owns,
        wait: Wait,
        settings: RelaySettings,
        on_published: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._store = store
        self._writer = writer
        self._owns = owns
        self._wait = wait
        self._settings = settings
        self._on_published = on_published

    async def run(self) -> None:
        """Publish until cancelled; a peer that does not answer is waited for."""
        pause_s = PAUSE_FIRST_S
        while True:
            try:
                while await self.step():
                    pause_s = PAUSE_FIRST_S
            except Unavailable as error:
                log.warning("relay_waits", reason=str(error), pause_s=pause_s)
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, self._settings.retry_pause_max_s)
            else:
                await self._wait(self._settings.poll_s)

    async def step(self) -> int:
        """Publish the next events of every account that moved; how many.

        Raises:
            services.shared.errors.Unavailable: Some may be published, and will be again.
        """
        published, after = 0, 0
        while True:
            moved = await self._store.moved(
                CONSUMER, limit=self._settings.accounts_max, after=after
            )
            if not moved:
                return published
            after = moved[-1].account_id
            published += await self._publish(
                [each for each in moved if self._owns(each.account_id)]
            )

    async def _publish(self, moved: Sequence[Moved]) -> int:
        if not moved:
            return 0
        events = await self._store.stored(
            {each.account_id: each.position for each in moved}, limit=self._settings.events_max
        )
        await self._writer.publish([allocation_entry(event) for event in events])
        failpoint("relay.after_send")
        await self._store.advance(CONSUMER, _last_versions(events))
        self._on_published(len(events))
        log.debug("events_relayed", accounts=len(moved), events=len(events))
        return len(events)


def _last_versions(events: Sequence[StoredEvent]) -> dict[int, int]:
    return {
        int(str(event.originator_id).removeprefix(ACCOUNT_PREFIX)): event.originator_version
        for event in events
    }
