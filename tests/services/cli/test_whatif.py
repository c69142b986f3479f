"""`fairlead simulate`: what other rules would have done with the week of the demo."""

import json
from collections import Counter
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from contracts.events import LeadAssigned, RequestOpened
from services.demo.week.sample import ANA, BRUNO, week_rules
from services.rules_file.file import dump
from tests.services.cli.week import KeptWeek

WEEK = ("--from", "2026-10-19", "--to", "2026-10-25")


def file(folder: Path, name: str, rules: dict[str, Any]) -> Path:
    path = folder / name
    path.write_text(dump(rules), encoding="utf-8")
    return path


@pytest.fixture
def same(tmp_path: Path) -> Path:
    return file(tmp_path, "same.yaml", week_rules())


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    """Ana and Bruno share what is theirs 7 to 3."""
    rules = deepcopy(week_rules())
    rules["rules"][1]["participants"][0]["coefficient"] = 7
    rules["rules"][1]["participants"][1]["coefficient"] = 3
    return file(tmp_path, "draft.yaml", rules)


def shown_of(kept: KeptWeek, draft: Path) -> str:
    """What Ana got, and the more that she would get, as a table has it."""
    found = json.loads(kept.say("simulate", "--rules", draft, *WEEK, "--json").out)
    got, would = (
        next(each["got"] for each in results["managers"] if each["manager_id"] == ANA)
        for results in (found["got"], found["drafts"][0]["results"])
    )
    assert would > got
    return f"{got} │ {would} (+{would - got})"


def test_D3_1_who_got_and_who_would_get(kept: KeptWeek, draft: Path) -> None:
    before = kept.say("explain", 900_001).out

    said = kept.say("simulate", "--rules", draft, *WEEK)

    assert said.status == 0, said
    lines = said.out.splitlines()
    opened = sum(isinstance(recorded.event, RequestOpened) for recorded in kept.week.log)
    assert lines[0] == (
        f"2026-10-19 00:00 UTC+2 to 2026-10-26 00:00 UTC+1: {opened} requests for a manager."
    )
    (ana,) = [line for line in lines if "Ana (501)" in line]
    assert shown_of(kept, draft) in " ".join(ana.split())
    assert "What this rests on:" in lines
    assert kept.say("explain", 900_001).out == before


def test_D10_3_the_rules_in_force_would_have_done_what_they_did(
    kept: KeptWeek, same: Path, draft: Path
) -> None:
    """Also from the middle of the week on: the account is taken up as it was then."""
    found = json.loads(
        kept.say("simulate", "--compare", same, draft, "--from", "2026-10-21", "--json").out
    )
    again, other = found["drafts"]

    assert [again["name"], other["name"]] == [str(same), str(draft)]
    assert again["results"]["managers"] == found["got"]["managers"]
    assert other["results"]["managers"] != found["got"]["managers"]


def test_what_was_got_is_what_the_log_says(kept: KeptWeek, same: Path) -> None:
    found = json.loads(kept.say("simulate", "--rules", same, *WEEK, "--json").out)
    decided = Counter(
        recorded.event.manager_id
        for recorded in kept.week.log
        if isinstance(recorded.event, LeadAssigned)
    )

    assert {each["manager_id"]: each["got"] for each in found["got"]["managers"]} == decided
    assert {ANA, BRUNO} <= decided.keys()


def test_the_page_shows_the_same_in_pictures(kept: KeptWeek, draft: Path, tmp_path: Path) -> None:
    page = tmp_path / "what-if.html"

    said = kept.say("simulate", "--rules", draft, *WEEK, "--html", page)

    text = page.read_text(encoding="utf-8")
    assert said.out.splitlines()[-1] == f"Written: {page}"
    assert text.count("<svg ") == 2
    assert shown_of(kept, draft).partition(" │ ")[2] in text
    assert "<script" not in text


def test_what_cannot_be_simulated_is_said(kept: KeptWeek, draft: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(draft.read_text().replace("manager: 501", "manager: 599"))

    assert "--rules FILE" in kept.say("simulate").error
    assert "--rules FILE" in kept.say("simulate", "--rules", draft, "--compare", draft, wrong).error
    assert "two different files" in kept.say("simulate", "--compare", draft, draft).error
    assert "599" in kept.say("simulate", "--rules", wrong, *WEEK).error
    assert kept.say("simulate", "--rules", draft, "--from", "soon").error.startswith("--from: ")
    assert kept.say("simulate", "--rules", draft, *reversed(WEEK)).status != 0
    assert "No lead asked" in kept.say("simulate", "--rules", draft, "--to", "2026-10-01").error
    nowhere = tmp_path / "none" / "page.html"
    assert "No such file" in kept.say("simulate", "--rules", draft, *WEEK, "--html", nowhere).err
