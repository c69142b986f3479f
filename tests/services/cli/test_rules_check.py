"""`fairlead rules check`: what it says, and its exit status."""

import re
from pathlib import Path

import pytest

from tests.services.cli.conftest import Here, command
from tests.services.rules_file.test_file import EXAMPLE

OFFICE_HOURS = """\
version: 1
schedules: {office: {weekly: {mon: [09:00-18:00]}}}
rules:
  - id: site
    stages: [{pipeline: 7000001, stage: 61000003}]
    participants: [{manager: 501, schedule: office}]
"""


@pytest.mark.parametrize(
    ("text", "options", "status", "last"),
    [
        (EXAMPLE, (), 0, "3 notes."),
        (OFFICE_HOURS + "    off_hours: reserve_first_starter\n", (), 0, "nothing to mend."),
        (OFFICE_HOURS, (), 0, "1 note."),
        (OFFICE_HOURS, ("--strict",), 1, "1 note."),
        (OFFICE_HOURS.replace("office}]", "office, limit: 0}]"), (), 1, "1 note, 1 warning."),
        (OFFICE_HOURS.replace("version: 1", "version: 2"), (), 1, "1 problem."),
    ],
)
def test_D2_1_the_exit_status_tells_whether_somebody_is_needed(
    tmp_path: Path, text: str, options: tuple[str, ...], status: int, last: str
) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(text, encoding="utf-8")

    said = command(tmp_path / "none", "rules", "check", file, *options)

    assert (said.status, said.out.splitlines()[-1]) == (status, f"{file}: {last}")
    assert "Not everything could be checked: no installation is in" in said.out
    assert not (tmp_path / "none").exists()


def test_D2_1_what_is_no_file_or_no_account_is_said(here: Here, tmp_path: Path) -> None:
    assert here.say("rules", "check", tmp_path / "none.yaml").error.endswith(
        "No such file or directory"
    )
    file = here.file("rules.yaml", OFFICE_HOURS)
    assert here.say("rules", "check", file, "--account", 9).error == (
        "Account 9 is not connected.\nSee: fairlead doctor"
    )


def test_D2_1_beside_an_account_its_people_and_stages_are_looked_at(here: Here) -> None:
    said = here.say("rules", "check", here.file("rules.yaml", OFFICE_HOURS))
    assert "Active users of Kommo who are in no rule: Vera Lindqvist, Bruno Carvalho, " in said.out
    assert "so no week could be counted" in said.out

    unknown = OFFICE_HOURS.replace("61000003", "5")
    said = here.say("rules", "check", here.file("rules.yaml", unknown))
    assert (said.status, "Pipeline 7000001 has no stage 5" in said.out) == (1, True)


def test_A4_1_a_draft_is_saved_changed_by_who_saw_it_and_put_in_force(here: Here) -> None:
    file = here.file("draft.yaml", OFFICE_HOURS)
    assert here.say("rules", "drafts", "list").out == "There are no drafts of rules.\n"
    saved = here.say("rules", "drafts", "save", file, "--name", "Summer", "--key", "d")
    again = here.say("rules", "drafts", "save", file, "--name", "Summer", "--key", "d")
    (draft,) = re.findall(r"draft-[0-9a-f]{16}", saved.out)
    changed = ("rules", "drafts", "save", file, "--name", "Autumn", "--draft", draft, "--edition")
    first, late = here.say(*changed, 1), here.say(*changed, 1)

    assert saved.out == again.out == f"Saved as edition 1 of {draft}.\n"
    assert first.out == f"Saved as edition 2 of {draft}.\n"
    assert "edition 2 is the present one" in late.error
    assert "Autumn" in here.say("rules", "drafts", "list").out
    assert here.say("rules", "drafts", "show", draft).out.strip() == OFFICE_HOURS.strip()
    assert here.say("rules", "drafts", "drop", draft, "--edition", 2).out == (
        f"The draft {draft} is gone.\n"
    )
    assert here.say("rules", "drafts", "apply", draft, "--edition", 2).error == (
        "There is no such draft."
    )
    other = here.say("rules", "drafts", "save", file, "--name", "Winter")
    (draft,) = re.findall(r"draft-[0-9a-f]{16}", other.out)
    applied = here.say("rules", "drafts", "apply", draft, "--edition", 1)
    assert (applied.status, "in force" in applied.out) == (0, True)
    assert here.say("rules", "drafts", "list").out == "There are no drafts of rules.\n"
