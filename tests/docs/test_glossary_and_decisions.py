"""The glossary has one meaning a word; the index of decisions has every decision."""

import re

from tests.docs.pages import CODE, DOCS, is_there, rows_of

GLOSSARY = rows_of((DOCS / "glossary.md").read_text())
DECISIONS = DOCS / "decisions"


def test_every_word_is_there_once_in_order_with_a_meaning_and_a_home() -> None:
    words = [row[0].strip("*") for row in GLOSSARY]

    assert words == sorted(set(words))
    for word, meaning, home in GLOSSARY:
        assert meaning, word
        assert CODE.findall(home), word
        assert [path for path in CODE.findall(home) if not is_there(path)] == []


def test_a_word_that_a_meaning_refers_to_is_in_the_glossary() -> None:
    words = {row[0].strip("*") for row in GLOSSARY}
    referred = {word for row in GLOSSARY for word in re.findall(r"(?<!\*)\*(\w+)\*(?!\*)", row[1])}

    assert referred - words == set()


def test_the_index_lists_every_decision_with_its_title_in_order() -> None:
    listed = [
        (number, *re.findall(r"\[(.*)\]\((.*)\)", title)[0])
        for number, title, _ in rows_of((DECISIONS / "README.md").read_text())
    ]
    files = sorted(DECISIONS.glob("[0-9]*.md"))

    assert listed == [
        (str(number), file.read_text().splitlines()[0].removeprefix(f"# {number}. "), file.name)
        for number, file in enumerate(files, start=1)
    ]
