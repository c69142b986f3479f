"""How often somebody may ask (A7.1), and the headers that say so.

`RateLimit-Policy` and `RateLimit` are still a draft of the IETF ("RateLimit header fields", 10):
nowhere else are they written. The count is of this process.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from services.web.limits import RateLimit
from services.web.problems import FieldError, HttpProblem


@dataclass(frozen=True, slots=True, kw_only=True)
class RateState:
    """What is left of a limit.

    Attributes:
        remaining: That may be asked at once.
        full_in_s: Seconds until it is whole again.
        wait_s: Seconds to wait for the next one; 0 if this one was within the limit.
    """

    limit: RateLimit
    remaining: int
    full_in_s: float
    wait_s: float

    @property
    def told(self) -> str:
        """As a header tells it."""
        return f'"{self.limit.name}";r={self.remaining};t={ceil(self.full_in_s)}'


class Rates:
    """Who has asked how often lately; of so many, the one that asked least lately is forgotten.

    For each there is the instant at which its limit is whole again (the generic cell rate
    algorithm), so that it is one number.
    """

    def __init__(self, *, kept_max: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._kept_max = kept_max
        self._monotonic = monotonic
        self._whole_at: OrderedDict[tuple[str, str], float] = OrderedDict()

    def take(self, limit: RateLimit, who: str) -> RateState:
        """Count one, if it is within the limit."""
        taken, key, now = self.look(limit, who), (limit.name, who), self._monotonic()
        if taken.wait_s:
            self._whole_at.move_to_end(key)  # or asking on would have it forgotten
            return taken
        whole_at = max(self._whole_at.get(key, now), now) + 1 / limit.per_s
        self._whole_at[key] = whole_at
        self._whole_at.move_to_end(key)
        if len(self._whole_at) > self._kept_max:
            self._whole_at.popitem(last=False)
        return self._state(limit, whole_at - now, wait_s=0.0)

    def look(self, limit: RateLimit, who: str) -> RateState:
        """The same, without counting."""
        now = self._monotonic()
        full_in_s = max(self._whole_at.get((limit.name, who), now) - now, 0.0)
        wait_s = max(full_in_s + 1 / limit.per_s - limit.burst / limit.per_s, 0.0)
        # A rounding is no reason to wait.
        return self._state(limit, full_in_s, wait_s=wait_s if wait_s > 1e-6 else 0.0)  # noqa: PLR2004

    @property
    def kept(self) -> int:
        """How many are remembered."""
        return len(self._whole_at)

    def _state(self, limit: RateLimit, full_in_s: float, *, wait_s: float) -> RateState:
        remaining = int(limit.burst - full_in_s * limit.per_s + 1e-6)
        return RateState(
            limit=limit, remaining=max(remaining, 0), full_in_s=full_in_s, wait_s=wait_s
        )


def headers_of(taken: Sequence[RateState]) -> Mapping[str, str]:
    """What tells programs how far they may go."""
    return {
        "ratelimit-policy": ", ".join(each.limit.policy for each in taken),
        "ratelimit": ", ".join(each.told for each in taken),
    }


def refuse(taken: RateState) -> HttpProblem:
    """How it is said that it was too often; the limit is named."""
    limit, wait_s = taken.limit, ceil(taken.wait_s)
    detail = f"At most {limit.per_s} {limit.name} a second, {limit.burst} at once."
    return HttpProblem(
        "rate-limited",
        f"{detail} Ask again in {wait_s} s.",
        errors=[FieldError(pointer="", code=limit.name, detail=detail)],
        headers={"Retry-After": str(wait_s)},
    )
