"""What rules come to with the leads that are there, told before they are in force (S32)."""

from datetime import timedelta

import pytest

from contracts.inbound import ApplyRules, Inbound
from domain import rules_preview
from domain.requests import backlog
from domain.rules_preview import RulesPreview, preview_rules
from tests.domain.scenario import (
    ACCOUNT_ID,
    ANN,
    BOB,
    BOSS,
    CEM,
    Scenario,
    dp,
    given,
    patched,
    pause,
    resume,
    rule,
    rules,
)

VIP = {"tags": ["vip"]}


def waiting(leads: int) -> Scenario:
    """So many leads, and nobody to take them."""
    return given(pause(ANN), pause(BOB), *map(dp, range(1, leads + 1)))


def preview(scenario: Scenario, applied: ApplyRules) -> RulesPreview:
    message = Inbound(account_id=ACCOUNT_ID, message_id="preview", at=scenario.clock, body=applied)
    return preview_rules(scenario.account, message)


def of(
    *, gives: int = 0, reads: int = 0, waits: int = 0, untouched: int = 0, is_more: bool = False
) -> RulesPreview:
    return RulesPreview(gives=gives, reads=reads, waits=waits, untouched=untouched, is_more=is_more)


def test_S32_a_long_backlog_is_counted_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "SERVED_PER_STEP_MAX", 4)

    found = preview(waiting(10), rules(rule(BOSS)))

    assert (found, found.moves) == (of(gives=10), 10)


def test_S32_I13_a_backlog_without_end_is_counted_to_a_bound_that_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backlog, "SERVED_PER_STEP_MAX", 4)
    monkeypatch.setattr(rules_preview, "COUNTED_MAX", 8)

    assert preview(waiting(8), rules(rule(BOSS))) == of(gives=8)
    assert preview(waiting(11), rules(rule(BOSS))) == of(gives=8, waits=3, is_more=True)


def test_S32_the_same_rules_again_move_nothing_though_a_backlog_is_under_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backlog, "SERVED_PER_STEP_MAX", 4)
    under_way = waiting(10).when(resume(ANN))

    assert preview(under_way, rules(rule(ANN, BOB))) == of(waits=6)


def test_S32_what_is_read_first_counts_if_any_rule_would_have_somebody() -> None:
    nobody = rule(ANN, rule_id="vip", conditions=VIP)
    on_duty = rule(ANN, rule_id="vip", conditions=VIP, duty={"manager": CEM})

    found = preview(waiting(3), rules(nobody, rule(BOSS, rule_id="rest")))

    assert (found, found.moves) == (of(reads=3), 3)
    assert preview(waiting(3), rules(on_duty)) == of(reads=3)
    assert preview(waiting(3), rules(nobody)) == of(waits=3)


def test_S32_D7_2_clocks_that_run_move_nothing_at_once_however_short_they_become() -> None:
    patient = rules(rule(ANN, BOB, redistribution={"after_minutes": 60}))
    hasty = rules(rule(BOSS, redistribution={"after_minutes": 5}))

    def held() -> Scenario:
        scenario = given(dp(1), patched(1, ANN), rules=patient)
        scenario.clock += timedelta(minutes=50)
        return scenario

    assert preview(held(), hasty) == of(untouched=1)
    assert preview(held(), rules(rule(BOSS))) == of()
