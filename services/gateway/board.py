"""What the pusher remembers of one account: hints, never the truth.

The truth is the work list, read when a batch is put together. The board knows what the list cannot
know: how far it was read, what was sent and is not settled yet, what is in doubt, what has to
wait. It holds no more than is under way or in doubt, however long the list is (I13).
"""

import asyncio
import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from projections.assignments import Assignment
from services.gateway.settings import PushSettings

Key = tuple[str, int, int | None]

NEVER = -math.inf
# Managers sent with an unknown outcome; the oldest are forgotten beyond so many.
_MAYBE_MAX = 10_000
# So often the age of what was heard of is noted while it counts as fresh.
_MARKS = 20
# While more wait, the next batch may be so many times as large.
_GROWTH = 4
# After a batch that was too large for Kommo, so many have to succeed before larger ones are tried.
_REGAIN_AFTER = 50


@dataclass(slots=True, eq=False)
class Push:
    """A decision on its way to Kommo.

    Attributes:
        sure_until: Until then it may be sent without another reading of the lead.
        tries: Requests that failed with it.
        next_at: Not before this.
    """

    wanted: Assignment
    sure_until: float
    tries: int = 0
    next_at: float = NEVER

    def is_doubtful(self, now: float) -> bool:
        """Whether the lead has to be read before it is sent (again)."""
        return now >= self.sure_until


@dataclass(frozen=True, slots=True)
class _Told:
    key: Key
    version: int
    at: float


