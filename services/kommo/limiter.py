"""One limiter for our source address: Kommo counts requests of an address, not of an account.

It hands out turns, evenly spaced, in the order of `services.kommo.queue`. What counts is when a
request starts, not when it got its turn or its answer (F51): every start is noted in
`services.kommo.starts`, and waits if it would be one too many. A 429 or a block closes it for
everybody; after the pause exactly one request goes out as a probe, whose answer decides (F47, F48).
"""

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

import structlog

from services.kommo.blocks import Blocks
from services.kommo.errors import AccountBlocked, AddressBlocked, Closed, Crowded, RateLimited
from services.kommo.queue import Priority, Queue, Waiter
from services.kommo.settings import LimiterSettings
from services.kommo.starts import (
    SHORT_WAIT_S,
    Asker,
    Lease,
    LeaseLost,
    OwnStarts,
    Starts,
    most_of,
)
from services.kommo.timing import SystemTiming, Timing
from services.shared.errors import Unavailable

log = structlog.get_logger(__name__)

# So old, a lease that was found in force may have been taken since: a process that hangs is not
# missed for longer than this before others take over.
LEASE_FRESH_S = 1.0


class CallTurn:
    """The right to start one request, now or never."""

    def __init__(  # what a limiter has to know of it again
        self,
        limiter: "Limiter",
        *,
        epoch: int,
        is_probe: bool,
        lease: Lease | None = None,
        caller: str = "",
        is_urgent: bool = True,
        number: int = 0,
    ) -> None:
        self._limiter = limiter
        self.epoch = epoch
        self.lease = lease
        self.caller = caller
        self.is_urgent = is_urgent
        self.number = number
        self.is_probe = is_probe
        self.is_started = False
        self.is_settled = False

    async def start(self) -> None:
        """Call this immediately before the request leaves; it may wait for a moment.

        Raises:
            Closed: The address was closed since the turn was given; do not send.
            LeaseLost: Somebody else acts for the account now; do not send.
            services.shared.errors.Unavailable: The start cannot be noted; do not send.
        """
        if self.is_started:
            raise RuntimeError("a turn is good for one request")
        await self._limiter._begin(self)  # noqa: SLF001 - a turn is a part of its limiter
        self.is_started = True

    def answered(self) -> None:
        """Kommo answered something that is not about our address."""
        self._limiter._on_answer(self)  # noqa: SLF001

    @property
    def probe_in_s(self) -> float:
        """After how long whoever is blocked may try again."""
        return self._limiter._settings.blocked_probe_s  # noqa: SLF001

    async def limited(self, retry_after_s: float | None) -> None:
        """Kommo answered 429, with the pause it asks for, if any."""
        self._limiter._on_limited(self, retry_after_s)  # noqa: SLF001
        await self._limiter._note_pause()  # noqa: SLF001

    async def blocked(self) -> bool:
        """Kommo refuses the call without a word; whether that is proven to be our address."""
        is_address = self._limiter._on_blocked(self)  # noqa: SLF001
        if self._limiter._blocks.is_proven:  # noqa: SLF001 - else others of us may be let in
            await self._limiter._note_pause()  # noqa: SLF001
        return is_address


