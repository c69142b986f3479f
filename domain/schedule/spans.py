"""Time as [from, to) pairs of instants."""

from collections.abc import Iterable
from datetime import datetime


def merged(spans: Iterable[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """The same time in as few spans as possible, in order, without empty ones."""
    result: list[tuple[datetime, datetime]] = []
    for start, end in sorted(spans):
        if start >= end:
            continue
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(result[-1][1], end))
        else:
            result.append((start, end))
    return result


def without(
    spans: list[tuple[datetime, datetime]], taken: Iterable[tuple[datetime, datetime]]
) -> list[tuple[datetime, datetime]]:
    """What is left of merged spans when other time is taken out of them, in order."""
    for begin, end in taken:
        spans = [
            part
            for start, until in spans
            for part in ((start, min(until, begin)), (max(start, end), until))
            if part[0] < part[1]
        ]
    return spans