@dataclass(slots=True, eq=False)
class Board:
    """The board of one account, for as long as the account is ours.

    Attributes:
        head: The newest decision that the list is known to hold, by its version.
        cursor: The decisions up to this one were taken from the list.
        past: Those up to this one may be old, or sent by another process: they are read first.
        is_drained: The list had no more than was taken from it.
        is_unsure: What we know of the leads may be old: each is read before it is sent.
        again: By lead, what was taken from the list and has to go out (again).
        told: By lead, what was answered and is not known to be settled.
        maybe: By lead, the manager who was sent with an unknown outcome.
        flying: Leads that a request in flight is about.
        flights: Requests (or attempts to get a turn) under way.
        turns: How many batches were put together.
        choosing: One batch at a time is put together.
        failures: Failed requests in a row; 0 after a success.
        rejected: Leads that Kommo refused since it took any.
        next_at: No request of this account before this.
        passed_at: When the list was last begun from its start.
        reviewed_at: When it was last looked for what is settled.
        batch: Leads per request now.
        batch_cap: The most that Kommo has coped with lately.
        regained: How many requests have succeeded since the cap was lowered.
    """

    account_id: int
    settings: PushSettings
    past: int = 0
    head: int = 0
    cursor: int = 0
    is_drained: bool = True
    is_unsure: bool = False
    again: dict[int, Push] = field(default_factory=dict)
    told: dict[int, _Told] = field(default_factory=dict)
    maybe: dict[int, int] = field(default_factory=dict)
    flying: set[int] = field(default_factory=set)
    flights: int = 0
    turns: int = 0
    failures: int = 0
    rejected: set[int] = field(default_factory=set)
    next_at: float = NEVER
    passed_at: float = NEVER
    reviewed_at: float = NEVER
    stopped_status: int | None = None
    batch: int = field(init=False)
    batch_cap: int = field(init=False)
    regained: int = 0
    choosing: asyncio.Lock = field(default_factory=asyncio.Lock)
    _heard: deque[tuple[float, int]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.batch = self.settings.batch_size
        self.batch_cap = self.batch_max

    @property
    def batch_max(self) -> int:
        """The most leads that a request may carry."""
        return max(self.settings.batch_size, self.settings.batch_size_max)

    def hear(self, head: int, now: float) -> None:
        """Note how far the list reaches; what was heard of long ago counts as old (F64)."""
        heard, fresh_s = self._heard, self.settings.fresh_s
        if head > self.head:
            self.head = head
            is_crowded = heard and now - heard[-1][0] < fresh_s / _MARKS
            heard.append((heard.pop()[0] if is_crowded else now, head))
        while heard and now - heard[0][0] > fresh_s:
            self.past = max(self.past, heard.popleft()[1])
        if self.is_drained and now - self.passed_at > self.settings.settle_s:
            # Little is left there, and whatever slipped through is found.
            self.cursor, self.passed_at = 0, now

    def next_work_at(self, now: float) -> float:
        """When a request would have something to carry; infinite if none would."""
        if len(self.told) >= self.settings.told_max:
            return math.inf
        due = min((push.next_at for push in self._idle()), default=math.inf)
        if self.cursor < self.head and len(self.again) < self.settings.rows_max:
            due = now
        return max(due, self.next_at)

    def due_again(self, now: float, limit: int) -> list[Push]:
        """What has to go out again, the oldest decision first."""
        due = [push for push in self._idle() if push.next_at <= now]
        due.sort(key=lambda push: (push.tries, push.wanted.decided_version))
        return due[: max(0, limit)]

    def adopt(
        self, found: Sequence[Assignment], *, limit: int, head: int, now: float, clock: datetime
    ) -> list[Push]:
        """Take the next decisions of the list that are not known yet.

        Args:
            found: What the list holds after the cursor.
            limit: How many were asked for.
            head: How far the list was known to reach before it was read.
            now: Monotonic.
            clock: The wall clock.
        """
        self.is_drained = len(found) < limit
        last = found[-1].decided_version if found else self.cursor
        self.cursor = max(last, head) if self.is_drained else last
        return [push for each in found if (push := self._push(each, now, clock)) is not None]

    def take(self, pushes: Iterable[Push], current: Iterable[Assignment]) -> list[Push]:
        """Keep what the list still wants, as it wants it now; forget the rest."""
        newest = {each.lead_id: each for each in current}
        kept: list[Push] = []
        for push in pushes:
            found = newest.get(push.wanted.lead_id)
            if found is None or found.state != "pending":
                self.again.pop(push.wanted.lead_id, None)
            elif _decision(found) != _decision(push.wanted) and found.decided_version > self.cursor:
                # The list will give it out by itself, as new as it is.
                self.again.pop(push.wanted.lead_id, None)
            else:
                push.wanted = found
                kept.append(push)
        return kept

    def keep(self, push: Push) -> None:
        """Remember what has to go out again, unless a newer decision is there already."""
        known = self.again.get(push.wanted.lead_id)
        if known is None or known.wanted.decided_version <= push.wanted.decided_version:
            self.again[push.wanted.lead_id] = push

    def tell(self, push: Push, now: float) -> None:
        """Its result is in the inbound log; silence until it is settled there."""
        wanted = push.wanted
        self.told[wanted.lead_id] = _Told(key_of(wanted), wanted.decided_version, now)
        known = self.again.get(wanted.lead_id)
        if known is not None and _decision(known.wanted) == _decision(wanted):
            del self.again[wanted.lead_id]
        self.maybe.pop(wanted.lead_id, None)

    def doubt(self, push: Push) -> None:
        """It was sent, and nobody knows what came of it."""
        push.sure_until = NEVER
        self.maybe.pop(push.wanted.lead_id, None)
        self.maybe[push.wanted.lead_id] = push.wanted.manager_id
        if len(self.maybe) > _MAYBE_MAX:
            del self.maybe[next(iter(self.maybe))]

    def to_review(self, limit: int) -> list[int]:
        """Leads whose result may be settled by now, the longest told first."""
        return [lead_id for lead_id, _ in zip(self.told, range(limit), strict=False)]

    def review(self, lead_ids: Sequence[int], current: Iterable[Assignment], now: float) -> None:
        """Forget what is settled; what nobody took notice of, or a new past, goes out again."""
        newest = {each.lead_id: each for each in current}
        unsettled = len(self.told)
        for lead_id in lead_ids:
            told = self.told.pop(lead_id, None)
            found = newest.get(lead_id)
            if told is None or found is None or found.state != "pending":
                continue
            if found.decided_version > told.version:
                continue  # the list gives it out by itself
            if key_of(found) == told.key and now - told.at < self.settings.settle_s:
                self.told[lead_id] = told
            elif lead_id not in self.flying:
                self.again.setdefault(lead_id, Push(found, NEVER))
        if not lead_ids or len(self.told) == unsettled or len(lead_ids) > len(self.told):
            self.reviewed_at = now  # all of them, or none is settled yet

    def succeeded(self) -> None:
        """A request was carried out: while more wait the next may be larger."""
        self.rejected.clear()
        self.regained += 1
        if self.regained >= _REGAIN_AFTER:
            self.batch_cap, self.regained = min(self.batch_max, self.batch_cap * 2), 0
        wanted = self.settings.batch_size if self.is_drained else self.batch * _GROWTH
        self.batch = min(wanted, self.batch_cap)

    def overtaxed(self, size: int) -> None:
        """A request of so many leads took Kommo too long."""
        self.batch_cap, self.regained = max(1, size // 2), 0
        self.batch = min(self.batch, self.batch_cap)

    def _idle(self) -> Iterable[Push]:
        return (push for lead_id, push in self.again.items() if lead_id not in self.flying)

    def _push(self, found: Assignment, now: float, clock: datetime) -> Push | None:
        lead_id, settings = found.lead_id, self.settings
        known = self.again.get(lead_id)
        if known is not None and _decision(known.wanted) == _decision(found):
            known.wanted = found
            return None
        told = self.told.get(lead_id)
        if told is not None and told.key == key_of(found) and now - told.at < settings.settle_s:
            return None
        # What was decided since may go out at once; what was told before, and not taken notice
        # of, may not: it was done perhaps.
        was_told = told is not None and told.key[:2] == _decision(found)
        age_s = (clock - found.decided_at) / timedelta(seconds=1)
        is_old = found.decided_version <= self.past or self.is_unsure or was_told or found.is_told
        sure_s = settings.fresh_s - max(0.0, age_s)
        push = Push(found, NEVER if is_old or sure_s <= 0 else now + sure_s)
        if lead_id in self.flying:
            self.keep(push)  # until what is under way for the lead has landed
            return None
        self.told.pop(lead_id, None)
        self.again.pop(lead_id, None)
        return push


def key_of(wanted: Assignment) -> Key:
    """What makes two rows the same decision; what was learnt of the past counts too."""
    return *_decision(wanted), wanted.responsible_before


def _decision(wanted: Assignment) -> tuple[str, int]:
    return wanted.request_id, wanted.attempt
