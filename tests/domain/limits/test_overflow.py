"""What happens while all are at the limit, and to requests that grow old (D5.4, D8.2)."""

from datetime import timedelta
from typing import Any

import pytest

from contracts.events import LeadAssigned, RequestDeferred
from tests.domain.scenario import (
    ANN,
    BOB,
    CEM,
    DAN,
    MONDAY,
    NINE,
    NOON,
    OFFICE,
    STAGES,
    Scenario,
    at,
    dp,
    due,
    given,
    limit,
    participant,
    pause,
    reported,
    resume,
    rule,
    rules,
)

WON = STAGES["won"]
MINUTE = timedelta(minutes=1)
DUTY: dict[str, Any] = {"duty": {"manager": DAN}}
SECOND = participant(CEM, priority=2)


def full(**rest: Any) -> Scenario:
    """Ann and Bob have the one lead each that they may have."""
    people = (participant(ANN, limit=1), participant(BOB, limit=1), SECOND)
    return given(dp(1), dp(2), rules=rules(rule(*people, **rest)))


def reasons(scenario: Scenario) -> list[str]:
    return [e.reason for e in scenario.answer if isinstance(e, RequestDeferred)]


def causes(scenario: Scenario) -> list[str | None]:
    return [e.because for e in scenario.answer if isinstance(e, LeadAssigned)]


def test_D5_4_by_default_a_lead_waits_for_a_place_of_the_priority_that_is_full() -> None:
    scenario = full().when(dp(3))
    assert (scenario.got(), reasons(scenario)) == ([], ["at_limit"])

    scenario.when(reported(1, WON, by=ANN, modified=at(60)), at=at(60))
    assert scenario.got() == [ANN]


def test_D5_4_the_next_tier_is_asked_if_the_rule_says_so() -> None:
    assert full(when_full="next_tier").when(dp(3)).got() == [CEM]


@pytest.mark.parametrize("when_full", ["wait", "next_tier"])
def test_D2_3_a_tier_of_which_nobody_is_at_work_is_not_full(when_full: str) -> None:
    scenario = full(when_full=when_full).when(pause(ANN), pause(BOB), dp(3))

    assert scenario.got() == [CEM]


def test_D5_4_one_who_is_away_does_not_open_the_next_tier_while_another_is_full() -> None:
    scenario = full().when(pause(ANN), dp(3))
    assert (scenario.got(), scenario.waiting()) == ([], ["3.3"])

    assert scenario.when(pause(BOB), resume(ANN), at=at(60)).got() == []
    assert scenario.when(pause(ANN), due(), at=at(3_600)).got() == [CEM]


def test_D5_4_after_so_many_minutes_the_lead_goes_to_duty() -> None:
    scenario = full(when_full="duty", duty_after_minutes=10, **DUTY).when(dp(3))
    assert scenario.account.timers["look/a"].due_at == NOON + 10 * MINUTE

    scenario.when(due(), at=NOON + 10 * MINUTE)
    assert (scenario.got(), causes(scenario)) == ([DAN], ["overflow"])


def test_D5_4_each_of_the_waiting_goes_to_duty_after_its_own_minutes() -> None:
    scenario = full(when_full="duty", duty_after_minutes=10, **DUTY)
    scenario.when(dp(3)).when(dp(4), at=NOON + 4 * MINUTE)

    scenario.when(due(), at=NOON + 10 * MINUTE)
    assert scenario.waiting() == ["4.4"]
    assert scenario.account.timers["look/a"].due_at == NOON + 14 * MINUTE
    assert scenario.when(due(generation=2), at=NOON + 14 * MINUTE).got() == [DAN]


def test_D5_4_the_minutes_are_working_time_of_those_at_the_limit() -> None:
    section = rule(ANN, limit=limit(0), when_full="duty", duty_after_minutes=30, **DUTY)
    office = {"schedules": {"office": OFFICE}, "default_schedule": "office"}
    scenario = given(rules=rules(section, **office), at=MONDAY + timedelta(hours=17, minutes=50))
    scenario.when(dp(1))

    scenario.when(due(), at=MONDAY + timedelta(hours=18, minutes=20))
    assert (scenario.got(), scenario.waiting()) == ([], ["1.1"])  # the shift is over
    tuesday = NINE + timedelta(days=1)
    scenario.when(due(generation=2), at=tuesday)
    assert scenario.account.timers["look/a"].due_at == tuesday + 15 * MINUTE
    assert scenario.when(due(generation=3), at=tuesday + 20 * MINUTE).got() == [DAN]


def test_D5_4_while_nobody_has_duty_the_lead_goes_on_waiting_for_a_place() -> None:
    scenario = full(when_full="duty", duty_after_minutes=10, **DUTY).when(dp(3), pause(DAN))
    scenario.when(due(), at=NOON + 10 * MINUTE)
    assert scenario.got() == []

    scenario.when(reported(2, WON, by=BOB, modified=at(900)), at=at(900))
    assert scenario.got() == [BOB]


def test_D8_2_a_request_older_than_the_age_limit_goes_to_duty() -> None:
    office = {"schedules": {"office": OFFICE}, "default_schedule": "office"}
    section = rule(ANN, age_limit_minutes=120, **DUTY)
    evening = MONDAY + timedelta(hours=20)
    scenario = given(rules=rules(section, **office), at=evening).when(dp(1))
    assert scenario.account.timers["look/a"].due_at == evening + timedelta(hours=2)

    scenario.when(due(), at=evening + timedelta(hours=2))
    assert (scenario.got(), causes(scenario)) == ([DAN], ["age_limit"])


def test_D8_2_an_old_request_goes_to_duty_even_if_others_are_there_by_now() -> None:
    rota = {"rota": [{"manager": DAN, "schedule": "office"}]}
    section = rule(ANN, age_limit_minutes=60, duty=rota)
    office = {"schedules": {"office": OFFICE}, "default_schedule": "office"}
    scenario = given(rules=rules(section, **office), at=MONDAY).when(dp(1))

    scenario.when(dp(2), at=NINE - 10 * MINUTE).when(due(), at=NINE)
    assert (scenario.got(), causes(scenario)) == ([DAN, ANN], ["age_limit", None])


def test_D8_2_none_is_dropped_when_duty_is_away_too() -> None:
    section = rule(ANN, age_limit_minutes=60, **DUTY)
    scenario = given(pause(ANN), pause(DAN), rules=rules(section)).when(dp(1))
    scenario.when(due(), at=NOON + timedelta(days=20))
    assert scenario.waiting() == ["1.1"]

    assert scenario.when(resume(ANN)).got() == [ANN]
