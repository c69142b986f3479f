"""The week of the demo: all promises hold, and it shows what it says it shows."""

from collections import Counter
from pathlib import Path

import pytest

from contracts.events import CreditMoved, LeadAssigned, LeadLapsed
from domain.snapshot import digest
from services.demo.week import sample as s
from services.demo.week.findings import WeekFindings, find
from services.demo.week.world import Week
from tests.services.cli.conftest import command


@pytest.fixture(scope="module")
def week() -> Week:
    return Week(seed=7).run()


@pytest.fixture(scope="module")
def found(week: Week) -> WeekFindings:
    return find(week)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_D10_3_whatever_the_week_no_promise_is_broken(seed: int) -> None:
    assert find(Week(seed=seed).run()).broken == []


def test_D10_1_one_seed_gives_one_week(week: Week) -> None:
    again = Week(seed=7).run()

    assert (again.log, digest(again.account)) == (week.log, digest(week.account))


def test_D1_2_every_lead_is_given_or_waits(week: Week, found: WeekFindings) -> None:
    given = {r.event.lead_id for r in week.log if isinstance(r.event, LeadAssigned)}
    came = {lead_id for lead_id, lead in week.leads.items() if lead_id in week.account.leads}

    assert found.leads == len(week.leads)
    assert len(came - given) == found.waiting


def test_D2_1_the_week_uses_what_the_rules_offer(week: Week) -> None:
    decisions = [r.event for r in week.log if isinstance(r.event, LeadAssigned)]
    kinds = Counter(event.policy for event in decisions)
    verdicts = {standing.verdict for event in decisions for standing in event.standings}
    causes = {event.because for event in decisions if event.because}
    moved = {r.event.reason for r in week.log if isinstance(r.event, CreditMoved)}

    assert kinds.keys() == {"fair_share", "least_loaded", "most_available", "owner", "duty"}
    assert {"paused", "off_shift", "absent", "at_limit", "eligible"} <= verdicts
    assert {"off_hours", "age_limit", "pass_exhausted"} <= causes
    assert moved == {"corrected", "caught_up"}
    assert any(event.reserved_until for event in decisions)
    assert any(event.release == "backlog" for event in decisions)
    assert any(isinstance(r.event, LeadLapsed) for r in week.log)
    assert any(e.manager_id == s.FELIPE for e in decisions)


def test_D9_2_the_demo_prints_the_week(tmp_path: Path) -> None:
    said = command(tmp_path, "demo", "--scenario", "week")

    assert said.status == 0
    assert "Ana paused by Ana: lunch" in said.out
    assert "Isabel works instead of Elena: a wedding" in said.out
    assert "Carla passes lead 900" in said.out
    assert "goes home, 1 untouched lead to others" in said.out
    assert "Grace's duty from 22:00 to 06:00 lasted 9 hours" in said.out
    assert "every decision comes out the same" in said.out
    assert "BROKEN" not in said.out
