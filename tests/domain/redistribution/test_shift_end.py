"""What becomes of leads when their manager goes home (D9.4)."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from contracts.events import Access, HandoverOrdered, TimerScheduled
from contracts.rules import ScheduleSection, ShiftEndSection
from domain.redistribution import shift_end
from domain.redistribution.patience import compile_shift_end
from domain.schedule import compile_schedule
from tests.domain.scenario import (
    ANN,
    BOB,
    CEM,
    HOT,
    MONDAY,
    NEW,
    Scenario,
    dp,
    due,
    given,
    patched,
    pause,
    read,
    reported,
    rule,
    rules,
    told,
    touch,
    users,
)

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
TEN, SIX = MONDAY + 10 * HOUR, MONDAY + 18 * HOUR
SCHEDULES: dict[str, Any] = {
    "day": {"weekly": {"mon-fri": ["09:00-13:00", "14:00-18:00"]}},
    "late": {"weekly": {"mon-fri": ["15:00-22:00"]}},
}
DAY_SHIFT, LATE_SHIFT = {"manager": ANN, "schedule": "day"}, {"manager": BOB, "schedule": "late"}


def at_work(*people: Any, how: str = "untouched", leads: int = 1, **rest: Any) -> Scenario:
    """Leads that Ann was given on Monday at ten, when only she was there."""
    section = {"hand_over": how, **rest.pop("section", {})}
    file = {"schedules": rest.pop("schedules", SCHEDULES)}
    rule_ = rule(*(people or (DAY_SHIFT, LATE_SHIFT)), at_shift_end=section, **rest)
    scenario = given(rules=rules(rule_, **file), at=TEN)
    for lead in range(1, leads + 1):
        scenario.when(dp(lead)).when(patched(lead, modified=TEN))
    return scenario


def ends(scenario: Scenario, at: datetime | None = None, manager: int = ANN) -> Scenario:
    """The timer of the manager's shift comes due."""
    timer_id = f"shift/a/{manager}"
    timer = scenario.account.timers[timer_id]
    assert timer.due_at is not None
    return scenario.when(due(timer_id, timer.generation), at=at or timer.due_at)


def lines(scenario: Scenario) -> list[str]:
    return [told(e) for e in scenario.answer if not isinstance(e, TimerScheduled)]


def test_D9_4_at_the_end_of_a_shift_kommo_is_asked_then_untouched_leads_go_as_one_order() -> None:
    scenario = at_work(leads=2)
    assert scenario.account.timers[f"shift/a/{ANN}"].due_at == SIX

    ends(scenario)
    assert lines(scenario) == [f"ask for touches of {n} until 18:10:00" for n in (1, 2)]
    scenario.when(read(1), read(2), at=SIX + MINUTE).then()
    ends(scenario)

    assert lines(scenario) == [
        "ordered [1, 2] by clock",
        "opened 1.3 under a",
        f"assigned 1.3 to {BOB}",
        "opened 2.4 under a",
        f"assigned 2.4 to {BOB}",
    ]
    (order,) = [e for e in scenario.answer if isinstance(e, HandoverOrdered)]
    assert (order.because, order.manager_id, order.rule_id) == ("shift_end", ANN, "a")


def test_D9_4_what_was_touched_stays() -> None:
    scenario = at_work(leads=3)
    scenario.when(touch(ANN, lead=2, happened=TEN + HOUR), at=TEN + HOUR)
    ends(scenario)
    scenario.when(touch(ANN, lead=1, happened=SIX - MINUTE), at=SIX + MINUTE)  # Kommo, asked, tells

    ends(scenario)
    assert lines(scenario)[0] == "ordered [3] by clock"


def test_D9_4_all_hands_touched_leads_over_as_well_and_asks_nobody() -> None:
    scenario = at_work(how="all", leads=2)
    scenario.when(touch(ANN, lead=2, happened=TEN + HOUR), at=TEN + HOUR)

    ends(scenario)
    assert lines(scenario)[0] == "ordered [1, 2] by clock"


def test_D9_4_all_are_those_in_stages_of_the_rule() -> None:
    scenario = at_work(how="all", leads=2)
    scenario.when(reported(2, HOT, by=ANN, modified=TEN + HOUR), at=TEN + HOUR)

    ends(scenario)
    assert lines(scenario)[0] == "ordered [1] by clock"


def test_D9_4_a_break_is_no_end_of_a_shift() -> None:
    assert at_work().account.timers[f"shift/a/{ANN}"].due_at == SIX
    short = at_work(section={"break_minutes": 30})
    assert short.account.timers[f"shift/a/{ANN}"].due_at == MONDAY + 13 * HOUR


def test_D9_4_while_nobody_is_at_work_leads_stay_until_the_next_shift_ends() -> None:
    scenario = at_work(DAY_SHIFT, {"manager": BOB, "schedule": "day"})

    ends(scenario).then(f"timer shift/a/{ANN} #2: Tue 18:00:00")
    assert scenario.account.leads[1].owner_id == ANN
    assert scenario.account.timers[f"shift/a/{ANN}"].due_at == SIX + DAY


