"""Rows for spreadsheets (S31)."""

import csv
import io
from decimal import Decimal

import pytest

from services.shared.spreadsheet import as_csv

FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    " =1",
    '=HYPERLINK("https://evil.example","x")',
    "\uff1d1+1",
]


def read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("text", FORMULAS)
def test_S31_a_text_that_begins_like_a_formula_is_marked_as_text(text: str) -> None:
    rows = read(as_csv(["note", text], [[text, 1]]))

    assert rows == [["note", f"'{text}"], [f"'{text}", "1"]]


def test_S31_other_texts_and_numbers_stay_as_they_are() -> None:
    rows = [
        ["a=b", 'says "no", and; goes', None, -7, Decimal("-0.500")],
        ["two\nlines", "", 0, 1, Decimal("0E-9")],
    ]

    assert read(as_csv(["a", "b", "c", "d", "e"], rows)) == [
        ["a", "b", "c", "d", "e"],
        ["a=b", 'says "no", and; goes', "", "-7", "-0.500"],
        ["two\nlines", "", "0", "1", "0.000000000"],
    ]
