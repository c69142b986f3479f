"""`fairlead widget build`, with the addresses and the secret of a running installation."""

from pathlib import Path

import pytest

from services.widget.checking.check import findings
from tests.services.cli.conftest import Here

ADDRESS = "https://leads.example.com"
BUILD = ("widget", "build", "--support-email", "help@example.com")


def test_two_builds_of_an_account_are_equal_and_what_kommo_takes(
    here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIRLEAD_PUBLIC_URL", ADDRESS)
    files = [tmp_path / "first.zip", tmp_path / "second.zip"]
    said = [here.say(*BUILD, "--url", ADDRESS, "--out", each) for each in files]

    assert [each.status for each in said] == [0, 0], said
    assert files[0].read_bytes() == files[1].read_bytes()
    assert f"{ADDRESS}/dp/".encode() in files[0].read_bytes()
    assert findings(str(files[0])) == []


def test_nothing_is_built_that_kommo_could_not_open(here: Here, tmp_path: Path) -> None:
    out = tmp_path / "widget.zip"
    said = here.say(*BUILD, "--out", out)

    assert said.error.startswith("Kommo opens and calls https addresses alone.")
    assert not out.exists()
