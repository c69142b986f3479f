"""A limit of how often."""

from dataclasses import dataclass
from math import ceil


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """So many a second for ever, and so many at once above that."""

    name: str
    per_s: int
    burst: int

    @property
    def window_s(self) -> int:
        """In how many seconds a used up limit is whole again."""
        return ceil(self.burst / self.per_s)

    @property
    def policy(self) -> str:
        """As a header tells it."""
        return f'"{self.name}";q={self.burst};w={self.window_s}'
