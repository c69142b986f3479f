"""The log tells of an alert once when it begins and once when it ends (D3.5, D8.3)."""

from datetime import UTC, datetime
from typing import Any

from structlog.testing import capture_logs

from contracts.events import RuleRevived, RulesApplied, RuleStalled, TriggerFellSilent, TriggerHeard
from contracts.stage import Stage
from projections import fairness, response, silences, stalls
from projections.silences import SilentTrigger
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


def trigger_rules(*stages: int, **rest: Any) -> RulesApplied:
    section = {
        "id": "own",
        "stages": [{"pipeline": 7, "stage": each} for each in stages],
        "widget": {"revision": 1},
        **rest,
    }
    return RulesApplied(revision=2, rules={"rules": [section]}, by="admin", at=NINE)


async def test_D1_8_a_deleted_trigger_is_told_until_it_is_heard_of_or_its_rule_is_off(
    pool: Any,
) -> None:
    here, there = Stage(7, 61), Stage(7, 62)
    gone = TriggerFellSilent(rule_id="own", stage=here, since=NINE, at=later(30))
    besides = TriggerFellSilent(rule_id="own", stage=there, since=NINE, at=later(30))
    await prepare(pool, PROJECTIONS)
    await apply(pool, silences, recorded(trigger_rules(61, 62), gone, besides))
    known, lines = await told(pool, {})
    place = SilentTrigger(account_id=ACCOUNT, rule_id="own", pipeline_id=7, stage_id=61, since=NINE)
    present = await silences.present(pool)
    heard = TriggerHeard(rule_id="own", stage=there, at=later(40))
    await apply(pool, silences, recorded(heard, trigger_rules(61, 62), after=3))
    still = await silences.of_account(pool, ACCOUNT)
    await apply(pool, silences, recorded(trigger_rules(61, enabled=False), after=5))
    _, ended = await told(pool, known)

    assert lines == [
        ("alert_raised", "trigger_silent", "own/7/61"),
        ("alert_raised", "trigger_silent", "own/7/62"),
    ]
    assert (present[0], still) == (place, [place])
    assert [line[0] for line in ended] == ["alert_ended", "alert_ended"]
    assert await silences.present(pool) == []


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
