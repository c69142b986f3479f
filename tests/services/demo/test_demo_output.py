"""What the demo's findings become on the page."""

from datetime import UTC, datetime
from fractions import Fraction

from services.demo.findings import Findings, ManagerRow
from services.demo.in_kind import SourceShare
from services.demo.output import _report
from services.demo.sample.team import LIMIT, LIMITED_ID
from services.history.verdict import Verdict


def row(manager_id: int) -> ManagerRow:
    return ManagerRow(
        manager_id=manager_id,
        name="Ana",
        coefficient="1",
        note="",
        besides={},
        assigned=1,
        fair_share=Fraction(1),
        deviation=Fraction(0),
    )


def test_a_limit_is_shown_where_a_manager_has_one_of_his_own() -> None:
    findings = Findings(
        at=datetime(2026, 3, 2, tzinfo=UTC),
        drop_percent=0,
        requested=2,
        decided=2,
        set_in_kommo=2,
        waiting=0,
        lost=0,
        twice=0,
        found_by_sweep=0,
        patches=1,
        batch=2,
        other_requests=0,
        since="the first trigger",
        seconds=0.5,
        managers=[row(501), row(LIMITED_ID)],
        rules=[],
        in_kind=[
            SourceShare(manager_id=501, source="form", assigned=2, fair_share=Fraction(1)),
            SourceShare(manager_id=501, source="chat", assigned=1, fair_share=Fraction(3)),
        ],
        deviations=[],
        set_at=[0.5, 0.5],
        explained=[],
        verdict=Verdict(7),
    )

    report = _report(findings)
    assert [manager.limit for manager in report.managers] == [None, LIMIT]
    assert [kind.name for kind in report.managers[0].in_kind] == ["form", "chat"]
    assert [manager.furthest_in_kind for manager in report.managers] == [-2.0, 0.0]
