"""One limiter for our source address: Kommo counts requests of an address, not of an account.

It hands out turns, evenly spaced, most urgent first. What counts is when a request starts, not
when it got its turn or its answer (F51): every start is noted in `services.kommo.starts`, and waits
if it would be one too many. A 429 or a block closes it for everybody; after the pause exactly
one request goes out as a probe, and its answer decides (F47, F48).
"""

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal

import structlog

from services.errors import Unavailable
from services.kommo.errors import AddressBlocked, Closed, Crowded, RateLimited
from services.kommo.starts import WINDOW_S, Lease, LeaseLost, OwnStarts, Starts
from services.kommo.timing import SystemTiming, Timing, wait_for

log = structlog.get_logger(__name__)

# A start that is one too many waits no longer than this; anything longer is a pause.
SHORT_WAIT_S = 2.0
# So old, a lease that was found in force may have been taken since: a process that hangs is not
# missed for longer than this before others take over.
LEASE_FRESH_S = 1.0


class Priority(IntEnum):
    """Who goes first; within a priority the earlier comes first."""

    PUSH = 0
    CHECK = 1
    LOOKUP = 2
    LINKED = 3
    SWEEP = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """The knobs of the limiter.

    Attributes:
        rate_per_s: Starts per second; Kommo allows 7 and punishes the 8th (section 5.1).
        burst: Starts that may come at once after a silence; 1 spaces all of them.
        waiting_max: Bound on calls that wait for a turn.
        pause_first_s: First pause after a 429 that names none; doubles up to `pause_max_s`.
        pause_stated_max_s: The longest stated pause that is believed.
        calm_s: So long without a 429, and pauses grow from `pause_first_s` again.
        blocked_probe_s: How often a blocked address tries again.
        fair_every: Each so many-th turn goes to the longest waiting call, whatever its
            priority, so that a stream of pushes cannot starve the sweep.
    """

    rate_per_s: float = 6.0
    burst: int = 1
    waiting_max: int = 1_000
    pause_first_s: float = 1.0
    pause_max_s: float = 300.0
    pause_stated_max_s: float = 3_600.0
    calm_s: float = 60.0
    blocked_probe_s: float = 300.0
    fair_every: int = 8


@dataclass(slots=True, eq=False)
class _Waiter:
    number: int
    nudge: asyncio.Event = field(default_factory=asyncio.Event)


class Turn:
    """The right to start one request, now or never."""

    def __init__(
        self, limiter: "Limiter", *, epoch: int, is_probe: bool, lease: Lease | None = None
    ) -> None:
        self._limiter = limiter
        self.epoch = epoch
        self.lease = lease
        self.is_probe = is_probe
        self.is_started = False
        self.is_settled = False

    async def start(self) -> None:
        """Call this immediately before the request leaves; it may wait for a moment.

        Raises:
            Closed: The address was closed since the turn was given; do not send.
            LeaseLost: Somebody else acts for the account now; do not send.
            services.errors.Unavailable: The start cannot be noted; do not send.
        """
        if self.is_started:
            raise RuntimeError("a turn is good for one request")
        await self._limiter._begin(self)  # noqa: SLF001 - a turn is a part of its limiter
        self.is_started = True

    def answered(self) -> None:
        """Kommo answered something that is not about our address."""
        self._limiter._on_answer(self)  # noqa: SLF001

    async def limited(self, retry_after_s: float | None) -> None:
        """Kommo answered 429, with the pause it asks for, if any."""
        self._limiter._on_limited(self, retry_after_s)  # noqa: SLF001
        await self._limiter._note_pause()  # noqa: SLF001

    async def blocked(self) -> None:
        """Kommo refuses our address."""
        self._limiter._on_blocked(self)  # noqa: SLF001
        await self._limiter._note_pause()  # noqa: SLF001


