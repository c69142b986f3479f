"""Delivers hooks: at once or after a delay, retried by the ladder, given up in the end.

Everything is bounded: the hooks in flight by the number of workers, the waiting ones by a knob.
What does not fit, and what waits for a webhook that gets switched off, is lost and counted, as
nothing better is documented.
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import uuid4

from services.sandbox.clock import SandboxClock
from services.sandbox.journal import Journal, redacted
from services.sandbox.knobs import Knobs
from services.sandbox.ladder import is_good, wait_s
from services.sandbox.model import Subscription, Trigger

# Bad answers of pipeline hooks within 5 minutes that suspend their retries for 5 minutes.
_SUSPEND_AFTER: Final = 100
_SUSPEND_S: Final = 300.0


@dataclass(slots=True, kw_only=True, eq=False)
class OutgoingHook:
    """A body on its way to one receiver; what it says is what was true when it was made."""

    number: int
    target: Subscription | Trigger
    body: bytes
    content_type: bytes
    lead_ids: tuple[int, ...]
    attempt: int = 0


class Post(Protocol):
    """Carries a body to its receiver."""

    async def post(self, url: str, headers: bytes, body: bytes, *, limit_s: float) -> int:
        """The status of the answer, 0 for none.

        Raises:
            TimeoutError: No answer within the limit; the receiver may have got all of it.
        """
        ...

    def close(self) -> None:
        """Let go of what is kept between two posts."""
        ...


class Deliveries:
    """The hooks under way, and the workers who carry them."""

    def __init__(self, knobs: Knobs, journal: Journal, clock: SandboxClock, post: Post) -> None:
        self._knobs = knobs
        self._journal = journal
        self._clock = clock
        self._sender = post
        self._ready: asyncio.Queue[OutgoingHook] = asyncio.Queue()
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self._bad: dict[str, deque[float]] = {}
        self._in_flight = 0

    @property
    def pending(self) -> int:
        """How many hooks are not finished, those that wait for a retry included."""
        return self._ready.qsize() + len(self._timers) + self._in_flight

    def put(self, hook: OutgoingHook, *, delay_s: float = 0.0) -> None:
        """Take a hook over, to leave after the delay."""
        if self.pending >= self._knobs.pending_max:
            self._journal.counts["hooks_lost_full"] += 1
        elif delay_s > 0:
            loop = asyncio.get_running_loop()
            self._timers[hook.number] = loop.call_later(delay_s, self._is_due, hook)
        else:
            self._ready.put_nowait(hook)

    async def run(self) -> None:
        """Deliver until cancelled; hooks that are left then are dropped."""
        try:
            async with asyncio.TaskGroup() as workers:
                for _ in range(self._knobs.delivery_concurrency):
                    workers.create_task(self._work())
        finally:
            for timer in self._timers.values():
                timer.cancel()
            self._timers.clear()
            self._sender.close()

    def _is_due(self, hook: OutgoingHook) -> None:
        del self._timers[hook.number]
        self._ready.put_nowait(hook)

    async def _work(self) -> None:
        while True:
            hook = await self._ready.get()
            if isinstance(hook.target, Subscription) and hook.target.disabled:
                self._journal.counts["hooks_lost_disabled"] += 1
                continue
            self._in_flight += 1
            try:
                status = await self._attempt(hook)
            finally:
                self._in_flight -= 1
            self._settle(hook, status)

    async def _attempt(self, hook: OutgoingHook) -> int:
        hook.attempt += 1
        headers = (
            b"User-Agent: amoCRM-Webhooks/3.0\r\nX-Amocrm-Requestid: %b\r\n"
            b"Accept-Encoding: gzip\r\nContent-Type: %b\r\n"
            % (str(uuid4()).encode(), hook.content_type)
        )
        url = hook.target.destination
        started = self._clock.monotonic()
        try:
            limit_s = self._knobs.hook_timeout_s
            status = await self._sender.post(url, headers, hook.body, limit_s=limit_s)
        except TimeoutError:
            status = self._knobs.timeout_status
            self._journal.counts["hook_timeouts"] += 1
        self._journal.note_delivery(
            hook=hook.target.key,
            number=hook.number,
            attempt=hook.attempt,
            destination=redacted(url),
            lead_ids=hook.lead_ids,
            status=status,
            took_ms=round((self._clock.monotonic() - started) * 1_000, 3),
        )
        return status

    def _settle(self, hook: OutgoingHook, status: int) -> None:
        counts = self._journal.counts
        if is_good(status):
            counts["hooks_delivered"] += 1
            return
        counts["hook_failures"] += 1
        bad = self._note_bad(hook.target)
        wait = wait_s(hook.target, hook.attempt, status, self._knobs)
        if isinstance(hook.target, Subscription) and bad > self._knobs.disable_after:
            hook.target.disabled = True
            counts["hooks_disabled"] += 1
        elif isinstance(hook.target, Trigger) and bad > _SUSPEND_AFTER and wait is not None:
            wait += _SUSPEND_S
        if wait is None:
            counts["hooks_given_up"] += 1
        else:
            self.put(hook, delay_s=wait * self._knobs.time_scale)

    def _note_bad(self, target: Subscription | Trigger) -> int:
        documented_s = (
            self._knobs.disable_window_s if isinstance(target, Subscription) else _SUSPEND_S
        )
        now = self._clock.monotonic()
        times = self._bad.setdefault(target.key, deque(maxlen=1_000_001))
        times.append(now)
        while times[0] < now - documented_s * self._knobs.time_scale:
            times.popleft()
        return len(times)

    def forgive(self, target: Subscription) -> None:
        """Switch a webhook on again with a clean record, as Save in the settings does."""
        target.disabled = False
        self._bad.pop(target.key, None)
