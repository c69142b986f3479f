"""The receipt time: stamped once, never going back (F64)."""

from collections.abc import Callable
from datetime import UTC, datetime


class ReceiptClock:
    """A clock that stands still while the wall clock is set back."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._last = datetime.min.replace(tzinfo=UTC)

    def __call__(self) -> datetime:
        """The receipt time of what has just arrived, not before any earlier one."""
        self._last = max(self._last, self._now())
        return self._last
