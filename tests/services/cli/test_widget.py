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


def test_a_published_build_says_what_it_needs_what_is_not_served_and_what_comes_next(
    here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIRLEAD_PUBLIC_URL", ADDRESS)
    out, public = tmp_path / "public.zip", ("--public", "--url", ADDRESS)
    helped = ("--support-link", "https://example.com/help")
    private = ("--privacy-link", "https://example.com/{language}/privacy")
    bare = here.say(*BUILD, *public, "--out", out)
    unsafe = here.say(*BUILD, *public, *helped, "--privacy-link", "javascript:x", "--out", out)
    both = here.say(*BUILD, *public, *helped, *private, "--account", "1", "--out", out)
    was_there = out.exists()
    built = here.say(*BUILD, *public, *helped, *private, "--out", out)
    content = out.read_bytes()

    assert [each.status for each in (bare, unsafe, both, built)] == [1, 1, 1, 0], built
    assert bare.error.startswith("A published widget needs --support-link and --privacy-link:")
    assert unsafe.error.startswith("--privacy-link: expected an address that begins with https://")
    assert not was_there
    assert f"Not served yet: its triggers. Kommo sends their hooks to {ADDRESS}/dp/," in built.out
    assert f"Next: fairlead widget check {out} --public" in built.out
    assert b'"link": "https://example.com/help"' in content
    assert b"PRIVACY: 'https://example.com/{language}/privacy'" in content
    assert findings(str(out), is_public=True) == []


def test_nothing_is_built_that_kommo_could_not_open(here: Here, tmp_path: Path) -> None:
    out = tmp_path / "widget.zip"
    said = here.say(*BUILD, "--out", out)

    assert said.error.startswith("Kommo opens and calls https addresses alone.")
    assert not out.exists()
