"""Off hours, the release of what waited, and rules without a shift in sight (D8)."""

from datetime import timedelta
from typing import Any

import pytest

from contracts.events import LeadAssigned
from contracts.inbound import InboundBody, TimerDue
from domain.explain.reproduced import is_reproduced
from domain.requests import backlog
from domain.snapshot import digest, dump, load
from tests.domain.scenario import (
    ANN,
    BOB,
    BOSS,
    CEM,
    MONDAY,
    NINE,
    NOON,
    OFFICE,
    Scenario,
    dp,
    due,
    given,
    limit,
    missing,
    participant,
    pause,
    refused,
    resume,
    rule,
    rules,
    users,
)
from tests.support.words import in_words

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri")
EARLY = {"weekly": {day: ["08:00-16:00"] for day in WEEKDAYS}}
SCHEDULES = {"office": OFFICE, "early": EARLY}
EVENING = MONDAY + timedelta(hours=20)


def at_night(*people: Any, absences: list[Any] | None = None, **rest: Any) -> Scenario:
    section = rule(*people, **rest)
    applied = rules(
        section, schedules=SCHEDULES, default_schedule="office", absences=absences or []
    )
    return given(rules=applied, at=EVENING)


def decisions(scenario: Scenario) -> list[LeadAssigned]:
    return [e for e in scenario.answer if isinstance(e, LeadAssigned)]


# Reserved for whoever starts first (D8.1) -----------------------------------------------------


def reserved(*people: Any, **rest: Any) -> Scenario:
    return at_night(*people, off_hours="reserve_first_starter", **rest)


def test_D8_1_a_lead_is_reserved_for_whoever_starts_first() -> None:
    (event,) = decisions(reserved(participant(ANN), participant(BOB, schedule="early")).when(dp(1)))

    assert (event.manager_id, event.at) == (BOB, EVENING)
    assert event.reserved_until == NINE + DAY - timedelta(hours=1)
    assert [(s.manager_id, s.verdict) for s in event.standings] == [
        (ANN, "off_shift"),
        (BOB, "eligible"),
    ]
    assert event.movements == ((BOB, 0),)


def test_D8_1_those_who_start_together_share_what_is_reserved() -> None:
    assert reserved(ANN, BOB).when(*map(dp, range(1, 5))).got() == [ANN, BOB, ANN, BOB]


@pytest.mark.parametrize(
    ("before", "absences"),
    [
        ([pause(BOB)], []),
        ([pause(BOB, until=MONDAY + 5 * DAY)], []),
        ([users(ANN, CEM, BOSS)], []),
        ([], [{"manager": BOB, "from": "2026-10-12", "to": "2026-10-20"}]),
    ],
    ids=["paused", "paused for days", "deactivated", "on vacation"],
)
def test_D8_1_who_will_not_be_there_is_not_the_first_starter(
    before: list[Any], absences: list[Any]
) -> None:
    scenario = reserved(ANN, participant(BOB, schedule="early"), absences=absences)

    assert scenario.when(*before).when(dp(1)).got() == [ANN]


def test_D8_1_a_pause_that_ends_before_the_shift_is_no_matter() -> None:
    scenario = reserved(ANN, participant(BOB, schedule="early"))

    assert scenario.when(pause(BOB, until=MONDAY + DAY), dp(1)).got() == [BOB]


def test_D8_1_beyond_the_limit_of_who_starts_first_a_lead_waits_for_the_next() -> None:
    scenario = reserved(ANN, participant(BOB, schedule="early"), limit=limit(1))
    assert scenario.when(dp(1), dp(2)).got() == [BOB]

    assert scenario.when(due(), at=NINE + DAY).got() == [ANN]


def test_D8_1_a_reservation_is_reproduced_and_told_in_words() -> None:
    (event,) = decisions(reserved(participant(ANN), participant(BOB, schedule="early")).when(dp(1)))

    assert is_reproduced(event)
    assert (
        "Nobody was at work; it is kept for the next opening, 2026-10-13 08:00:00 UTC."
        in in_words(event)
    )


def test_D8_1_a_reserved_lead_that_kommo_refuses_is_decided_again() -> None:
    scenario = reserved(ANN, participant(BOB, schedule="early")).when(dp(1), refused(1, BOB))

    assert scenario.got() == [BOB, ANN]


