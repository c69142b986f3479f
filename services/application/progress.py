"""How whoever waits for something long is told how far it is."""

from collections.abc import Callable

# Told how much of how much is done; what it raises ends the work.
Progress = Callable[[int, int], None]


def untold(_done: int, _goal: int) -> None:
    """Nobody waits."""
