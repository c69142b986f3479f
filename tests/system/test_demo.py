"""The demo as a user runs it, and that it does not praise itself without reason."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
import typer

from services.cli import running
from services.demo import run as demo
from services.demo.findings import find
from services.demo.kommo_process import LocalKommo
from services.demo.run import Demo
from services.demo.sample.team import SITE_REQUEST
from tests.services.cli.conftest import command, process


def test_the_demo_distributes_proves_it_and_ends_with_0(tmp_path: Path) -> None:
    report = tmp_path / "report.html"

    said = process(tmp_path, "demo", "--leads", 60, "--drop", 10, "--report", report, within_s=150)

    assert said.status == 0, said
    assert "What each manager got" in said.out
    assert "Fair in kind: got of each source / the fair share of it" in said.out
    assert "Felipe Rocha caught up with 1.500 leads" in said.out
    assert "1 left with their employee" in said.out
    (row,) = re.findall(r"^│ 60 +│.*│$", said.out, re.MULTILINE)
    # requested, decided, set in Kommo, waiting, lost, twice
    assert [int(cell) for cell in row.strip("│").split("│")] == [60, 60, 60, 0, 0, 0]
    assert said.out.count("Decided again from what was recorded: the same decision.") == 3
    verdict = r"^The whole history: ([\d,]+) checks, 0 violations$"
    (checks,) = re.findall(verdict, said.out, re.MULTILINE)
    assert int(checks.replace(",", "")) > 60 * 10
    spoken = " ".join(said.out.split())
    ((took, writes, most, others),) = re.findall(
        r"([\d.]+) s from the first trigger to the last lead set, in (\d+) requests of up to (\d+)"
        r" leads and (\d+) for what had to be read",
        spoken,
    )
    ((least, times),) = re.findall(r"alone take ([\d.]+) s: it was ([\d.]+) times", spoken)
    # The floor is of the requests that were made, whatever sizes they had.
    assert int(writes) * int(most) >= 60
    assert float(least) == round((int(writes) + int(others)) / 7, 2)
    assert float(times) == pytest.approx(float(took) / float(least), rel=0.05)
    assert "Traceback" not in said.out + said.err
    page = report.read_text()
    assert "<html" in page
    assert "Ana Souza" in page
    assert "Fair in kind, too" in page


def test_the_demo_finds_every_lead_without_any_webhook(tmp_path: Path) -> None:
    report = tmp_path / "report.html"

    said = process(tmp_path, "demo", "--leads", 20, "--drop", 100, "--report", report, within_s=150)

    assert said.status == 0, said
    assert "s from the move to the last lead set" in said.out
    assert "100% of the changes lost their webhooks; the sweep found 20 leads." in said.out


def test_the_demo_says_before_it_begins_that_its_page_cannot_be_written(tmp_path: Path) -> None:
    nowhere = command(tmp_path, "demo", "--report", tmp_path / "none" / "report.html")
    folder = command(tmp_path, "demo", "--report", tmp_path)

    assert nowhere.error == f"--report: there is no folder {tmp_path}/none"
    assert folder.error == f"--report: expected the name of a file, {tmp_path} is a folder"


@pytest.mark.parametrize(
    ("knobs", "count"),
    [
        # Kommo takes 7 requests a second, and then nothing but refusals.
        ({"error_next": 1_000_000, "error_status": 503}, "lost"),
    ],
)
async def test_the_demo_fails_when_a_lead_is_not_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, knobs: dict[str, Any], count: str
) -> None:
    """Kommo stops taking changes right before the leads are moved."""
    monkeypatch.setattr(demo, "STALLED_S", 2.0)
    distribute = Demo._distribute

    async def break_kommo(self: Demo, kommo: LocalKommo, *rest: Any) -> Any:
        await kommo.turn(knobs)
        return await distribute(self, kommo, *rest)

    monkeypatch.setattr(Demo, "_distribute", break_kommo)
    played = Demo(leads=10, drop_percent=0, batch=50, report=tmp_path / "report.html")

    async with asyncio.timeout(60):
        findings, _ = await played.play()

    assert getattr(findings, count) == 10
    assert findings.set_in_kommo == 0
    # All of them wait for what has to be read, which breaks no promise by itself.
    assert (findings.decided, findings.waiting) == (0, 10)
    assert findings.verdict.violations == []
    assert not findings.is_flawless


async def test_the_demo_counts_a_lead_that_is_written_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody writes one of the leads once more by the API, as a rival program would."""

    async def write_once_more(kommo: LocalKommo, *rest: Any, **more: Any) -> Any:
        (lead_id, *_) = more["sample"].rush[SITE_REQUEST]
        owner = {row[0]: row[3] for row in (await kommo.get("/leads"))["leads"]}[lead_id]
        answer = await kommo.http.patch(
            "/api/v4/leads",
            json=[{"id": lead_id, "responsible_user_id": owner}],
            headers={"authorization": f"Bearer {kommo.token_file.read_text()}"},
        )
        answer.raise_for_status()
        return await find(kommo, *rest, **more)

    monkeypatch.setattr(demo, "find", write_once_more)
    played = Demo(leads=10, drop_percent=0, batch=50, report=tmp_path / "report.html")

    async with asyncio.timeout(60):
        findings, _ = await played.play()

    assert (findings.lost, findings.twice, findings.set_in_kommo) == (0, 1, 10)
    assert {violation.invariant for violation in findings.verdict.violations} == {"I4"}
    assert not findings.is_flawless


@pytest.mark.parametrize(("is_proved", "status"), [(True, 0), (False, 1)])
def test_the_demos_result_is_its_exit_status(
    monkeypatch: pytest.MonkeyPatch, *, is_proved: bool, status: int
) -> None:
    async def run(_: Demo) -> bool:
        return is_proved

    monkeypatch.setattr(Demo, "run", run)

    with pytest.raises(typer.Exit) as ended:
        running.demo(leads=10)

    assert ended.value.exit_code == status
