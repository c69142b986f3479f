"""Rows as CSV that a spreadsheet reads as text and numbers, and never as formulas (S31)."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

# What a spreadsheet takes for the beginning of a formula, or passes over on its way to one.
STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", " ", "\uff1d", "\uff0b", "\uff0d", "\uff20")
Cell = str | int | Decimal | None


def as_csv(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """A line for each row below one of columns; texts are quoted, nothing is an empty cell."""
    lines = (",".join(map(_written, row)) for row in (columns, *rows))
    return "".join(f"{line}\n" for line in lines)


def _written(cell: Cell) -> str:
    """A text that could be more is marked as text, with an apostrophe; numbers are ours."""
    if cell is None:
        return ""
    if not isinstance(cell, str):
        return f"{cell:f}" if isinstance(cell, Decimal) else str(cell)
    text = f"'{cell}" if cell.startswith(STARTS) else cell
    return '"' + text.replace('"', '""') + '"'
