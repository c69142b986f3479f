"""What happened, in order: for the digest of every seed, and in words for one that failed."""

from collections.abc import Callable
from hashlib import blake2b
from typing import Any

from tests.simulation.loop import running

SHOWN_CHARS_MAX = 300


class Trace:
    """Notes of a seed.

    Attributes:
        words: Takes each note at once, and the logs of the roles; None to keep only the notes.
    """

    def __init__(self, time: Callable[[], float], words: Callable[[str], None] | None) -> None:
        self._time = time
        self._hash = blake2b(digest_size=16)
        self.words = words

    def note(self, what: str, *details: Any) -> None:
        """Write down what the running process does."""
        line = f"{self._time():.6f} {running()} {what} {details!r}"
        self._hash.update(line.encode())
        if self.words is not None:
            self.words(_shortened(line))

    def remark(self, text: str) -> None:
        """Say something that is only for readers."""
        if self.words is not None:
            self.words(_shortened(f"{self._time():.6f}   {text}"))

    def digest(self) -> str:
        """Equal for equal histories."""
        return self._hash.hexdigest()


def _shortened(line: str) -> str:
    return line if len(line) <= SHOWN_CHARS_MAX else f"{line[:SHOWN_CHARS_MAX]} ..."
