"""Lines about what a stranger may cause as often as they like: a few of them, with a count.

A flood must not fill the disk with lines about itself (S4). The first of a kind is written at
once; those that follow within a while are counted, and told by the next one.
"""

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

import structlog

log = structlog.get_logger(__name__)

EVERY_S = 10.0
# Kinds are few: reasons, and accounts. Should they not be, they are forgotten, not collected.
KINDS_MAX = 1_000


@dataclass(slots=True)
class _Kind:
    told_at: float
    untold: int = 0


@dataclass(slots=True)
class SparingLog:
    """Writes at most one line of a kind within `every_s`.

    Attributes:
        every_s: How long others of the kind are only counted.
    """

    every_s: float = EVERY_S
    monotonic: Callable[[], float] = time.monotonic
    _kinds: dict[Hashable, _Kind] = field(default_factory=dict)

    def info(self, event: str, **fields: Hashable) -> None:
        """Tell, or count."""
        self._tell(log.info, event, fields)

    def warning(self, event: str, **fields: Hashable) -> None:
        """Tell, or count."""
        self._tell(log.warning, event, fields)

    def error(self, event: str, **fields: Hashable) -> None:
        """Tell, or count."""
        self._tell(log.error, event, fields)

    def _tell(self, write: Callable[..., object], event: str, fields: dict[str, Hashable]) -> None:
        key = (event, *fields.values())
        now = self.monotonic()
        kind = self._kinds.get(key)
        if kind is not None and now - kind.told_at < self.every_s:
            kind.untold += 1
            return
        if len(self._kinds) >= KINDS_MAX:
            self._kinds.clear()
        self._kinds[key] = _Kind(now)
        more = {"not_told": kind.untold} if kind is not None and kind.untold else {}
        write(event, **fields, **more)