class Limiter:
    """Hands out turns; share one among all clients behind one source address."""

    def __init__(
        self,
        pace: Pace | None = None,
        timing: Timing | None = None,
        starts: Starts | None = None,
    ) -> None:
        self._pace = pace or Pace()
        self._timing = timing or SystemTiming()
        self._starts = starts
        self._own_starts = OwnStarts(self._timing)
        # One more than an even pace would bring, so that a late start can be made up for.
        self._most = int(self._pace.rate_per_s * WINDOW_S) + 1
        self._interval = 1.0 / self._pace.rate_per_s
        self._next_at = -math.inf  # when the next start is due at an even pace
        self._queues: dict[Priority, deque[_Waiter]] = {each: deque() for each in Priority}
        self._numbers = 0
        self._turns = 0
        self._state: Literal["open", "closed", "probing"] = "open"
        self._is_blocked = False
        self._closed_until = -math.inf
        self._opened_at = -math.inf
        self._pauses = 0
        self._epoch = 0  # how often it was closed; an answer from before a closing opens nothing

    @property
    def waiting(self) -> int:
        """How many calls wait for a turn."""
        return sum(len(queue) for queue in self._queues.values())

    @property
    def is_open(self) -> bool:
        """Whether calls start at the ordinary pace."""
        return self._state == "open"

    @property
    def is_blocked(self) -> bool:
        """Whether Kommo refuses our address altogether."""
        return self._is_blocked

    @property
    def closed_s(self) -> float:
        """For how many seconds from now no call starts; 0 when it may."""
        is_closed = self._state == "closed"
        return max(0.0, self._closed_until - self._timing.monotonic()) if is_closed else 0.0

    @asynccontextmanager
    async def turn(self, priority: Priority, lease: Lease | None = None) -> AsyncIterator[Turn]:
        """Wait for the right to start one request, under the lease if there is one.

        A turn that is left without `start` is given back and costs nothing.

        Raises:
            Crowded: `waiting_max` calls wait already.
        """
        turn = await self._wait(priority, lease)
        try:
            yield turn
        finally:
            self._leave(turn)

    async def _wait(self, priority: Priority, lease: Lease | None) -> Turn:
        if self.waiting >= self._pace.waiting_max:
            raise Crowded("too many calls wait for a turn")
        self._numbers += 1
        waiter = _Waiter(self._numbers)
        self._queues[priority].append(waiter)
        try:
            # Nothing is awaited between this test and the turn, so nobody can close in between.
            while (delay_s := self._delay_s(waiter)) > 0:
                if math.isinf(delay_s):
                    await waiter.nudge.wait()
                else:
                    await wait_for(waiter.nudge, delay_s, self._timing)
                waiter.nudge.clear()
            return self._give(lease)
        finally:
            self._queues[priority].remove(waiter)
            self._nudge()

    def _delay_s(self, waiter: _Waiter) -> float:
        """How long this one has to wait; infinite when somebody else must move first."""
        if self._state == "probing" or self._head() is not waiter:
            return math.inf
        now = self._timing.monotonic()
        paced_at = self._next_at - (self._pace.burst - 1) * self._interval
        return max(paced_at, self._closed_until if self._state == "closed" else paced_at) - now

    def _head(self) -> _Waiter | None:
        heads = [queue[0] for queue in self._queues.values() if queue]
        if not heads:
            return None
        is_fair_turn = self._turns % self._pace.fair_every == self._pace.fair_every - 1
        return min(heads, key=lambda each: each.number) if is_fair_turn else heads[0]

    def _nudge(self) -> None:
        head = self._head()
        if head is not None:
            head.nudge.set()

    def _give(self, lease: Lease | None) -> Turn:
        self._next_at = max(self._next_at, self._timing.monotonic()) + self._interval
        self._turns += 1
        is_probe = self._state == "closed"
        if is_probe:
            self._state = "probing"
        return Turn(self, epoch=self._epoch, is_probe=is_probe, lease=lease)

    async def _begin(self, turn: Turn) -> None:
        self._check(turn)
        # What all of us share first; our own last, since a slow database notes a start long
        # before it begins.
        asked_at = self._timing.monotonic()
        if self._starts is not None:
            asked_at = await self._note(turn, self._starts)
        await self._note(turn, self._own_starts)
        if turn.lease is not None and self._timing.monotonic() - asked_at > LEASE_FRESH_S:
            raise LeaseLost("it is too long ago that the lease was found in force")

    async def _note(self, turn: Turn, starts: Starts) -> float:
        """Wait until the start is noted there; when that was asked."""
        while True:
            asked_at = self._timing.monotonic()
            wait_s = await starts.take(self._most, turn.lease)
            if wait_s <= 0:
                return asked_at
            if wait_s > SHORT_WAIT_S:
                # A pause that another process, or we before a restart, were told to make.
                self._close(self._timing.monotonic() + wait_s)
                log.warning("address_pause_found", pause_s=wait_s)
            self._check(turn)
            await self._timing.sleep(wait_s)
            self._check(turn)

    async def _note_pause(self) -> None:
        seconds = self._closed_until - self._timing.monotonic()
        if self._starts is None or self._state != "closed" or seconds <= 0:
            return
        try:
            await self._starts.pause(seconds)
        except Unavailable:
            log.warning("pause_not_noted", pause_s=seconds)

    def _check(self, turn: Turn) -> None:
        if turn.epoch != self._epoch:
            raise AddressBlocked("blocked") if self._is_blocked else RateLimited("in a pause")

    def _leave(self, turn: Turn) -> None:
        if not turn.is_started:
            self._next_at -= self._interval
        if turn.is_probe and self._state == "probing" and turn.epoch == self._epoch:
            # No answer: nothing is known, so the next request is a probe as well.
            self._state = "closed"
        self._nudge()

    def _on_answer(self, turn: Turn) -> None:
        if not turn.is_probe or turn.epoch != self._epoch:
            return
        self._state = "open"
        self._is_blocked = False
        self._opened_at = self._timing.monotonic()
        log.info("address_opened", pauses=self._pauses)
        self._nudge()

    def _on_limited(self, turn: Turn, retry_after_s: float | None) -> None:
        now = self._timing.monotonic()
        stated_s = self._believed(retry_after_s)
        if turn.epoch != self._epoch:
            # Started before the present pause: it may lengthen it, but is no new offence.
            if self._state == "closed" and stated_s is not None:
                self._closed_until = max(self._closed_until, now + stated_s)
            return
        if not turn.is_probe and now - self._opened_at > self._pace.calm_s:
            self._pauses = 0
        growing_s = min(self._pace.pause_max_s, self._pace.pause_first_s * 2.0**self._pauses)
        # The exponent stays small: past this the pause is at its maximum anyway.
        self._pauses = min(self._pauses + 1, 32)
        pause_s = growing_s if stated_s is None else stated_s
        self._close(now + pause_s)
        log.warning("address_limited", pause_s=pause_s, is_stated=stated_s is not None)

    def _on_blocked(self, turn: Turn) -> None:
        until = self._timing.monotonic() + self._pace.blocked_probe_s
        if turn.epoch == self._epoch:
            self._close(until)
        elif self._state == "closed":
            self._closed_until = max(self._closed_until, until)
        else:
            return
        self._is_blocked = True
        log.error("address_blocked", probe_in_s=self._pace.blocked_probe_s)

    def _close(self, until: float) -> None:
        self._state = "closed"
        self._closed_until = until
        self._epoch += 1
        self._nudge()

    def _believed(self, stated_s: float | None) -> float | None:
        if stated_s is None or not math.isfinite(stated_s) or stated_s <= 0:
            return None
        return min(stated_s, self._pace.pause_stated_max_s)


__all__ = ["Closed", "Limiter", "Pace", "Priority", "Turn"]
