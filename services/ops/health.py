"""Whether a process could do its work now, part by part, with the reason why not.

A part is what somebody can mend: a peer that is away, a role that has not begun. Whoever runs
the part registers a check; who asks gets all answers at once.
"""

import asyncio
from dataclasses import dataclass, field

import structlog

from services.shared.errors import Unavailable
from services.shared.health import Check
from services.shared.logs import masked
from services.shared.plain_text import printable

log = structlog.get_logger(__name__)

CHECK_WITHIN_S = 2.0
# However often somebody asks, the parts are looked at once in so long.
FRESH_S = 1.0
REASON_CHARACTERS_MAX = 500


@dataclass(frozen=True, slots=True)
class HealthPart:
    """What became of one check; no reason means ready."""

    name: str
    reason: str | None

    @property
    def is_ready(self) -> bool:
        """Whether it could work."""
        return self.reason is None


class Word:
    """A part's own word about itself, for what cannot be asked."""

    def __init__(self, reason: str = "starting") -> None:
        self._reason: str | None = reason

    def ready(self) -> None:
        """From now on it can work."""
        self._reason = None

    def not_ready(self, reason: str) -> None:
        """From now on it cannot."""
        self._reason = reason

    async def check(self) -> str | None:
        """The last word."""
        return self._reason


@dataclass(slots=True)
class Health:
    """The parts of one process."""

    _checks: dict[str, Check] = field(default_factory=dict)
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)
    _found: tuple[HealthPart, ...] = ()
    _look_again_at: float = 0.0

    def register(self, part: str, check: Check) -> None:
        """Ask `check` whenever somebody wants to know; a part of the same name is replaced.

        A check that takes longer than 2 s, or raises, is an answer as well: not ready.
        """
        self._checks[part] = check
        self._look_again_at = 0.0

    def word_of(self, part: str) -> Word:
        """Register a part that says itself how it is; not ready until it says so."""
        word = Word()
        self.register(part, word.check)
        return word

    async def look(self) -> tuple[HealthPart, ...]:
        """All parts by name as of now, or of a second ago; never empty."""
        async with self._looking:
            now = asyncio.get_running_loop().time()
            if now >= self._look_again_at:
                names = sorted(self._checks)
                reasons = await asyncio.gather(*(_asked(n, self._checks[n]) for n in names))
                self._found = tuple(map(HealthPart, names, reasons))
                self._look_again_at = asyncio.get_running_loop().time() + FRESH_S
        return self._found or (HealthPart("process", "nothing has begun yet"),)


async def _asked(part: str, check: Check) -> str | None:
    try:
        async with asyncio.timeout(CHECK_WITHIN_S):
            reason = await check()
    except TimeoutError:
        reason = f"no answer within {CHECK_WITHIN_S:.0f} s"
    except Unavailable as error:
        reason = str(error) or "unavailable"
    except Exception as error:
        log.exception("health_check_failed", part=part)
        reason = f"the check itself failed: {type(error).__name__}"
    if reason is None:
        return None
    return printable(masked(reason))[:REASON_CHARACTERS_MAX]
