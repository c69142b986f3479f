"""How much one account may send (S4): a token bucket with a reserve.

A flood from one account must not starve the others, but a refusal makes Kommo repeat and finally
switch the hook off. So there is a burst that nobody remarks, then a quota that is kept and
reported, and a refusal only after that.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum


class Pace(Enum):
    """How fast an account sends."""

    NORMAL = "normal"
    HASTY = "hasty"
    EXHAUSTED = "exhausted"


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at: float
    was_hasty: bool = False


class Quotas:
    """One bucket for each account that was heard of; accounts are few and known, so bounded."""

    def __init__(
        self,
        *,
        rate_per_s: float,
        burst: int,
        quota: int,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rate_per_s = rate_per_s
        self._quota = quota
        self._capacity = float(burst + quota)
        self._monotonic = monotonic
        self._buckets: dict[int, _Bucket] = {}

    def take(self, account_id: int) -> tuple[Pace, bool]:
        """Count one webhook; tells its pace, and whether the account's pace just worsened."""
        now = self._monotonic()
        bucket = self._buckets.setdefault(account_id, _Bucket(self._capacity, now))
        filled = bucket.tokens + (now - bucket.filled_at) * self._rate_per_s
        bucket.tokens, bucket.filled_at = min(self._capacity, filled), now
        if bucket.tokens < 1:
            return Pace.EXHAUSTED, False
        bucket.tokens -= 1
        is_hasty = bucket.tokens < self._quota
        worsened = is_hasty and not bucket.was_hasty
        bucket.was_hasty = is_hasty
        return (Pace.HASTY if is_hasty else Pace.NORMAL), worsened
