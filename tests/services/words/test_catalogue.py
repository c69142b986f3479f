"""Everything that the code can say is in the catalogue, and every language says all of it."""

import re
from datetime import UTC, datetime
from functools import cache
from gettext import c2py
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.catalog import Message as Entry

from contracts.events import LEAD, RefusalCode
from contracts.sentences import Argument, Sentence
from contracts.stage import Stage
from services.application.refused import Code
from services.words.catalogue import LOCALE, Words
from services.words.kinds import KINDS
from services.words.languages import DECIMAL_MARKS, ENGLISH, LISTED
from services.words.reading import read
from services.words.source import Said, Unreadable, everything_said, members, said_in
from services.words.template import Part, parts
from services.words.update import catalogue, english, text_of, translated

AT = datetime(2026, 10, 12, 12, 0, 20, tzinfo=UTC)
FILES = sorted(LOCALE.glob("*.po"))
LANGUAGES = [path.stem for path in FILES]
each_language = pytest.mark.parametrize("language", LANGUAGES)


@pytest.fixture(scope="module")
def said() -> list[Said]:
    return list(everything_said())


def forms(entry: Entry) -> list[str]:
    return list(entry.string) if isinstance(entry.string, tuple | list) else [entry.string or ""]


def spoken(catalog: Catalog) -> dict[str, Entry]:
    return {
        entry.id if isinstance(entry.id, str) else entry.id[0]: entry
        for entry in catalog
        if entry.id
    }


def test_the_catalogue_has_what_the_code_says_and_nothing_else(said: list[Said]) -> None:
    assert sorted(spoken(catalogue(ENGLISH))) == sorted({each.id for each in said})


def test_every_place_that_says_a_sentence_gives_the_arguments_it_has_in_english(
    said: list[Said],
) -> None:
    wanted = {
        id_: {part.argument for form in forms(entry) for part in parts(form) if part.argument}
        for id_, entry in spoken(catalogue(ENGLISH)).items()
    }
    wrong = [
        (each.where, each.id, sorted(each.arguments), sorted(wanted[each.id]))
        for each in said
        if each.arguments != wanted[each.id]
    ]

    assert wrong == []


@each_language
def test_every_listed_language_is_complete(language: str) -> None:
    entries = spoken(catalogue(language)).values()
    unsaid = [entry.id for entry in entries if entry.fuzzy or not all(forms(entry))]

    assert language in DECIMAL_MARKS
    assert language not in LISTED or unsaid == []


@each_language
def test_a_sentence_has_the_same_placeholders_in_every_language(language: str) -> None:
    source = spoken(catalogue(ENGLISH))
    wrong = []
    for id_, entry in spoken(catalogue(language)).items():
        wanted = {p for form in forms(source[id_]) for p in placeholders(form)}
        for number, form in enumerate(forms(entry)):
            found = set(placeholders(form))
            left_out = {part for part in wanted - found if part.argument == "count"}
            may_leave_out = len(forms(entry)) > 1 and _is_for_one_alone(language, number)
            if form and found | (left_out if may_leave_out else set()) != wanted:
                wrong.append((id_, form))

    assert wrong == []


def placeholders(form: str) -> list[Part]:
    return [Part("", part.argument, part.kind) for part in parts(form) if part.argument]


@cache
def _is_for_one_alone(language: str, form: int) -> bool:
    """Whether this form goes with one number, which it need not tell then: `one lead`."""
    form_of = read(LOCALE / f"{language}.po").plural
    return [n for n in [*range(200), 1_000_000] if form_of(n) == form] == [1]


@each_language
def test_every_placeholder_is_of_a_kind_that_can_be_put_into_words(language: str) -> None:
    found = {
        (id_, part.kind)
        for id_, entry in spoken(catalogue(language)).items()
        for form in forms(entry)
        for part in parts(form)
        if part.kind not in KINDS
    }

    assert found == set()


@each_language
def test_the_files_are_as_make_words_writes_them(language: str, said: list[Said]) -> None:
    source = english(catalogue(ENGLISH), said)
    there = catalogue(language)
    updated = source if language == ENGLISH else translated(there, source, language)

    assert (LOCALE / f"{language}.po").read_text(encoding="utf-8") == text_of(updated, language)


