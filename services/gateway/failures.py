"""How long an account is left alone after failures in a row: briefly at first, then for longer.

Most failures are over in a moment: a 429, a slow answer, a database that has just started. What
waits the longest pause for them comes a minute late each time, and the first leads of a new
account with it. What fails again and again is tried at that pause.
"""

from dataclasses import dataclass, field

# The first pause is so small a part of the longest.
FIRST_PART = 16


@dataclass(frozen=True, slots=True)
class Failures:
    """Failures in a row, by account.

    Attributes:
        pause_max_s: The longest pause; the first is a sixteenth, each other twice the one before.
    """

    pause_max_s: float
    _counts: dict[int, int] = field(default_factory=dict)

    def pause_s(self, account_id: int) -> float:
        """The pause after one more."""
        count = self._counts.get(account_id, 0)
        pause_s: float = self.pause_max_s / FIRST_PART * 2**count
        if pause_s >= self.pause_max_s:
            return self.pause_max_s
        self._counts[account_id] = count + 1
        return pause_s

    def over(self, account_id: int) -> None:
        """It went well."""
        self._counts.pop(account_id, None)
