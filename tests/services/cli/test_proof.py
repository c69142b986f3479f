"""`fairlead proof`: that no lead of a day was lost."""

import json
from datetime import UTC, datetime
from pathlib import Path

from contracts.events import RequestOpened
from services.application.proof.day import Proof
from services.application.span import Span
from services.cli.proof import _page
from services.demo.week.world import Week
from services.words.catalogue import Words
from tests.services.cli.conftest import Here
from tests.services.cli.week import KeptWeek


def test_I2_the_requests_of_a_day_are_held_against_kommos_own_list(
    here: Here, tmp_path: Path
) -> None:
    lead, page = here.assigned_lead(), tmp_path / "proof.html"

    said = here.say("proof", "--html", page)

    assert said.status == 0, said
    assert "so far" in said.out.splitlines()[0]
    assert "No lead was lost" in said.out
    assert "Every one that should have a request has one: no orphans." in said.out
    found = json.loads(here.say("proof", "--json").out)
    assert found["kommo"]["orphans"] == []
    assert found["kommo"]["leads"] >= found["kommo"]["in_stages"] >= 1
    assert found["requests"] == found["assigned"] >= 1
    assert lead
    assert "<h1>Proof that no lead was lost</h1>" in page.read_text(encoding="utf-8")


def test_S23_the_page_carries_the_chains_last_link(kept: KeptWeek, tmp_path: Path) -> None:
    page = tmp_path / "proof.html"

    said = kept.say("proof", "--day", "2026-10-20", "--html", page)
    found = json.loads(kept.say("proof", "--day", "2026-10-20", "--json").out)

    start, end = Week.wall(1, 0), Week.wall(2, 0)
    opened = [
        recorded
        for recorded in kept.week.log
        if isinstance(recorded.event, RequestOpened) and start <= recorded.event.at < end
    ]
    assert found["requests"] == len(opened)
    assert found["version"] == len(kept.week.log)
    assert len(found["link"]) == 64
    text = page.read_text(encoding="utf-8")
    assert found["link"] in text
    assert found["link"] in said.out


def test_what_kommo_does_not_tell_is_said_plainly(kept: KeptWeek, tmp_path: Path) -> None:
    page = tmp_path / "proof.html"
    said = kept.say("proof", "--day", "2026-10-20", "--html", page)

    assert said.status == 0
    assert "Not compared with Kommo's list, so this proves only what Fairlead was told." in said.out
    assert "No lead was lost" not in said.out
    heading = "<h1>Proof that every request has its outcome, not compared with Kommo</h1>"
    assert heading in page.read_text(encoding="utf-8")


def test_what_is_no_day_is_said(kept: KeptWeek) -> None:
    assert kept.say("proof", "--day", "monday").error.startswith("--day: Expected a day")


def test_a_proof_that_fails_is_not_headed_by_what_it_disproves() -> None:
    noon = datetime(2026, 11, 2, 12, tzinfo=UTC)
    failed = Proof(
        day=noon.date(),
        span=Span(start=noon, end=noon),
        made_at=noon,
        requests=1,
        assigned=0,
        waiting=0,
        closed={},
        undecided=("7.1",),
        sources={},
        version=9,
        link="",
        kommo=None,
        why_not_compared=None,
    )

    page = _page(failed, "acme", Words(name=str).say)

    assert "<h1>Proof that failed</h1>" in page
