"""`fairlead rules check`: what it says, and its exit status."""

from pathlib import Path

import pytest

from tests.services.cli.conftest import Here, command
from tests.services.test_rules_file import EXAMPLE

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
        (EXAMPLE, (), 0, "1 note."),
        (OFFICE_HOURS + "    off_hours: reserve_first_starter\n", (), 0, "nothing to look at."),
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
    assert "Not everything could be looked at: no installation in" in said.out
    assert not (tmp_path / "none").exists()


def test_D2_1_what_is_no_file_or_no_account_is_said(here: Here, tmp_path: Path) -> None:
    assert here.say("rules", "check", tmp_path / "none.yaml").error.endswith(
        "No such file or directory"
    )
    file = here.file("rules.yaml", OFFICE_HOURS)
    assert here.say("rules", "check", file, "--account", 9).error == (
        "account 9 is not connected; see: fairlead doctor"
    )


def test_D2_1_beside_an_account_its_people_and_stages_are_looked_at(here: Here) -> None:
    said = here.say("rules", "check", here.file("rules.yaml", OFFICE_HOURS))
    assert "active users of Kommo who are in no rule: 500, 502, 503" in said.out
    assert "so no week was counted" in said.out

    unknown = OFFICE_HOURS.replace("61000003", "5")
    said = here.say("rules", "check", here.file("rules.yaml", unknown))
    assert (said.status, "pipeline 7000001 has no stage 5" in said.out) == (1, True)
