"""`fairlead shadow`: with a token alone, and of a connected account."""

import json
from pathlib import Path
from typing import Any

from tests.services.cli.conftest import Here, command


def kommo(here: Here) -> tuple[str, Path]:
    return here.system.kommo.base_url, here.system.kommo.token_file


async def methods(here: Here) -> list[str]:
    return [row["method"] for row in await here.system.kommo.rows("requests")]


def looked(here: Here, nowhere: Path, *words: object) -> Any:
    """What is found where no installation is."""
    address, token = kommo(here)
    said = command(nowhere, "shadow", address, "--token-file", token, "--json", *words)
    assert said.status == 0, said
    return json.loads(said.out)


def test_a_token_is_enough_and_nothing_is_written(here: Here, tmp_path: Path) -> None:
    leads = [here.assigned_lead() for _ in range(3)]
    writes = sum(method != "GET" for method in here.do(methods(here)))

    found = looked(here, tmp_path / "none")

    assert found["leads"] == sum(each["got"] for each in found["judged"]["managers"]) >= len(leads)
    assert found["changes"] >= len(leads)
    assert found["names"]
    assert sum(method != "GET" for method in here.do(methods(here))) == writes
    assert not (tmp_path / "none").exists()


def test_of_a_connected_account_the_same_is_told_in_words(here: Here, tmp_path: Path) -> None:
    here.assigned_lead()
    page = tmp_path / "shadow.html"

    said = here.say("shadow", "--html", page)

    assert said.status == 0, said
    assert "Too few to conclude anything" in said.out
    assert "Limits: who was at work is not known." in said.out
    assert page.read_text(encoding="utf-8").count("<svg ") == 2
    # Whoever looks is kept, as with everything that shows what people did (A9.3).
    assert json.loads(here.say("access-log", "--json").out)[0]["what"] == "shadow"
    assert "another widget's fairness" in here.say("access-log").out


def test_a_time_without_leads_is_no_error(here: Here, tmp_path: Path) -> None:
    found = looked(here, tmp_path, "--from", "2020-01-01", "--to", "2020-01-02")

    assert (found["changes"], found["leads"], found["first_at"]) == (0, 0, None)


def test_what_cannot_be_looked_at_is_said(here: Here, tmp_path: Path) -> None:
    address, token = kommo(here)
    wrong = tmp_path / "token"
    wrong.write_text("nonsense")

    def error(*words: object) -> str:
        return command(tmp_path, "shadow", *words).error

    assert "Expected together with an address" in error("--token-file", token)
    assert "token" in error(address, "--token-file", wrong)
    assert "ADDRESS: " in error("https://example.com", "--token-file", token)
    assert "--from: Expected a day" in error(address, "--token-file", token, "--from", "soon")
    assert "--from: At most 366 days" in error(
        address, "--token-file", token, "--from", "2020-01-01"
    )
    assert "no installation in" in error()
