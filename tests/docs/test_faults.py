"""Where each promise, fault and control is proven is told as it is (`docs/faults.md`, 12)."""

import re
from collections.abc import Mapping
from functools import cache

from tests.docs.pages import CODE, DOCS, ROOT, rows_of

TEXT = (DOCS / "faults.md").read_text()
TABLE: Mapping[str, tuple[list[str], str]] = {
    row[0].strip("*"): (CODE.findall(row[1]), row[2])
    for row in rows_of(TEXT.partition("\n## 12. ")[2])
    if row[0].startswith("**")
}
NAME = re.compile(r"(?<=_)([FIS]\d+)(?=_|$)")
TEST = re.compile(r"^\s*(?:async )?def (test_\w+)", re.MULTILINE)


@cache
def proven() -> Mapping[str, frozenset[str]]:
    """Row to the files with a test of that name."""
    found: dict[str, set[str]] = {}
    for path in (ROOT / "tests").rglob("*.py"):
        for name in TEST.findall(path.read_text()):
            for row in NAME.findall(name):
                found.setdefault(row, set()).add(str(path.relative_to(ROOT)))
    return {row: frozenset(files) for row, files in found.items()}


def test_every_row_has_its_line_in_order() -> None:
    rows = re.findall(r"^\| ([FIS]\d+) ", TEXT, re.MULTILINE)

    assert rows
    assert sorted(TABLE, key=rows.index) == [*TABLE]
    assert set(TABLE) == set(rows)


def test_what_proves_a_row_has_a_test_of_its_name() -> None:
    wrong = {row: {*files} - proven().get(row, set()) for row, (files, _) in TABLE.items()}

    assert {row: files for row, files in wrong.items() if files} == {}


def test_what_is_proven_is_told_and_what_is_not_is_said_to_be_missing() -> None:
    untold = [row for row, (files, _) in TABLE.items() if not files and row in proven()]
    silent = [row for row, (files, missing) in TABLE.items() if not files and not missing]

    assert untold == []
    assert silent == []