# The release at the opening (D8.2) ------------------------------------------------------------

TUESDAY_NINE = NINE + DAY
PACE = {"leads": 2, "every_minutes": 30}


def waiting_leads(count: int, **rest: Any) -> Scenario:
    """Leads 1, 2, 3, ... came in the evening; Ann and Bob start at nine."""
    scenario = at_night(ANN, BOB, **rest).when(*map(dp, range(1, count + 1)))
    scenario.log.clear()
    return scenario


def test_D8_2_without_a_pace_the_backlog_is_given_out_at_once_oldest_first() -> None:
    scenario = waiting_leads(9).when(due(), at=TUESDAY_NINE)

    assert [e.lead_id for e in decisions(scenario)] == list(range(1, 10))


def test_D8_2_each_manager_gets_so_many_of_the_waiting_per_interval() -> None:
    scenario = waiting_leads(9, pace=PACE).when(due(), at=TUESDAY_NINE)
    assert scenario.got() == [ANN, BOB, ANN, BOB]
    assert scenario.account.timers["look/a"].due_at == TUESDAY_NINE + 30 * MINUTE

    assert scenario.when(resume(CEM), at=TUESDAY_NINE + 29 * MINUTE).got() == []
    half_past = scenario.when(due(generation=2), at=TUESDAY_NINE + 30 * MINUTE)
    assert [e.lead_id for e in decisions(half_past)] == [5, 6, 7, 8]
    assert sorted(half_past.got()) == [ANN, ANN, BOB, BOB]
    assert len(scenario.when(due(generation=3), at=TUESDAY_NINE + 60 * MINUTE).got()) == 1
    assert (scenario.waiting(), scenario.account.releases) == ([], {})


def test_D8_2_fresh_leads_take_turns_with_those_that_waited() -> None:
    scenario = waiting_leads(9, pace=PACE)
    scenario.when(due(), at=TUESDAY_NINE)  # four of the nine

    fresh = scenario.when(*map(dp, range(101, 107)), at=TUESDAY_NINE + MINUTE)
    assert [e.lead_id for e in decisions(fresh)] == [101, 102, 103, 104]
    assert {e.release for e in decisions(fresh)} == {"fresh"}
    assert (
        "Waiting leads and fresh ones take turns at present; it was a fresh one's turn."
        in in_words(decisions(fresh)[0])
    )
    assert scenario.waiting()[-2:] == ["105.14", "106.15"]


def test_D8_2_a_fresh_lead_waits_until_one_that_waited_was_given_out() -> None:
    scenario = waiting_leads(1, pace=PACE, limit=limit(0)).when(due(), dp(2), at=TUESDAY_NINE)

    assert (scenario.got(), scenario.waiting()) == ([], ["1.1", "2.2"])


def test_D8_2_a_pace_is_no_limit_and_sends_nothing_to_duty() -> None:
    scenario = waiting_leads(
        9, pace=PACE, when_full="duty", duty_after_minutes=1, duty={"manager": CEM}
    )
    scenario.when(due(), at=TUESDAY_NINE).when(resume(CEM), at=TUESDAY_NINE + 10 * MINUTE)

    assert scenario.got() == []


def test_D8_2_the_release_survives_a_snapshot_and_new_rules() -> None:
    scenario = waiting_leads(9, pace=PACE).when(due(), at=TUESDAY_NINE)
    again = load(dump(scenario.account))
    assert (again, digest(again)) == (scenario.account, digest(scenario.account))

    section = rule(ANN, BOB)
    scenario.when(rules(section, schedules=SCHEDULES, default_schedule="office"))
    assert [e.lead_id for e in decisions(scenario)] == [5, 6, 7, 8, 9]
    assert scenario.account.releases == {}


def more(scenario: Scenario) -> TimerDue:
    """The timer that begins the next piece, as it is set now."""
    return due("more", scenario.account.timers["more"].generation)


def in_pieces(monkeypatch: pytest.MonkeyPatch, leads: int) -> Scenario:
    """The first piece of a backlog is given out, of four leads each."""
    monkeypatch.setattr(backlog, "SERVED_PER_STEP_MAX", 4)
    return waiting_leads(leads).when(due(), at=TUESDAY_NINE)


