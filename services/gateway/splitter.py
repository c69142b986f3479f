"""Finds the elements that make Kommo refuse a whole batch (F52).

One bad element among n costs at most log2(n) + 2 requests: the bad half is searched, and the
halves that were not looked at go out together at the end.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


async def isolate(
    suspects: Sequence[T],
    send: Callable[[Sequence[T]], Awaitable[R | None]],
    *,
    shares_verdict: Callable[[T, T, R], bool],
    searches_max: int = 8,
) -> list[tuple[T, R]]:
    """Send all that can be sent of a batch that was refused as a whole.

    Args:
        suspects: The refused batch.
        send: Sends a part; None when all of it took effect.
        shares_verdict: Whether the second would be refused for the reason the first was, so
            that a manager who left costs one search and not one per lead.
        searches_max: After so many the rest is left unsent, for another time: other accounts
            wait for turns, too.

    Returns:
        The bad ones, each with the refusal it got alone (or shares).
    """
    bad: list[tuple[T, R]] = []
    searches = 0
    group, rest = list(suspects), list[T]()
    while group and searches < searches_max:
        searches += 1
        while len(group) > 1:
            half = (len(group) + 1) // 2
            left, right = group[:half], group[half:]
            if await send(left) is None:
                group = right  # then the refusal was about these: no need to ask again
            else:
                group, rest = left, right + rest
        refusal = await send(group)
        if refusal is not None:
            found = group[0]
            alike = [each for each in rest if shares_verdict(found, each, refusal)]
            bad += [(each, refusal) for each in (found, *alike)]
            rest = [each for each in rest if each not in alike]
        group, rest = (rest if rest and await send(rest) is not None else []), []
    return bad
