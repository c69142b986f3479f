"""How much one account may send (S4): token buckets for bodies, their bytes and their items.

A flood from one account must not starve the others, but a refusal makes Kommo repeat and finally
switch the hook off. So there is a burst that nobody remarks, then a reserve that is kept and
reported, and a refusal only after that. What a body holds is known when it has been read: it is
counted then, and a bucket that it overdraws has to fill again before the next one.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum


class SendingPace(Enum):
    """How fast an account sends."""

    NORMAL = "normal"
    HASTY = "hasty"
    EXHAUSTED = "exhausted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """Of one kind of thing.

    Attributes:
        per_s: For ever.
        burst: At once above that, unremarked.
        reserve: Beyond the burst: kept and reported.
    """

    per_s: float
    burst: int
    reserve: int

    @property
    def capacity(self) -> int:
        """The most that may come at once."""
        return self.burst + self.reserve


class _Bucket:
    """Of one account and kind."""

    __slots__ = ("_filled_at", "_quota", "tokens")

    def __init__(self, quota: Quota, now: float) -> None:
        self._quota = quota
        self._filled_at = now
        self.tokens = float(quota.capacity)

    @property
    def is_hasty(self) -> bool:
        """Whether the burst is used up."""
        return self.tokens < self._quota.reserve

    def fill(self, now: float) -> None:
        """Add what came in meanwhile."""
        filled = self.tokens + (now - self._filled_at) * self._quota.per_s
        self.tokens = min(filled, self._quota.capacity)
        self._filled_at = now


class _Account:
    """The buckets of one account."""

    __slots__ = ("bodies", "items", "size", "was_hasty")

    def __init__(self, bodies: _Bucket, size: _Bucket, items: _Bucket) -> None:
        self.bodies = bodies
        self.size = size
        self.items = items
        self.was_hasty = False


class Quotas:
    """Buckets for each account that was heard of; accounts are few and known, so bounded."""

    def __init__(
        self,
        *,
        bodies: Quota,
        size: Quota,
        items: Quota,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._quotas = (bodies, size, items)
        self._monotonic = monotonic
        self._accounts: dict[int, _Account] = {}

    def take(self, account_id: int) -> tuple[SendingPace, bool]:
        """Count one webhook; tells its pace, and whether the account's pace just worsened."""
        now = self._monotonic()
        account = self._of(account_id, now)
        bodies, size, items = account.bodies, account.size, account.items
        for bucket in (bodies, size, items):
            bucket.fill(now)
        if bodies.tokens < 1 or size.tokens < 1 or items.tokens < 1:
            return SendingPace.EXHAUSTED, False
        bodies.tokens -= 1
        is_hasty = bodies.is_hasty or size.is_hasty or items.is_hasty
        worsened = is_hasty and not account.was_hasty
        account.was_hasty = is_hasty
        return (SendingPace.HASTY if is_hasty else SendingPace.NORMAL), worsened

    def count(self, account_id: int, *, size: int, items: int) -> None:
        """Count what a webhook held, after it was taken."""
        account = self._accounts[account_id]
        account.size.tokens -= size
        account.items.tokens -= items

    def _of(self, account_id: int, now: float) -> _Account:
        account = self._accounts.get(account_id)
        if account is None:
            buckets = (_Bucket(quota, now) for quota in self._quotas)
            account = self._accounts[account_id] = _Account(*buckets)
        return account