def test_D9_4_somebody_who_is_paused_is_not_at_work() -> None:
    scenario = at_work().when(pause(BOB, admin=True))

    ends(scenario)
    assert lines(scenario) == []


def test_D9_4_a_lead_that_nobody_else_may_see_holds_up_no_other() -> None:
    """The first lead lies in a stage that is hidden from Bob, the only one who stays."""
    scenario = at_work(how="all", leads=2, stages=(NEW, HOT))
    scenario.when(reported(1, HOT, by=ANN, modified=TEN + HOUR), at=TEN + HOUR)
    scenario.when(patched(1, ANN, request=scenario.account.leads[1].request_id), at=TEN + HOUR)
    scenario.when(users(ANN, BOB, CEM, limited=[Access(BOB, hidden_stages=(HOT,))]))

    ends(scenario)
    assert lines(scenario) == [
        "ordered [2] by clock",
        "opened 2.4 under a",
        f"assigned 2.4 to {BOB}",
    ]
    assert scenario.account.owner_of(1) == ANN
    scenario.when(dp(9), at=SIX + MINUTE)
    assert lines(scenario)[-1] == f"assigned 9.5 to {BOB}"


def test_D9_4_rules_that_make_the_shift_longer_hand_nothing_over_yet() -> None:
    scenario = at_work()
    longer = SCHEDULES | {"day": {"weekly": {"mon-fri": ["09:00-20:00"]}}}
    section = rule(DAY_SHIFT, LATE_SHIFT, at_shift_end={"hand_over": "untouched"})
    scenario.when(rules(section, schedules=longer))

    ends(scenario)
    assert lines(scenario) == []
    assert scenario.account.timers[f"shift/a/{ANN}"].due_at == SIX + 2 * HOUR


def test_D9_4_rules_without_it_forget_the_timer_and_who_touched_what() -> None:
    scenario = at_work().when(rules(rule(DAY_SHIFT, LATE_SHIFT), schedules=SCHEDULES))

    assert scenario.account.offers == {}
    ends(scenario).then(f"timer shift/a/{ANN} #2: never")


def test_D9_4_without_leads_the_next_one_sets_the_timer_again() -> None:
    scenario = at_work().when(touch(ANN, happened=TEN + HOUR), at=TEN + HOUR)
    ends(scenario).then(f"timer shift/a/{ANN} #2: never")

    tuesday = TEN + DAY
    scenario.when(dp(2), at=tuesday)
    assert scenario.account.timers[f"shift/a/{ANN}"].due_at == SIX + DAY


def test_D9_4_a_clock_that_is_not_over_is_not_ended_by_the_answer_for_the_shift() -> None:
    scenario = at_work(redistribution={"after_minutes": 2_000})
    ends(scenario)

    scenario.when(read(), at=SIX + MINUTE).then()
    ends(scenario)
    assert lines(scenario)[0] == "ordered [1] by clock"


def test_D9_4_of_very_many_leads_the_order_comes_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shift_end, "LEADS_PER_ORDER_MAX", 2)
    scenario = at_work(how="all", leads=5)
    orders = []
    for _ in range(3):
        ends(scenario)
        orders += [list(e.lead_ids) for e in scenario.answer if isinstance(e, HandoverOrdered)]

    assert orders == [[1, 2], [3, 4], [5]]
    assert {scenario.account.owner_of(lead) for lead in range(1, 6)} == {BOB}


def test_D9_4_duty_and_who_is_always_there_never_go_home() -> None:
    always = at_work(ANN, LATE_SHIFT)
    assert not any(timer.startswith("shift/") for timer in always.account.timers)
    night = given(
        dp(1),
        rules=rules(
            rule(
                DAY_SHIFT,
                at_shift_end={"hand_over": "all"},
                off_hours="duty",
                duty={"manager": CEM},
            ),
            schedules=SCHEDULES,
        ),
        at=SIX + 5 * HOUR,
    )
    assert not any(timer.startswith("shift/") for timer in night.account.timers)


@pytest.mark.parametrize(
    ("hours", "asked", "end"),
    [
        (["09:00-18:00"], 10, 18),
        (["09:00-18:00"], 20, 24 + 18),
        (["09:00-12:00", "12:30-14:00", "16:00-18:00"], 10, 18),
        (["09:00-12:00", "12:30-14:00", "16:00-18:00"], 15, 18),
        (["00:00-24:00"], 10, None),
        ([], 10, None),
    ],
)
def test_D9_4_when_a_shift_ends(hours: list[str], asked: int, end: int | None) -> None:
    schedule = compile_schedule(ScheduleSection(weekly={"mon-sun": hours}), "UTC")
    ends_at = compile_shift_end(ShiftEndSection(hand_over="all", break_minutes=120)).ends_at

    expected = None if end is None else MONDAY + end * HOUR
    assert ends_at(schedule, MONDAY + asked * HOUR) == expected