def test_D8_2_a_long_backlog_is_released_in_bounded_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = in_pieces(monkeypatch, 10)
    got = [[e.lead_id for e in decisions(scenario)]]
    while scenario.waiting():
        scenario.when(more(scenario), at=TUESDAY_NINE)
        got.append([e.lead_id for e in decisions(scenario)])

    assert got == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10]]
    assert scenario.account.timers["more"].due_at is None


@pytest.mark.parametrize(
    "told",
    [due(), due("more", 7), dp(11), missing(1), users(ANN, BOB, CEM, BOSS)],
    ids=["look", "outdated", "new lead", "free place", "people"],
)
def test_D8_2_between_two_pieces_nothing_else_begins_one(
    monkeypatch: pytest.MonkeyPatch, told: InboundBody
) -> None:
    scenario = in_pieces(monkeypatch, 10).when(told, at=TUESDAY_NINE + SECOND / 2)

    assert decisions(scenario) == []
    assert [e.lead_id for e in decisions(scenario.when(more(scenario)))] == [5, 6, 7, 8]


def test_D8_2_the_clock_is_late_and_any_message_begins_the_next_piece(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scenario = in_pieces(monkeypatch, 10)
    late = more(scenario)

    scenario.when(dp(11), at=TUESDAY_NINE + SECOND)
    assert [e.lead_id for e in decisions(scenario)] == [5, 6, 7, 8]
    assert decisions(scenario.when(late)) == []


# Nobody in sight (D8.3) -----------------------------------------------------------------------


def vacation(manager: int, until: str) -> dict[str, Any]:
    return {"manager": manager, "from": "2026-10-12", "to": until}


def alerts(scenario: Scenario) -> list[str]:
    return [type(e).__name__ for e in scenario.answer if type(e).__name__.startswith("Rule")]


@pytest.mark.parametrize(
    ("until", "expected"), [("2026-10-26", []), ("2026-10-27", ["RuleStalled"])]
)
def test_D8_3_no_shift_within_14_days_raises_an_alert_and_the_lead_waits(
    until: str, expected: list[str]
) -> None:
    scenario = at_night(ANN, absences=[vacation(ANN, until)]).when(dp(1))

    assert alerts(scenario) == expected
    assert scenario.waiting() == ["1.1"]


def test_D8_3_the_alert_is_raised_once_and_ends_with_a_shift_in_sight() -> None:
    scenario = at_night(ANN, absences=[vacation(ANN, "2026-11-30")])
    assert alerts(scenario.when(dp(1), dp(2))) == ["RuleStalled"]
    assert alerts(scenario.when(due(), at=EVENING + DAY)) == []

    applied = rules(rule(ANN, BOB), schedules=SCHEDULES, default_schedule="office")
    assert alerts(scenario.when(applied)) == ["RulesApplied", "RuleRevived"]
    assert scenario.account.stalled == ()


def test_D8_3_the_alert_ends_when_nothing_waits_any_more() -> None:
    scenario = at_night(ANN, absences=[vacation(ANN, "2026-11-30")]).when(dp(1))

    assert alerts(scenario.when(missing(1))) == ["RuleRevived"]


def test_D8_3_when_all_have_left_kommo_the_alert_says_so() -> None:
    scenario = given(dp(1)).when(users(BOSS)).when(dp(2))

    assert alerts(scenario) == ["RuleStalled"]
    assert load(dump(scenario.account)).stalled == ("a",)


def test_D8_3_a_pause_without_end_is_no_absence() -> None:
    assert alerts(given(pause(ANN), pause(BOB)).when(dp(1))) == []
    long = given(pause(ANN, until=NOON + 20 * DAY), rules=rules(rule(ANN))).when(dp(1))
    assert alerts(long) == ["RuleStalled"]


def test_D8_3_a_lead_that_goes_to_duty_raises_no_alert() -> None:
    scenario = at_night(
        ANN, absences=[vacation(ANN, "2026-11-30")], off_hours="duty", duty={"manager": CEM}
    )

    assert (scenario.when(dp(1)).got(), alerts(scenario)) == ([CEM], [])
