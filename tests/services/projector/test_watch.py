"""The log tells of an alert once when it begins and once when it ends (D3.5, D8.3)."""

from datetime import UTC, datetime
from typing import Any

from structlog.testing import capture_logs

from contracts.events import RuleRevived, RuleStalled
from projections import fairness, response, stalls
from projections.stalls import Stall
from services.projector.registry import PROJECTIONS
from services.projector.schema import prepare
from services.projector.watch import look
from tests.projections.kit import ACCOUNT, apply, assigned, later, recorded
from tests.projections.test_response import PASSED_ON, described, lives, rules

NINE = datetime(2026, 1, 5, 9, tzinfo=UTC)
STALLED = RuleStalled(rule_id="new", at=NINE)
REVIVED = RuleRevived(rule_id="new", at=NINE)


async def told(pool: Any, known: Any) -> tuple[Any, list[tuple[str, str, str]]]:
    with capture_logs() as lines:
        known = await look(pool, known, later(99))
    return known, [(line["event"], line["alert"], line["subject"]) for line in lines]


async def test_D3_5_over_2_leads_is_told_once(pool: Any) -> None:
    await prepare(pool, PROJECTIONS)
    await apply(pool, fairness, recorded(*(assigned(lead) for lead in range(1, 4))))
    known, lines = await told(pool, {})
    assert lines == []

    await apply(pool, fairness, recorded(assigned(4), after=3))
    known, lines = await told(pool, known)
    assert lines == [
        ("alert_raised", "fairness_deviation", "account/501"),
        ("alert_raised", "fairness_deviation", "account/502"),
    ]
    assert known["fairness_deviation", ACCOUNT, "account/501"] == {"leads": "+2.000"}
    assert (await told(pool, known))[1] == []

    back = [assigned(lead, manager_id=502) for lead in (5, 6)]
    await apply(pool, fairness, recorded(*back, after=4))
    assert [line[0] for line in (await told(pool, known))[1]] == ["alert_ended", "alert_ended"]


async def test_D8_3_a_rule_without_a_shift_is_told_and_shown_while_it_lasts(pool: Any) -> None:
    await prepare(pool, PROJECTIONS)
    await apply(pool, stalls, recorded(STALLED))
    known, lines = await told(pool, {})
    assert lines == [("alert_raised", "rule_without_shift", "new")]
    assert await stalls.present(pool) == [Stall(account_id=ACCOUNT, rule_id="new", stalled_at=NINE)]

    await apply(pool, stalls, recorded(REVIVED, STALLED, REVIVED, after=1))
    assert (await told(pool, known))[1] == [("alert_ended", "rule_without_shift", "new")]
    assert await stalls.present(pool) == []


async def test_D12_1_a_rule_over_its_target_is_told_while_it_lasts(pool: Any) -> None:
    await prepare(pool, PROJECTIONS)
    hours = rules("08:00-12:00", **PASSED_ON)
    await apply(pool, response, recorded(described(), hours, *lives([31] * 12 + [1] * 8)))
    known, lines = await told(pool, {})
    assert lines == [("alert_raised", "touches_late", "new")]
    assert known["touches_late", ACCOUNT, "new"] == {"late": "12 of 20"}
    assert (await told(pool, known))[1] == []

    await pool.execute("DELETE FROM response.targets")  # as rules without a target do
    assert (await told(pool, known))[1] == [("alert_ended", "touches_late", "new")]
