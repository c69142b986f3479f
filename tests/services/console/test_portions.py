"""A part of rows that are too many for one page (W3.3, W8)."""

import pytest

from services.console.portions import Portion, portion

ROWS = tuple(range(120))


def test_W3_3_as_many_as_fit_are_all_shown() -> None:
    assert portion(ROWS[:50], 7, address=str) == (ROWS[:50], None)
    assert portion((), 0, address=str) == ((), None)


@pytest.mark.parametrize(
    ("first", "rows", "before", "after"),
    [
        (0, (0, 50), "", "50"),
        (50, (50, 100), "0", "100"),
        (70, (70, 120), "20", ""),
        (30, (30, 80), "0", "80"),
        (100, (100, 120), "50", ""),
        (9_999, (119, 120), "69", ""),
    ],
)
def test_W3_3_of_more_a_part_is_shown_and_where_the_others_are(
    first: int, rows: tuple[int, int], before: str, after: str
) -> None:
    start, end = rows

    assert portion(ROWS, first, address=str) == (
        ROWS[start:end],
        Portion(first=start + 1, last=end, total=120, before=before, after=after),
    )
