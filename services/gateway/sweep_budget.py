"""How many requests sweeps of an account may take (F30): so many at once, and so many an hour.

What a full comparison would take beyond that it takes later, and goes on where it was.
"""

from dataclasses import dataclass, field

from services.kommo.timing import Timing

HOUR_S = 3_600.0


@dataclass(slots=True)
class _Left:
    requests: float
    at: float


@dataclass(slots=True)
class SweepBudget:
    """What each account has left."""

    per_hour: int
    at_once: int
    timing: Timing
    _left: dict[int, _Left] = field(default_factory=dict)

    def spend(self, account_id: int, requests: int) -> None:
        """So many were sent; more than there were left is made up for later."""
        self._filled(account_id).requests -= requests

    def wait_s(self, account_id: int) -> float:
        """After how long the account may send one; 0 if it may now."""
        lacking = 1.0 - self._filled(account_id).requests
        return max(0.0, lacking) * HOUR_S / self.per_hour

    def keep(self, account_ids: frozenset[int]) -> None:
        """Forget the others."""
        self._left = {each: left for each, left in self._left.items() if each in account_ids}

    def _filled(self, account_id: int) -> _Left:
        now = self.timing.monotonic()
        left = self._left.setdefault(account_id, _Left(float(self.at_once), now))
        since_s = now - left.at
        left.requests = min(float(self.at_once), left.requests + since_s * self.per_hour / HOUR_S)
        left.at = now
        return left
