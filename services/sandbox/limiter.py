"""Kommo's limit: so many requests per sliding second and source address, then worse."""

from collections import deque
from dataclasses import dataclass, field
from enum import Enum

from services.sandbox.knobs import Knobs


class LimitVerdict(Enum):
    """What the limiter says of a request."""

    ALLOWED = 200
    TOO_MANY = 429
    BLOCKED = 403


@dataclass(slots=True)
class _Caller:
    recent: deque[float] = field(default_factory=deque)
    refused: deque[float] = field(default_factory=deque)
    paused_until: float = 0.0
    blocked_until: float = 0.0


class RequestLimit:
    """Counts every request of an address, refused ones included."""

    def __init__(self, knobs: Knobs, *, sources_max: int = 10_000) -> None:
        self._knobs = knobs
        self._sources_max = sources_max
        self._sources: dict[str, _Caller] = {}

    def in_pause(self, address: str, now: float) -> bool:
        """Say whether the address has been told to wait and has not waited."""
        source = self._sources.get(address)
        return source is not None and now < source.paused_until

    def judge(self, address: str, now: float) -> LimitVerdict:
        """Count a request made `now`, in seconds of a monotonic clock, and judge it."""
        if address not in self._sources and len(self._sources) >= self._sources_max:
            self._sources.pop(next(iter(self._sources)))
        source = self._sources.setdefault(address, _Caller())
        _forget(source.recent, now - 1.0)
        source.recent.append(now)
        if now < source.blocked_until:
            return LimitVerdict.BLOCKED
        if not self._is_too_many(source, now):
            return LimitVerdict.ALLOWED
        return self._refuse(source, now)

    def _is_too_many(self, source: _Caller, now: float) -> bool:
        knobs = self._knobs
        if knobs.too_many_next:
            knobs.too_many_next -= 1
            return True
        if knobs.enforce_pause and now < source.paused_until:
            return True
        return len(source.recent) > knobs.requests_per_second

    def _refuse(self, source: _Caller, now: float) -> LimitVerdict:
        knobs = self._knobs
        source.paused_until = now + (knobs.retry_after_s or 0)
        _forget(source.refused, now - knobs.block_within_s)
        source.refused.append(now)
        if knobs.block_after and len(source.refused) > knobs.block_after:
            source.refused.clear()
            source.blocked_until = now + knobs.block_s
            return LimitVerdict.BLOCKED
        return LimitVerdict.TOO_MANY


def _forget(times: deque[float], before: float) -> None:
    while times and times[0] <= before:
        times.popleft()