class Limiter:
    """Hands out turns; share one among all clients behind one source address."""

    def __init__(
        self,
        settings: LimiterSettings | None = None,
        timing: Timing | None = None,
        starts: Starts | None = None,
    ) -> None:
        self._settings = settings or LimiterSettings()
        self._timing = timing or SystemTiming()
        self._starts = starts
        self._own_starts = OwnStarts(self._timing)
        self._most = most_of(self._settings.rate_per_s)
        self._interval = 1.0 / self._settings.rate_per_s
        self._next_at = -math.inf  # when the next start is due at an even pace
        self._queue = Queue(self._settings.waiting_calls_max)
        self._numbers = 0
        self._turns = 0
        self._state: Literal["open", "closed", "probing"] = "open"
        self._is_blocked = False
        self._closed_until = -math.inf
        self._opened_at = -math.inf
        self._pauses = 0
        self._epoch = 0  # how often it was closed; an answer from before a closing opens nothing
        self._blocks = Blocks()
        # Turns that are not urgent and wait until their start is noted, the oldest first, since
        # when; and when one of them became urgent last.
        self._yielding: dict[int, float] = {}
        self._yielded_at = -math.inf

    def join(self, caller: str) -> None:
        """There is one more who calls from our address."""
        self._blocks.join(caller)
        if self._is_blocked and not self._blocks.is_proven:
            # All there were are refused; nobody knows of this one.
            self._closed_until = self._timing.monotonic()
            self._nudge()

    def leave(self, caller: str) -> None:
        """It does no more."""
        self._blocks.leave(caller)
        self._queue.forget(caller)

    @property
    def waiting(self) -> int:
        """How many calls wait for a turn."""
        return len(self._queue)

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
    async def turn(
        self, priority: Priority, lease: Lease | None = None, caller: str = ""
    ) -> AsyncIterator[CallTurn]:
        """Wait for the right to start one request, under the lease if there is one.

        A turn that is left without `start` is given back and costs nothing.

        Args:
            priority: Place in the queue.
            lease: Under which the request has to begin.
            caller: Which of those who have joined it is.

        Raises:
            AccountBlocked: Kommo has lately refused this caller alone.
            Crowded: `waiting_calls_max` calls wait already, and nobody has more of them.
        """
        turn = await self._wait(priority, lease, caller)
        try:
            yield turn
        finally:
            self._leave(turn)

    async def _wait(self, priority: Priority, lease: Lease | None, caller: str) -> CallTurn:
        self._numbers += 1
        waiter = Waiter(self._numbers, caller, priority)
        self._queue.add(waiter)
        try:
            # Nothing is awaited between this test and the turn, so nobody can close in between.
            while (delay_s := self._delay_s(waiter)) > 0:
                self._refuse_blocked(caller)
                if math.isinf(delay_s):
                    await waiter.nudge.wait()
                else:
                    await self._timing.wait(waiter.nudge, delay_s)
                waiter.nudge.clear()
                if waiter.is_crowded_out:
                    raise Crowded("others wait for a turn, too")
            self._refuse_blocked(caller)
            return self._give(waiter, lease)
        finally:
            self._queue.remove(waiter)
            self._nudge()

    def _refuse_blocked(self, caller: str) -> None:
        """While all are refused everyone waits, and may be the probe."""
        until = self._blocks.until(caller) if not self._is_blocked else None
        left_s = 0.0 if until is None else until - self._timing.monotonic()
        if left_s > 0:
            raise AccountBlocked("a plain 403 lately", retry_in_s=left_s)

    def _delay_s(self, waiter: Waiter) -> float:
        """How long this one has to wait; infinite when somebody else must move first."""
        if self._state == "probing" or self._head() is not waiter:
            return math.inf
        now = self._timing.monotonic()
        paced_at = self._next_at - (self._settings.burst - 1) * self._interval
        return max(paced_at, self._closed_until if self._state == "closed" else paced_at) - now

    def _head(self) -> Waiter | None:
        if self._is_blocked:
            # The probe goes through the accounts in turn: it is not the same one's for ever.
            return self._queue.first(self._refused_at)
        return self._queue.longest() if self._is_fair_turn else self._queue.head()

    @property
    def _is_fair_turn(self) -> bool:
        return self._turns % self._settings.fair_every == self._settings.fair_every - 1

    def _refused_at(self, waiter: Waiter) -> tuple[float, int]:
        return self._blocks.until(waiter.caller) or -math.inf, waiter.number

    def _nudge(self) -> None:
        head = self._head()
        if head is not None:
            head.nudge.set()

    def _give(self, waiter: Waiter, lease: Lease | None) -> CallTurn:
        self._next_at = max(self._next_at, self._timing.monotonic()) + self._interval
        # Among processes, too, a fair turn is as good as an urgent one.
        is_urgent = waiter.priority.is_urgent or self._is_fair_turn
        self._turns += 1
        self._queue.served(waiter.caller, self._turns)
        is_probe = self._state == "closed"
        if is_probe:
            self._state = "probing"
        return CallTurn(
            self,
            epoch=self._epoch,
            is_probe=is_probe,
            lease=lease,
            caller=waiter.caller,
            is_urgent=is_urgent,
            number=self._turns,
        )

    async def _begin(self, turn: CallTurn) -> None:
        self._check(turn)
        # What all of us share first; our own last, since a slow database notes a start long
        # before it begins.
        asked_at = self._timing.monotonic()
        if self._starts is not None:
            asked_at = await self._note(turn, self._starts)
        await self._note(turn, self._own_starts)
        if turn.lease is not None and self._timing.monotonic() - asked_at > LEASE_FRESH_S:
            raise LeaseLost("it is too long ago that the lease was found in force")

    async def _note(self, turn: CallTurn, starts: Starts) -> float:
        """Wait until the start is noted there; when that was asked."""
        try:
            return await self._noted(turn, starts)
        finally:
            self._yielding.pop(turn.number, None)

    async def _noted(self, turn: CallTurn, starts: Starts) -> float:
        while True:
            asked_at = self._timing.monotonic()
            self._yield_no_longer(turn)
            wait_s = await starts.take(
                self._most, turn.lease, Asker(turn.caller, is_urgent=turn.is_urgent)
            )
            if wait_s <= 0:
                return asked_at
            if wait_s > SHORT_WAIT_S:
                # A pause that another process, or we before a restart, were told to make.
                self._close(self._timing.monotonic() + wait_s)
                log.warning("address_pause_found", pause_s=wait_s)
            self._check(turn)
            await self._timing.sleep(wait_s)
            self._check(turn)

    def _yield_no_longer(self, turn: CallTurn) -> None:
        """Make it urgent once as many turns have gone by as to the next fair one.

        Only the one that waits longest, or a crowd of them would be as good as what is urgent.
        The turns of other processes count as ours do: together they have the rate.
        """
        if turn.is_urgent:
            return
        now = self._timing.monotonic()
        since = self._yielding.setdefault(turn.number, now)
        is_oldest = next(iter(self._yielding)) == turn.number
        fair_at = max(since, self._yielded_at) + self._settings.fair_every * self._interval
        if is_oldest and now >= fair_at:
            self._yielded_at = now
            turn.is_urgent = True

    async def _note_pause(self) -> None:
        seconds = self._closed_until - self._timing.monotonic()
        if self._starts is None or self._state != "closed" or seconds <= 0:
            return
        try:
            await self._starts.pause(seconds)
        except Unavailable:
            log.warning("pause_not_noted", pause_s=seconds)

    def _check(self, turn: CallTurn) -> None:
        if turn.epoch != self._epoch:
            raise AddressBlocked("blocked") if self._is_blocked else RateLimited("in a pause")

    def _leave(self, turn: CallTurn) -> None:
        if not turn.is_started:
            self._next_at -= self._interval
        if turn.is_probe and self._state == "probing" and turn.epoch == self._epoch:
            # No answer: nothing is known, so the next request is a probe as well.
            self._state = "closed"
        self._nudge()

    def _on_answer(self, turn: CallTurn) -> None:
        self._blocks.answer(turn.caller, turn=turn.number)
        if not turn.is_probe or turn.epoch != self._epoch:
            return
        self._state = "open"
        self._opened_at = self._timing.monotonic()
        if self._is_blocked:
            self._is_blocked = False
            self._blocks.reopen(self._opened_at)
        log.info("address_opened", pauses=self._pauses)
        self._nudge()

    def _on_limited(self, turn: CallTurn, retry_after_s: float | None) -> None:
        now = self._timing.monotonic()
        stated_s = self._believed(retry_after_s)
        if turn.epoch != self._epoch:
            # Started before the present pause: it may lengthen it, but is no new offence.
            if self._state == "closed" and stated_s is not None:
                self._closed_until = max(self._closed_until, now + stated_s)
            return
        if not turn.is_probe and now - self._opened_at > self._settings.calm_s:
            self._pauses = 0
        growing_s = min(
            self._settings.pause_max_s, self._settings.pause_first_s * 2.0**self._pauses
        )
        # The exponent stays small: past this the pause is at its maximum anyway.
        self._pauses = min(self._pauses + 1, 32)
        pause_s = growing_s if stated_s is None else stated_s
        self._close(now + pause_s)
        log.warning("address_limited", pause_s=pause_s, is_stated=stated_s is not None)

    def _on_blocked(self, turn: CallTurn) -> bool:
        until = self._timing.monotonic() + self._settings.blocked_probe_s
        is_address = self._blocks.refuse(turn.caller, until=until, turns=self._turns)
        if not (is_address or self._is_blocked):
            log.error("account_blocked", probe_in_s=self._settings.blocked_probe_s)
            return False
        if turn.epoch == self._epoch:
            self._close(until)
        elif self._state == "closed":
            self._closed_until = max(self._closed_until, until)
        else:
            return True
        self._is_blocked = True
        log.error("address_blocked", probe_in_s=self._settings.blocked_probe_s)
        return True

    def _close(self, until: float) -> None:
        self._state = "closed"
        self._closed_until = until
        self._epoch += 1
        self._nudge()

    def _believed(self, stated_s: float | None) -> float | None:
        if stated_s is None or not math.isfinite(stated_s) or stated_s <= 0:
            return None
        return min(stated_s, self._settings.pause_stated_max_s)


__all__ = ["CallTurn", "Closed", "Limiter", "Priority"]
