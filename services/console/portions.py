"""A part of rows that are too many for one page, and how to get to the others."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Query

SIZE = 50

Row = TypeVar("Row")
First = Annotated[int, Query(alias="first", ge=0, le=100_000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """Where the rows that are shown are among all.

    Attributes:
        first: Of the first one, from 1.
        before: The address of those before; empty where there are none.
        after: The same of those after.
    """

    first: int
    last: int
    total: int
    before: str
    after: str


def portion(
    rows: Sequence[Row], first: int, *, address: Callable[[int], str], size: int = SIZE
) -> tuple[Sequence[Row], Portion | None]:
    """Some of the rows; and where they are, unless they are all.

    Args:
        rows: All of them.
        first: The place of the first one that is wanted, from 0; beyond the last it is the last
            portion.
        address: Of the page that begins at a place.
        size: How many.
    """
    if len(rows) <= size:
        return rows, None
    first = min(first, len(rows) - 1)
    shown = rows[first : first + size]
    end = first + len(shown)
    return shown, Portion(
        first=first + 1,
        last=end,
        total=len(rows),
        before=address(max(0, first - size)) if first else "",
        after=address(end) if end < len(rows) else "",
    )
