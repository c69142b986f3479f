"""Sentences for one reader: their language, their zone, the names they know."""

from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from babel.numbers import get_decimal_symbol
from jinja2 import Template

from contracts.events import LEAD
from contracts.sentences import Argument, sentence
from contracts.stage import Stage
from services.words.catalogue import Words
from services.words.languages import (
    DECIMAL_MARKS,
    LISTED,
    best_of,
    of_browser,
    of_environment,
)
from services.words.source import Said
from services.words.update import catalogue, update

AT = datetime(2026, 10, 12, 12, 0, 20, tzinfo=UTC)
ENGLISH = """
msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"

msgid "got"
msgid_plural "got"
msgstr[0] "{manager:manager} got one lead."
msgstr[1] "{manager:manager} got {count} leads."

msgid "tried"
msgstr "Offered to {who:manager}."

msgid "both"
msgstr "First: {first} Then: {then}"
"""
ONE = """
msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"

msgid "a"
msgstr "%s"
"""
SAID = [
    Said("got", frozenset({"manager", "count"}), "here:1"),
    Said("tried", frozenset({"who"}), "here:2"),
    Said("both", frozenset({"first", "then"}), "here:3"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "en.po").write_text(ENGLISH, encoding="utf-8")
    return tmp_path


def name(manager_id: int) -> str:
    return {501: "Ana", 502: "Boris"}[manager_id]


def test_a_sentence_has_names_and_numbers_in_it(folder: Path) -> None:
    words = Words(name=name, folder=folder)

    assert words.lines(
        [
            sentence("got", manager=501, count=1),
            sentence("got", manager=502, count=3),
            sentence("tried", who=(501, 502)),
        ]
    ) == ["Ana got one lead.", "Boris got 3 leads.", "Offered to Ana, Boris."]


def test_sentences_stand_in_sentences(folder: Path) -> None:
    words = Words(name=name, folder=folder)
    first, then = sentence("got", manager=501, count=1), sentence("tried", who=(502,))

    said = words.say(sentence("both", first=first, then=then))

    assert said == "First: Ana got one lead. Then: Offered to Boris."


def test_what_a_name_looks_like_changes_nothing(folder: Path) -> None:
    words = Words(name=lambda _: "{count} {manager.__class__}", folder=folder)

    said = words.say(sentence("got", manager=501, count=2))

    assert said == "{count} {manager.__class__} got 2 leads."


@pytest.mark.parametrize("unknown", [sentence("nothing"), sentence("tried", whom=501)])
def test_a_sentence_or_an_argument_that_is_missing_is_a_bug(folder: Path, unknown: object) -> None:
    with pytest.raises(KeyError):
        Words(folder=folder).say(unknown)


@pytest.mark.parametrize("template", ["{manager.name}", "{0}", "{x!r}", "{", "{}"])
def test_nothing_but_a_named_argument_stands_in_braces(tmp_path: Path, template: str) -> None:
    (tmp_path / "en.po").write_text(ONE % template, encoding="utf-8")

    with pytest.raises(ValueError, match=r"expected|expected '}'|Single"):
        Words(folder=tmp_path).say(sentence("a", manager=501, x=1))


@pytest.mark.parametrize(
    ("kind", "argument", "said"),
    [
        ("", 7, "7"),
        ("", "web form", "web form"),
        ("manager", 501, "Ana"),
        ("person", "501", "Ana"),
        ("person", "kommo:502", "Boris"),
        ("person", "cli:zoe", "cli:zoe"),
        ("person", "administrator zoe", "administrator zoe"),
        ("credit", LEAD // 2, "+0.500"),
        ("credit", -LEAD, "-1.000"),
        ("credit", -1, "+0.000"),
        ("leads", LEAD * 3 // 2, "1.500"),
        ("instant", AT, "2026-10-12 09:00:20 UTC-3"),
        ("instant", AT.isoformat(), "2026-10-12 09:00:20 UTC-3"),
        ("instant", AT.replace(tzinfo=ZoneInfo("Asia/Tokyo")), "2026-10-12 00:00:20 UTC-3"),
        ("minute", AT, "2026-10-12 09:00 UTC-3"),
        ("weekday", AT.astimezone(ZoneInfo("Europe/Madrid")), "Mon 14:00"),
        ("duration", 5_400, "1 hour 30 minutes"),
        ("duration", 61, "1 minute 1 second"),
        ("duration", 0, "0 minutes"),
        ("brief", 86_399, "23h 59m"),
        ("brief", 7_205, "2h"),
        ("brief", 62, "1m 2s"),
        ("brief", 0, "0s"),
        ("credit", (LEAD, -LEAD), "+1.000, -1.000"),
    ],
)
def test_every_kind_of_argument_is_put_into_words(
    tmp_path: Path, kind: str, argument: Argument, said: str
) -> None:
    (tmp_path / "en.po").write_text(ONE % f"{{x:{kind}}}", encoding="utf-8")
    words = Words(zone=ZoneInfo("America/Sao_Paulo"), name=name, folder=tmp_path)

    assert words.say(sentence("a", x=argument)) == said


@pytest.mark.parametrize(
    ("zone", "said"),
    [
        ("UTC", "2026-10-12 12:00:20 UTC"),
        ("Europe/Madrid", "2026-10-12 14:00:20 UTC+2"),
        ("Asia/Kolkata", "2026-10-12 17:30:20 UTC+5:30"),
        ("America/St_Johns", "2026-10-12 09:30:20 UTC-2:30"),
    ],
)
def test_an_instant_is_told_in_the_readers_zone_with_its_offset(
    tmp_path: Path, zone: str, said: str
) -> None:
    (tmp_path / "en.po").write_text(ONE % "{x:instant}", encoding="utf-8")

    assert Words(zone=ZoneInfo(zone), folder=tmp_path).say(sentence("a", x=AT)) == said


SALES = {
    "id": 7,
    "name": "Sales",
    "stages": [{"id": 61, "name": "New"}, {"id": 142, "name": "Won"}],
}
RENTS = {"id": 8, "name": "Rents", "stages": [{"id": 142, "name": "Won"}]}
KNOWN = {"users": [{"id": 501, "name": "Ana"}], "pipelines": [SALES, RENTS]}


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        (Stage(7, 61), "Sales / New"),
        (61, "Sales / New"),
        (Stage(8, 142), "Rents / Won"),
        (142, "142"),  # of both pipelines
        (Stage(9, 61), "61 of pipeline 9"),
        (62, "62"),
    ],
)
def test_W3_9_a_stage_is_told_by_name_and_an_unknown_one_by_its_ids(
    stage: Stage | int, said: str
) -> None:
    assert Words.of(KNOWN).say(sentence("kind.stage", stage=stage)) == f"in stage {said}"


def test_W3_9_whoever_did_something_is_told_by_name_if_it_is_known() -> None:
    words = Words.of(KNOWN).knowing(person={"person:7": "Zoe"}.get)

    told = words.lines(
        sentence("console.rules.principal", by=each) for each in ("person:7", "person:8", "501")
    )

    assert told == ["Zoe", "person:8", "Ana"]


def test_W3_9_a_rule_is_told_by_name_and_by_its_id_if_it_has_none() -> None:
    words = Words.of(KNOWN).knowing(rule={"w-3fa2": "VIP clients"}.get)
    words = words.knowing(person={"person:7": "Zoe"}.get)

    told = words.lines(sentence("cell.rule", rule=each) for each in ("w-3fa2", "gone"))

    assert told == ["VIP clients", "gone"]


def test_W3_9_on_a_page_an_instant_carries_utc_and_whatever_is_called_something_is_text() -> None:
    hostile = "<img src=x onerror=alert(1)>\"'&amp;"
    berlin = ZoneInfo("Europe/Berlin")
    words = Words(name=lambda _: hostile, rule=lambda _: hostile, zone=berlin)
    told = "2026-10-12 14:00:20 UTC+2"
    tag = (
        '<time datetime="2026-10-12T12:00:20.000+00:00" title="2026-10-12 12:00:20 UTC">'
        f"{told}</time>"
    )
    inner = sentence("explain.reserved", manager=501, rule="r", until=AT)
    kept = sentence("explain.at", at=AT, told=inner)

    assert hostile in words.say(kept)
    assert words.say(kept).count(told) == 2
    page = words.marked.say(kept)
    assert page.count(tag) == page.count("<") - page.count("</") == 2
    assert unescape(page.replace(tag, told)) == words.say(kept)
    assert Template("{{ it }}", autoescape=True).render(it=page) == page
    listed = sentence("explain.at", at=AT, told=(hostile, hostile))
    assert "<img" not in words.marked.say(listed)
    ordered = sentence("explain.at", at=AT, told=sentence("explain.ordered", by="p", request=1))
    assert "<img" not in words.knowing(person=lambda _: hostile).marked.say(ordered)


def test_a_translator_fills_in_a_file_and_the_language_is_spoken(folder: Path) -> None:
    update(folder, SAID, ["ru"])
    path = folder / "ru.po"
    empty = path.read_text(encoding="utf-8")
    assert "#. {manager:manager} got {count} leads.\n" in empty  # what there is to translate
    forms = ("{count} лид", "{count} лида", "{count} лидов")
    filled = empty
    for number, form in enumerate(forms):
        filled = filled.replace(
            f'msgstr[{number}] ""', f'msgstr[{number}] "{form}: {{manager:manager}}"'
        )
    path.write_text(filled, encoding="utf-8")
    words = Words(language="ru", name=name, folder=folder)

    said = words.lines(sentence("got", manager=501, count=n) for n in (1, 2, 5, 11, 21, 112))

    assert [line.partition(":")[0] for line in said] == [
        "1 лид",
        "2 лида",
        "5 лидов",
        "11 лидов",
        "21 лид",
        "112 лидов",
    ]


def test_english_that_changed_marks_its_translations_to_be_looked_at(folder: Path) -> None:
    update(folder, SAID, ["es"])
    path = folder / "es.po"
    filled = path.read_text(encoding="utf-8").replace(
        'msgid "tried"\nmsgstr ""', 'msgid "tried"\nmsgstr "Se ofreció a {who:manager}."'
    )
    path.write_text(filled, encoding="utf-8")
    update(folder, SAID, [])
    assert not catalogue("es", folder).get("tried").fuzzy  # nothing has changed

    changed = ENGLISH.replace("Offered to", "Shown to")
    (folder / "en.po").write_text(changed, encoding="utf-8")
    update(folder, SAID, [])

    entry = catalogue("es", folder).get("tried")
    assert (entry.fuzzy, entry.string) == (True, "Se ofreció a {who:manager}.")
    update(folder, SAID, [])
    assert catalogue("es", folder).get("tried").fuzzy  # until somebody has looked


def test_what_nobody_says_any_more_leaves_the_files_and_what_is_new_comes(folder: Path) -> None:
    update(folder, [SAID[1], Said("new", frozenset(), "here:4")], [])

    english = catalogue("en", folder)
    assert [(entry.id, entry.string) for entry in english if entry.id] == [
        ("new", ""),
        ("tried", "Offered to {who:manager}."),
    ]


@pytest.mark.parametrize(
    ("wanted", "language"),
    [
        ([], "en"),
        (["xx", "C"], "en"),
        (["en_US.UTF-8", "ru"], "en"),
        (["xx", "ru-RU"], "ru"),
        (["pt-BR"], "pt_BR"),
        (["pt_PT"], "pt_BR"),
        (["es-419", "en"], "es"),
    ],
)
def test_the_first_language_that_is_spoken_here_is_spoken_else_english(
    wanted: list[str], language: str
) -> None:
    assert best_of(wanted, ("en", "es", "pt_BR", "ru")) == language


def test_what_is_not_listed_is_not_spoken() -> None:
    assert best_of(["ru", "es"], ("en",)) == "en"


def test_numbers_are_written_as_the_language_writes_them(tmp_path: Path) -> None:
    for language in ("en", "ru"):
        (tmp_path / f"{language}.po").write_text(ONE % "{x:credit} {y:leads}", encoding="utf-8")
    lead_and_a_half = sentence("a", x=-LEAD * 3 // 2, y=LEAD * 3 // 2)

    said = [Words(language=each, folder=tmp_path).say(lead_and_a_half) for each in ("en", "ru")]

    assert said == ["-1.500 1.500", "-1,500 1,500"]


def test_a_terminal_says_its_language_by_the_first_variable_that_is_set() -> None:
    assert of_environment({"LC_ALL": "", "LANG": "en_GB.UTF-8"}) == "en"
    assert of_environment({}) == "en"


@pytest.mark.parametrize("language", LISTED)
def test_the_decimal_mark_of_a_language_is_the_one_that_babel_knows(language: str) -> None:
    assert DECIMAL_MARKS[language] == get_decimal_symbol(language)


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("ru-RU,ru;q=0.9,en;q=0.8", "ru"),
        ("en;q=0.5, pt-BR", "pt_BR"),
        ("*", "en"),
        ("es;q=nonsense, ru;q=0.1", "ru"),
        (",;q=,", "en"),
    ],
)
def test_W5_5_a_browser_says_its_languages_by_what_it_would_rather_have(
    header: str, language: str
) -> None:
    assert of_browser(header) == language
