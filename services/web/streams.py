"""How many streams somebody may have open, and what holds for each (A7, A8.2).

The count is of this process. A place is taken before the answer begins and given back when it has
ended, however it did.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from services.web.problems import HttpProblem

RETRY_AFTER_S = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamLimits:
    """What holds for every stream.

    Attributes:
        per_principal: Open at once.
        comment_s: How often one that has nothing to tell says that it lives, and where it is.
        rights_s: How often it is seen whether its reader still may.
        unread_max: Events that a reader may be behind who keeps up otherwise.
        behind_max: Events to catch up with at most; more is for pages.
        retry_ms: After how long a browser comes again.
    """

    per_principal: int = 5
    comment_s: float = 15.0
    rights_s: float = 60.0
    unread_max: int = 1_000
    behind_max: int = 100_000
    retry_ms: int = 3_000


class Streams:
    """The streams that are open in this process, by who has them."""

    def __init__(self, limits: StreamLimits | None = None) -> None:
        self.limits = limits or StreamLimits()
        self._open: Counter[str] = Counter()

    def count(self, principal_id: str) -> int:
        """How many somebody has open."""
        return self._open[principal_id]

    @contextmanager
    def place(self, principal_id: str) -> Iterator[None]:
        """A place for one more.

        Raises:
            HttpProblem: They have as many as they may.
        """
        most = self.limits.per_principal
        if self._open[principal_id] >= most:
            raise HttpProblem(
                "too-many-streams",
                f"{most} streams are open already. Close one, or share one among readers.",
                headers={"Retry-After": str(RETRY_AFTER_S)},
            )
        self._open[principal_id] += 1
        try:
            yield
        finally:
            self._open[principal_id] -= 1
            if not self._open[principal_id]:
                del self._open[principal_id]
