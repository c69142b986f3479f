"""Work that can be done a piece at a time, so that a large body holds up nobody (F34, F70).

A generator that yields wherever others may have a turn, and returns the result.
"""

from collections.abc import Generator
from typing import TypeAlias, TypeVar

T = TypeVar("T")
Steps: TypeAlias = Generator[None, None, T]


def at_once(steps: Steps[T]) -> T:
    """Take all steps; for whoever has nobody to wait for."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
