"""Who has duty, what goes to duty, and that the fair share does not feel it (D7.4, D8.1)."""

from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from contracts.events import AssignmentWithdrawn, LeadAssigned, RequestDeferred
from domain.explain.reproduced import is_reproduced
from tests.domain.scenario import (
    ANN,
    BOB,
    BOSS,
    CEM,
    DAN,
    MONDAY,
    OFFICE,
    Scenario,
    at,
    dp,
    due,
    given,
    limit,
    pause,
    refused,
    rule,
    rules,
    users,
)
from tests.support.words import in_words

EVENING = MONDAY + timedelta(hours=20)
NIGHT = {"weekly": {day: ["18:00-09:00"] for day in ("mon", "tue", "wed", "thu", "fri")}}
LATE = {"weekly": {day: ["22:00-06:00"] for day in ("mon", "tue", "wed", "thu", "fri")}}
SCHEDULES = {"office": OFFICE, "night": NIGHT, "late": LATE}


def after_hours(duty: dict[str, Any], **rest: Any) -> Scenario:
    """An evening at which nobody of the rule is on shift."""
    section = rule(ANN, BOB, duty=duty, off_hours="duty", **rest)
    return given(rules=rules(section, schedules=SCHEDULES, default_schedule="office"), at=EVENING)


def decision(scenario: Scenario) -> LeadAssigned:
    (event,) = (e for e in scenario.answer if isinstance(e, LeadAssigned))
    return event


def test_D7_4_off_hours_a_lead_goes_to_the_duty_manager_at_once() -> None:
    event = decision(after_hours({"manager": CEM}).when(dp(1)))

    assert (event.manager_id, event.policy, event.reason) == (CEM, "duty", "duty")
    assert (event.because, event.movements) == ("off_hours", ())
    assert [(s.manager_id, s.verdict, s.share) for s in event.standings] == [
        (ANN, "off_shift", 0),
        (BOB, "off_shift", 0),
    ]
    assert [(s.manager_id, s.tier, s.verdict) for s in event.duty] == [(CEM, 1, "eligible")]


@pytest.mark.parametrize(
    ("duty", "before", "expected"),
    [
        ([(CEM, "night"), (DAN, None)], [], CEM),
        ([(DAN, None), (CEM, "night")], [], DAN),
        ([(CEM, "late"), (DAN, "night")], [], DAN),
        ([(CEM, "night"), (DAN, None)], [pause(CEM)], DAN),
        ([(CEM, "night"), (DAN, None)], [users(ANN, BOB, DAN, BOSS)], DAN),
        ([(CEM, "late")], [], BOSS),
        ([(CEM, None)], [pause(CEM), pause(BOSS)], BOSS),
    ],
    ids=[
        "the first",
        "in the order of the file",
        "the first on shift",
        "a paused one is passed",
        "a deactivated one is passed",
        "the fallback",
        "the fallback even when paused",
    ],
)
def test_D7_4_the_first_of_the_rota_who_can_has_duty(
    duty: list[tuple[int, str | None]], before: list[Any], expected: int
) -> None:
    rota = [{"manager": m, **({"schedule": s} if s else {})} for m, s in duty]
    scenario = after_hours({"rota": rota, "fallback": BOSS}).when(*before)

    assert scenario.when(dp(1)).got() == [expected]


def test_D7_4_while_nobody_has_duty_the_lead_waits_for_the_first_who_will() -> None:
    scenario = after_hours({"rota": [{"manager": CEM, "schedule": "late"}]})
    scenario.when(dp(1))
    assert scenario.waiting() == ["1.1"]

    scenario.when(due(), at=MONDAY + timedelta(hours=22))
    assert scenario.got() == [CEM]


def test_D7_4_an_absent_duty_manager_is_passed() -> None:
    section = rule(ANN, duty={"manager": CEM, "fallback": DAN}, off_hours="duty")
    absent = [{"manager": CEM, "from": "2026-10-12", "to": "2026-10-13"}]
    applied = rules(section, schedules=SCHEDULES, default_schedule="office", absences=absent)

    assert given(rules=applied, at=EVENING).when(dp(1)).got() == [DAN]


def test_D7_4_duty_asks_for_no_limit_and_its_leads_count_as_open() -> None:
    scenario = after_hours({"manager": ANN}, limit=limit(1))
    assert scenario.when(dp(1), dp(2), dp(3)).got() == [ANN, ANN, ANN]
    assert scenario.account.loads.count(ANN, None) == 3

    assert scenario.when(dp(4), at=at(0) + timedelta(days=1)).got() == [BOB]


def test_D7_4_a_duty_lead_that_a_refusal_takes_back_moves_no_credit() -> None:
    scenario = after_hours({"rota": [{"manager": CEM}, {"manager": DAN}]}).when(dp(1))
    scenario.when(refused(1, CEM))

    withdrawn = [e for e in scenario.answer if isinstance(e, AssignmentWithdrawn)]
    assert [e.movements for e in withdrawn] == [()]
    assert scenario.got() == [DAN]
    assert scenario.credits() == {}


@pytest.mark.parametrize("seed", range(20))
def test_D7_4_the_fair_share_goes_on_as_if_no_duty_lead_had_been(seed: int) -> None:
    random = Random(seed)
    hours = sorted(random.sample(range(7 * 24), 40))
    with_duty, without = after_hours({"manager": ANN}), after_hours({"manager": ANN})
    fair: list[list[int]] = [[], []]
    for lead, hour in enumerate(hours, start=1):
        instant = EVENING + timedelta(hours=hour)
        is_day = instant.weekday() < 5 and 9 <= instant.hour < 18
        fair[0] += with_duty.when(dp(lead), at=instant).got() if is_day else []
        if is_day:
            fair[1] += without.when(dp(lead), at=instant).got()
        else:
            with_duty.when(dp(lead), at=instant)

    assert fair[0] == fair[1]
    assert with_duty.credits() == without.credits()
    assert with_duty.account.last_turns.keys() == without.account.last_turns.keys()


def test_D8_1_a_team_at_its_limit_is_at_work_and_the_lead_waits_for_it() -> None:
    section = rule(ANN, duty={"manager": CEM}, off_hours="duty", limit=limit(0))
    scenario = given(rules=rules(section)).when(dp(1))

    assert [e.reason for e in scenario.answer if isinstance(e, RequestDeferred)] == ["at_limit"]


def test_D10_2_a_duty_decision_is_reproduced_and_told_in_words() -> None:
    duty = {"rota": [{"manager": CEM, "schedule": "late"}, {"manager": DAN}]}
    event = decision(after_hours(duty).when(dp(1)))

    assert is_reproduced(event)
    assert not is_reproduced(replace(event, manager_id=CEM))
    assert in_words(event) == [
        'M504 got lead 1 under rule "a" (revision 1).',
        "It went to duty: nobody was at work. M504 has duty.",
        "Not M503 for duty: off shift.",
        "Duty leads count neither in the ledger nor in the limits.",
        "Not M501: off shift.",
        "Not M502: off shift.",
    ]
