"""Sends each timer once it is due: at least once, in due order, in bounded batches (F10, F68).

A timer is published first and marked afterwards, so a death in between sends it again; its id
is the same then, and a repeated or outdated timer changes nothing. Instants are compared, never
durations, so a step of the wall clock can only make a timer early or late by that step (F64).
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

import structlog

from contracts.inbound import Inbound, TimerDue
from projections.timers import Timer
from services.clock.settings import ClockSettings
from services.shared.errors import Unavailable
from services.shared.failpoints import failpoint

log = structlog.get_logger(__name__)


class Timers(Protocol):
    """The timers that are set and were not sent."""

    async def due(self, now: datetime, *, limit: int) -> Sequence[Timer]:
        """Those that came due, earliest first.

        Raises:
            services.shared.errors.Unavailable: They cannot be read now.
        """
        ...

    async def next_due_at(self) -> datetime | None:
        """When the next one is due; None when there is none.

        Raises:
            services.shared.errors.Unavailable: They cannot be read now.
        """
        ...

    async def mark_emitted(self, timers: Sequence[Timer]) -> None:
        """Note that these were sent.

        Raises:
            services.shared.errors.Unavailable: Perhaps they were not noted; sending again is safe.
        """
        ...


class Publisher(Protocol):
    """Where messages enter the inbound log."""

    async def publish(self, messages: Sequence[Inbound]) -> None:
        """Make them durable.

        Raises:
            services.shared.errors.Unavailable: Perhaps they are not; publishing again is safe.
        """
        ...


class TimerWakeup(Protocol):
    """Tells that a timer may have been set."""

    async def wait(self, timeout_s: float) -> object:
        """Return when something may have changed, or after the time-out."""
        ...


class NoWakeup:
    """A wake-up that never comes early."""

    async def wait(self, timeout_s: float) -> None:
        """Return after the time-out."""
        await asyncio.sleep(timeout_s)


class Clock:
    """Turns due timers into messages; two at once do no harm, only twice the work."""

    def __init__(
        self,
        *,
        timers: Timers,
        publisher: Publisher,
        now: Callable[[], datetime],
        wakeup: TimerWakeup | None = None,
        settings: ClockSettings | None = None,
        monotonic: Callable[[], float] | None = None,
    ) -> None:
        self._timers = timers
        self._publisher = publisher
        self._now = now
        self._wakeup = wakeup or NoWakeup()
        self._settings = settings or ClockSettings()
        self._monotonic = monotonic
        self._offset_s: float | None = None

    async def run(self) -> None:
        """Send until cancelled."""
        failures = 0
        while True:
            try:
                wait_s = await self.step()
                failures = 0
            except Unavailable:
                failures += 1
                wait_s = min(self._settings.retry_max_s, 0.5 * 2.0 ** min(failures, 10))
                log.warning("clock_delayed", pause_s=wait_s)
                await asyncio.sleep(wait_s)
                continue
            if wait_s > 0:
                await self._wakeup.wait(wait_s)

    async def step(self) -> float:
        """Send one batch of what is due; how long nothing else is, in seconds.

        Raises:
            services.shared.errors.Unavailable: Something may have been sent and not marked.
        """
        now = self._now()
        self._watch_for_jumps(now)
        due = await self._timers.due(now, limit=self._settings.batch_size)
        if due:
            failpoint("clock.before_emit")
            await self._publisher.publish([_message(timer, now) for timer in due])
            failpoint("clock.after_emit")
            await self._timers.mark_emitted(due)
            log.info("timers_sent", timers=len(due))
        if len(due) == self._settings.batch_size:
            return 0.0
        next_due_at = await self._timers.next_due_at()
        if next_due_at is None:
            return self._settings.wait_max_ms / 1_000
        until_s = (next_due_at - self._now()).total_seconds()
        return min(
            self._settings.wait_max_ms / 1_000, max(self._settings.wait_min_ms / 1_000, until_s)
        )

    def _watch_for_jumps(self, now: datetime) -> None:
        elapsed = self._monotonic or asyncio.get_running_loop().time
        offset_s = now.timestamp() - elapsed()
        known = self._offset_s
        if known is not None and abs(offset_s - known) >= self._settings.jump_s:
            log.error("wall_clock_jumped", by_s=round(offset_s - known, 1))
        self._offset_s = offset_s


def _message(timer: Timer, now: datetime) -> Inbound:
    return Inbound(
        account_id=timer.account_id,
        message_id=f"timer/{timer.account_id}/{timer.timer_id}/{timer.generation}",
        at=now,
        body=TimerDue(timer_id=timer.timer_id, generation=timer.generation),
    )
