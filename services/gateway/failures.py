"""How long an account is left alone after failures in a row: briefly at first, then for longer.

Most failures are over in a moment: a 429, a slow answer, a database that has just started. What
waits the longest pause for them comes a minute late each time, and the first leads of a new
account with it. What fails again and again is tried at that pause.

So is an account whose work ended by an error that nobody expected: the others know nothing of it.
"""

from dataclasses import dataclass, field

from services.shared.lasting import tell_failed

# The first pause is so small a part of the longest.
FIRST_PART = 16


@dataclass(frozen=True, slots=True)
class Failures:
    """Failures in a row, by account.

    Attributes:
        pause_max_s: The longest pause; the first is a sixteenth, each other twice the one before.
        work: What the log calls it.
        is_strict: An error that nobody expected ends the work, where each one is to be found.
    """

    pause_max_s: float
    work: str = ""
    is_strict: bool = False
    _counts: dict[int, int] = field(default_factory=dict)
    _told: set[int] = field(default_factory=set)

    def pause_s(self, account_id: int) -> float:
        """The pause after one more."""
        count = self._counts.get(account_id, 0)
        pause_s: float = self.pause_max_s / FIRST_PART * 2**count
        if pause_s >= self.pause_max_s:
            return self.pause_max_s
        self._counts[account_id] = count + 1
        return pause_s

    def unexpected(self, account_id: int, error: Exception) -> float:
        """The pause after an error that nobody expected, which is logged.

        Raises:
            services.shared.errors.NeedsMending: Nobody but a person can help.
            Exception: The error itself, if it is to be found.
        """
        if self.is_strict:
            raise error
        tell_failed(self.work, account_id, error, is_first=account_id not in self._told)
        self._told.add(account_id)
        return self.pause_s(account_id)

    def over(self, account_id: int) -> None:
        """It went well."""
        self._counts.pop(account_id, None)
        self._told.discard(account_id)