SAMPLES: dict[str, Argument] = {
    "": "x",
    "manager": 501,
    "person": "cli:zoe",
    "credit": -LEAD,
    "leads": LEAD,
    "instant": AT,
    "minute": AT,
    "weekday": AT,
    "duration": 61,
    "brief": 61,
    "thing": "contact",
    "rule": "vip",
    "stage": Stage(7_000_001, 61_000_003),
}


@each_language
@pytest.mark.parametrize("count", [0, 1, 2, 5, 21])
def test_every_sentence_can_be_said(language: str, count: int) -> None:
    words = Words(language=language)
    said = 0
    for id_, entry in spoken(catalogue(language)).items():
        kinds = {part.argument: part.kind for form in forms(entry) for part in placeholders(form)}
        arguments = {argument: SAMPLES[kind] for argument, kind in kinds.items()}
        if len(forms(entry)) > 1:
            arguments["count"] = count
        if all(forms(entry)):
            assert words.say(Sentence(id_, arguments))
            said += 1
    assert said > 0


def test_every_kind_has_a_sample() -> None:
    assert SAMPLES.keys() == KINDS.keys()


# Whoever reads it has no screen for it: it is done by whoever runs the installation.
AT_THE_MACHINE = {"console.connect.no_integrations"}


@each_language
def test_W3_4_in_the_console_people_are_told_where_to_click_not_what_to_type(language: str) -> None:
    commands = {
        id_
        for id_, entry in spoken(catalogue(language)).items()
        if id_.startswith(("accounts.", "console.", "lint."))
        and any(re.search(r"fairlead\s+[a-z]{3,}", form) for form in forms(entry))
    }

    assert commands - AT_THE_MACHINE == set()


def test_every_code_of_a_refusal_has_its_sentence_and_no_sentence_is_without_a_code() -> None:
    codes = {*members(RefusalCode), *members(Code)}
    said = {id_ for id_ in spoken(catalogue(ENGLISH)) if id_.startswith("refused.")}

    assert said == {f"refused.{code}" for code in codes}


@pytest.mark.parametrize(
    "source",
    [
        "sentence(name)",
        "sentence('a' + 'b')",
        "sentence(f'unheard.of.{reason}')",
        "sentence('a', 'b')",
        "sentence('a', **arguments)",
    ],
)
def test_a_sentence_nobody_could_find_is_refused(source: str) -> None:
    with pytest.raises(Unreadable):
        list(said_in(source, "domain/example.py"))


def test_what_the_source_says_is_found_with_its_arguments() -> None:
    found = list(said_in("x = [sentence('a.b', manager=1, at=now)]", "domain/example.py"))

    assert found == [Said("a.b", frozenset({"manager", "at"}), "domain/example.py:1")]


@each_language
def test_a_file_is_read_as_babel_reads_it(language: str) -> None:
    ours, theirs = read(LOCALE / f"{language}.po"), catalogue(language)
    said = {
        id_: tuple(forms(entry))
        for id_, entry in spoken(theirs).items()
        if not entry.fuzzy and all(forms(entry))
    }

    assert ours.forms == said
    form_of = c2py(theirs.plural_expr)
    assert [ours.plural(n) for n in range(200)] == [form_of(n) for n in range(200)]


def test_texts_of_several_lines_escapes_and_fuzzy_ones_are_read_as_babel_reads_them(
    tmp_path: Path,
) -> None:
    strange = Catalog("en")
    strange.add("a", 'a "quoted"\nline\twith \\ and ' + "word " * 40)
    strange.add(("b", "b"), ("one \u00e9", "{count} \U0001f600"))
    strange.add("c", "looked at later", flags=("fuzzy",))
    strange.add("d", "")
    (tmp_path / "en.po").write_text(text_of(strange, "en"), encoding="utf-8")

    said = read(tmp_path / "en.po").forms

    expected = catalogue("en", tmp_path)
    assert said == {"a": (expected.get("a").string,), "b": expected.get(("b", "b")).string}
    assert said["b"] == ("one \u00e9", "{count} \U0001f600")
