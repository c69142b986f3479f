"""Whether a refusal without a word, a plain 403, is about one account or about our whole address.

It says neither. So it is taken for the account's own until others are refused, too: three in a row
without a good answer in between, or all there are here (F48). One account's page of 403 never stops
another's calls (I11), nor do the few accounts of one process stop those of another.
"""

from collections import Counter
from dataclasses import dataclass, field

# So many accounts that are refused anew, and none that is let in, are no coincidence.
PROOFS = 3


@dataclass(slots=True)
class Blocks:
    """What is known of the accounts behind our address; they are named by their own addresses.

    Attributes:
        refused: When each refused one may be called again, the longest refused first.
    """

    refused: dict[str, float] = field(default_factory=dict)
    _callers: Counter[str] = field(default_factory=Counter)
    _suspects: set[str] = field(default_factory=set)
    _since: int = 0

    @property
    def is_proven(self) -> bool:
        """Whether so many are refused that it is no coincidence."""
        return len(self._suspects) >= PROOFS

    def join(self, caller: str) -> None:
        """There is a client of this account."""
        self._callers[caller] += 1

    def leave(self, caller: str) -> None:
        """It is closed."""
        self._callers[caller] -= 1
        if self._callers[caller] <= 0:
            del self._callers[caller]
            self.refused.pop(caller, None)
            self._suspects.discard(caller)

    def until(self, caller: str) -> float | None:
        """When the account may be called again; None if it is not refused."""
        return self.refused.get(caller)

    def refuse(self, caller: str, *, until: float, turns: int) -> bool:
        """Note a refusal; whether it is proven that all of us are meant.

        Args:
            caller: Who was refused.
            until: When it may try again.
            turns: How many turns have been given so far.
        """
        # One that was refused before, while others were not, proves nothing by being refused again.
        if self.refused.pop(caller, None) is None:
            if not self._suspects:
                self._since = turns
            self._suspects.add(caller)
        self.refused[caller] = until
        return self.is_proven or self._callers.keys() <= self.refused.keys()

    def answer(self, caller: str, *, turn: int) -> None:
        """Note an answer: whoever began after the first refusal and was let in clears all of us."""
        self.refused.pop(caller, None)
        if turn > self._since:
            self._suspects.clear()

    def reopen(self, now: float) -> None:
        """All of us were refused, and are not any more: each may try at once."""
        self.refused = dict.fromkeys(self.refused, now)
        self._suspects.clear()
