"""Of which kinds hooks come, noted now and then for whoever looks after the connection."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, assert_never

import structlog

from contracts.kommo.notifications import (
    DeedNotification,
    IncomingNotification,
    LeadNotification,
    LeadRemovedNotification,
    Notification,
    OtherNotification,
    TaskNotification,
    TaskRemovedNotification,
    TriggerNotification,
)
from services.shared.errors import Unavailable
from services.shared.sparing_log import SparingLog
from services.storage.hooks_heard import Heard, HookKind

log = structlog.get_logger(__name__)

NOTED_AGAIN_AFTER = timedelta(minutes=1)
LOOK_EVERY_S = 5.0
WRITTEN_WITHIN_S = 2.0
# Pauses after what nobody expected grow to five minutes or so.
DOUBLED_MAX = 6
# By the top key of a body, of what the engine does not use.
OTHERS: dict[str, HookKind] = {
    "leads": "leads",
    "contacts": "contacts",
    "companies": "contacts",
    "task": "tasks",
    "unsorted": "incoming",
}


class HeardStore(Protocol):
    """Where they are noted."""

    async def note(self, heard: Sequence[Heard]) -> None:
        """Keep the newest of each.

        Raises:
            services.shared.errors.Unavailable: Noting it again is safe.
        """
        ...


def kinds_of(notifications: Iterable[Notification]) -> frozenset[HookKind]:
    """The kinds of what a body says."""
    return frozenset(map(_kind_of, notifications))


def _kind_of(notification: Notification) -> HookKind:  # noqa: PLR0911 - a case per kind
    match notification:
        case LeadNotification() | LeadRemovedNotification():
            return "leads"
        case DeedNotification(deed="note" | "call"):
            return "notes"
        case DeedNotification(deed="message"):
            return "other"
        case DeedNotification() | TaskNotification() | TaskRemovedNotification():
            return "tasks"
        case IncomingNotification():
            return "incoming"
        case TriggerNotification():
            return "triggers"
        case OtherNotification(action="note"):
            return "notes"
        case OtherNotification(entity=entity):
            return OTHERS.get(entity, "other")
        case _:
            assert_never(notification)


@dataclass(slots=True)
class HookKinds:
    """What was heard, and of it what is noted already: accounts are known, kinds are few."""

    store: HeardStore
    now: Callable[[], datetime]
    _heard: dict[tuple[int, HookKind], datetime] = field(default_factory=dict)
    _noted: dict[tuple[int, HookKind], datetime] = field(default_factory=dict)
    _failures: int = 0
    _log: SparingLog = field(default_factory=SparingLog)

    def hear(self, account_id: int, kinds: Iterable[HookKind]) -> None:
        """Something of these kinds came just now."""
        at = self.now()
        for kind in kinds:
            self._heard[account_id, kind] = at

    async def run(self) -> None:
        """Note it until cancelled, and what is left then."""
        try:
            while True:
                await asyncio.sleep(LOOK_EVERY_S * 2 ** min(self._failures, DOUBLED_MAX))
                await self.write(again_after=NOTED_AGAIN_AFTER)
        finally:
            await self.write(again_after=timedelta())

    async def write(self, *, again_after: timedelta) -> None:
        """Note what is newer by so much than what is noted."""
        due = {
            key: at
            for key, at in self._heard.items()
            if key not in self._noted or at - self._noted[key] > again_after
        }
        if not due:
            return
        try:
            async with asyncio.timeout(WRITTEN_WITHIN_S):
                await self.store.note([Heard(*key, at) for key, at in due.items()])
        except (Unavailable, TimeoutError) as error:
            self._log.warning("hook_kinds_not_noted", reason=type(error).__name__)
        except Exception:
            # Whatever it is: it is noted later, and webhooks are received meanwhile.
            log.exception("hook_kinds_not_noted", kinds=len(due))
            self._failures += 1
        else:
            self._noted |= due
            self._failures = 0
