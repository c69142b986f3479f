"""What the pages name exists: files, functions, commands, settings, metrics, targets, links."""

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer

from services.runtime.settings import KINDS, knobs_of
from tests.deploy.commands import UsageError, check
from tests.docs.pages import CODE, DOCS, LINK, PAGES, ROOT, blocks, is_there, name_of, places, prose

TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
VARIABLES = {knob.variable for kind in KINDS for knob in knobs_of(kind)}
# Read by tests and by the bench alone.
VARIABLES |= {"FAIRLEAD_PROFILE", "FAIRLEAD_FAILPOINT"}
# What examples of the API call what they need.
VARIABLES |= {"FAIRLEAD_URL", "FAIRLEAD_ACCOUNT", "FAIRLEAD_KEY"}

READ_BY_PEOPLE = [
    *PAGES,
    ROOT / "CHANGELOG.md",
    *(each for each in sorted((ROOT / "contracts" / "schemas").iterdir()) if each.is_file()),
    ROOT / "services" / "words" / "locale" / "en.po",
    *(path for path in sorted((ROOT / "deploy").rglob("*")) if path.suffix in {".yaml", ".json"}),
]

each_page = pytest.mark.parametrize("page", PAGES, ids=name_of)


@each_page
def test_files_functions_and_classes_that_a_page_names_exist(page: Path) -> None:
    assert [place for place in places(page.read_text()) if not is_there(place)] == []


@each_page
def test_commands_that_a_page_gives_are_ones_that_fairlead_takes(
    page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIRLEAD_KAFKA_SERVERS", "127.0.0.1:9092")
    refused = []
    for words in given(page.read_text()):
        try:
            check(words)
        except UsageError as error:
            refused.append(f"{' '.join(words)}: {error.format_message()}")

    assert refused == []


def given(text: str) -> list[list[str]]:
    """The commands in blocks of shell, what the shell itself reads taken away."""
    lines = [line for body in blocks(text, "sh") for line in body.splitlines()]
    found = []
    for line in lines:
        words = shlex.split(line, comments=True)
        while words and "=" in words[0]:
            words = words[1:]
        end = next((n for n, word in enumerate(words) if word in {"|", ">"}), len(words))
        words = words[:end]
        called = next((n for n, word in enumerate(words) if word.endswith("/bin/fairlead")), None)
        if words[:1] == ["fairlead"] or called is not None:
            found.append(words[(called or 0) + 1 :])
    return found


@each_page
def test_commands_that_a_page_mentions_exist(page: Path) -> None:
    unknown = []
    for code in CODE.findall(prose(page.read_text())):
        words = code.split()
        if len(words) > 1 and words[0] == "fairlead" and re.fullmatch(r"[a-z]+", words[1]):
            try:
                check([*words[1:], "--help"])
            except UsageError as error:
                unknown.append(f"{code}: {error.format_message()}")
            except typer.Exit:
                pass  # it showed its help

    assert unknown == []


@each_page
def test_settings_and_targets_that_a_page_names_exist(page: Path) -> None:
    text = page.read_text()
    variables = set(re.findall(r"\bFAIRLEAD_[A-Z_]+\b", text))
    targets = set(re.findall(r"\bmake ([a-z][a-z-]*)\b", "\n".join(shells(text))))

    assert variables - VARIABLES == set()
    assert targets - TARGETS == set()


def test_targets_that_the_code_names_exist() -> None:
    files = [
        path
        for folder in ("contracts", "deploy", "domain", "projections", "services", "tests")
        for path in (ROOT / folder).rglob("*.py")
    ]
    named = {
        (name, path.relative_to(ROOT).as_posix())
        for path in files
        for name in re.findall(r"`make ([a-z][a-z-]*)", path.read_text())
    }

    assert [each for each in sorted(named) if each[0] not in TARGETS] == []


def shells(text: str) -> list[str]:
    """Whatever is meant for a shell: blocks, and code in a line."""
    return [*blocks(text, "sh"), *CODE.findall(prose(text))]


@pytest.mark.parametrize("page", [p for p in PAGES if p.parent == ROOT], ids=name_of)
def test_links_of_the_pages_beside_the_site_lead_somewhere(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text()) if not link.startswith("https://")]

    assert [link for link in links if not leads_somewhere(page, link)] == []


def leads_somewhere(page: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = page.parent / path
    return target.exists() and (not anchor or anchor in anchors(target.read_text()))


def anchors(text: str) -> set[str]:
    """The anchors of a page, as every renderer makes them from headings."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_is_in_the_sites_navigation_once_and_nothing_else() -> None:
    site = tomllib.loads((ROOT / "zensical.toml").read_text())["project"]
    listed = list(_pages_in(site["nav"]))

    assert sorted(listed) == sorted(str(p.relative_to(DOCS)) for p in DOCS.rglob("*.md"))


def _pages_in(part: Any) -> Any:
    if isinstance(part, str):
        yield part
    else:
        for each in part.values() if isinstance(part, dict) else part:
            yield from _pages_in(each)


@pytest.mark.parametrize("file", READ_BY_PEOPLE, ids=name_of)
def test_nothing_that_people_read_speaks_of_a_manager_as_he(file: Path) -> None:
    said = re.findall(r"\b(?:he|him|his|himself)\b", file.read_text(), re.IGNORECASE)

    assert said == []


@each_page
def test_a_list_in_a_list_is_indented_by_four_spaces_for_the_site(page: Path) -> None:
    flat = re.findall(r"^ {1,3}[-*] .*$", prose(page.read_text()), re.MULTILINE)

    assert flat == []


@pytest.mark.parametrize(
    "place",
    [
        "domain/no_such_file.py",
        "domain/decide.py::no_such_function",
        "services/ingress/intake.py::Intake.no_such_method",
    ],
)
def test_a_place_that_is_not_there_is_found(place: str) -> None:
    assert places(f"See `{place}`.") == [place]
    assert not is_there(place)
