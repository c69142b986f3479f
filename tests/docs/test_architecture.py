"""The architecture page finds every rule and every folder, and says the truth about them."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import CODE, DOCS, ROOT, is_there, rows_of

TEXT = (DOCS / "architecture.md").read_text()
BEHAVIOUR = (DOCS / "distribution.md").read_text()
RULES = {
    row[0]: row for row in rows_of(TEXT) if len(row) == 4 and re.fullmatch(r"D\d+\.\d+", row[0])
}

FOLDERS = [row for row in rows_of(TEXT) if row[0].startswith("`") and len(row) == 3]


def test_every_row_of_the_behaviour_is_in_the_table_in_order() -> None:
    rows = re.findall(r"^- (D\d+\.\d+) ", BEHAVIOUR, re.MULTILINE)

    assert list(RULES) == rows


@pytest.mark.parametrize("row", RULES)
def test_a_row_names_modules_that_exist_and_tests_that_prove_it(row: str) -> None:
    _, rule, modules, tests = RULES[row]
    decided, proved = CODE.findall(modules), CODE.findall(tests)

    assert rule
    assert decided
    assert proved
    assert [path for path in decided + proved if not is_there(path)] == []
    name = re.compile(rf"def test_(?:\w+_)?{row.replace('.', '_')}_")
    assert [path for path in proved if not name.search((ROOT / path).read_text())] == []


def test_every_package_has_its_line_in_the_house() -> None:
    listed = [CODE.findall(row[0])[0] for row in FOLDERS]
    packages = {
        f"{file.parent.relative_to(ROOT)}/"
        for top in ("contracts", "domain", "projections", "services")
        for file in (ROOT / top).rglob("*.py")
    } - {"services/"}

    assert packages - set(listed) == set()
    assert [path for path in listed if not is_there(path)] == []


def test_a_folder_tells_the_chapters_of_which_it_decides_rows() -> None:
    decided: dict[str, set[str]] = {CODE.findall(row[0])[0]: set() for row in FOLDERS}
    for row, _, modules, _ in RULES.values():
        for module in CODE.findall(modules):
            decided[f"{Path(module).parent}/"].add(row.partition(".")[0])
    told = {
        CODE.findall(folder)[0]: set(chapters.split(", ")) - {""} for folder, _, chapters in FOLDERS
    }

    assert told == decided
