"""People's own zones, and the hours they swap (D4.6)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.events import LeadAssigned
from contracts.rules import RulesFile
from domain.configuration import Configuration, compile_rules, problems
from domain.schedule import Schedule
from tests.domain.scenario import ANN, BOB, CEM, MONDAY, OFFICE, dp, given, rule, rules
from tests.support.words import Place, with_places

HOUR = timedelta(hours=1)
TUESDAY = "2026-10-13"
TURNS = {"early": {"weekly": {"mon-fri": ["06:00-10:00"]}}, "office": OFFICE}
EVENING = {"on": TUESDAY, "manager": ANN, "hours": ["20:00-22:00"]}


def compiled(*sections: dict[str, Any], **rest: Any) -> Configuration:
    data = {"version": 1, "rules": list(sections), "schedules": TURNS, **rest}
    assert problems(RulesFile.model_validate(data)) == []
    return compile_rules(data, revision=1, timezone="UTC", active_user_ids=(ANN, BOB))


def hours(schedule: Schedule | None, day: int = 1) -> list[str]:
    """The shifts of a day after Monday, in UTC."""
    assert schedule is not None
    begin = MONDAY + timedelta(days=day)
    minutes = [begin + timedelta(minutes=n) for n in range(24 * 60)]
    is_open = [schedule.is_open(minute) for minute in minutes]
    return [
        f"{minute:%H:%M}"
        for minute, before, now in zip(minutes, [False, *is_open], is_open, strict=False)
        if before != now
    ]


def of(configuration: Configuration, manager_id: int, rule_id: str = "a") -> Schedule | None:
    return configuration.by_id[rule_id].schedule_of(manager_id)


def test_D4_6_a_manager_has_the_schedule_on_their_own_clock() -> None:
    file = compiled(
        rule({"manager": ANN, "schedule": "office"}, {"manager": BOB, "schedule": "office"}),
        managers=[{"manager": ANN, "timezone": "Asia/Almaty"}],
    )

    assert hours(of(file, ANN)) == ["04:00", "13:00"]
    assert hours(of(file, BOB)) == ["09:00", "18:00"]


def test_D4_6_a_schedule_that_names_a_zone_keeps_it() -> None:
    file = compiled(
        rule({"manager": ANN, "schedule": "lisbon"}),
        schedules={"lisbon": OFFICE | {"timezone": "Europe/Lisbon"}},
        managers=[{"manager": ANN, "timezone": "Asia/Almaty"}],
    )

    assert hours(of(file, ANN)) == ["08:00", "17:00"]


def test_D4_6_extra_hours_are_worked_on_that_date_only() -> None:
    file = compiled(rule({"manager": ANN, "schedule": "office"}), swaps=[EVENING])

    assert hours(of(file, ANN)) == ["09:00", "18:00", "20:00", "22:00"]
    assert hours(of(file, ANN), day=2) == ["09:00", "18:00"]


def test_D4_6_extra_hours_are_on_the_clock_of_who_works_them_and_count_in_every_rule() -> None:
    file = compiled(
        rule({"manager": ANN, "schedule": "office"}),
        rule({"manager": ANN, "schedule": "early"}, rule_id="b"),
        managers=[{"manager": ANN, "timezone": "Europe/Lisbon"}],
        swaps=[EVENING],
    )

    assert hours(of(file, ANN)) == ["08:00", "17:00", "19:00", "21:00"]
    assert hours(of(file, ANN, "b")) == ["05:00", "09:00", "19:00", "21:00"]


def test_D4_6_hours_taken_over_are_the_colleagues_and_no_longer_theirs() -> None:
    file = compiled(
        rule({"manager": ANN, "schedule": "office"}, {"manager": BOB, "schedule": "early"}),
        swaps=[{"on": TUESDAY, "manager": ANN, "instead_of": BOB}],
    )

    assert hours(of(file, ANN)) == ["06:00", "18:00"]
    assert hours(of(file, BOB)) == []
    assert hours(of(file, BOB), day=2) == ["06:00", "10:00"]


def test_D4_6_a_part_of_a_shift_may_be_taken_over() -> None:
    swap = {"on": TUESDAY, "manager": BOB, "instead_of": ANN, "hours": ["16:00-18:00"]}
    file = compiled(
        rule({"manager": ANN, "schedule": "office"}, {"manager": BOB, "schedule": "early"}),
        swaps=[swap],
    )

    assert hours(of(file, ANN)) == ["09:00", "16:00"]
    assert hours(of(file, BOB)) == ["06:00", "10:00", "16:00", "18:00"]


def test_D4_6_in_a_rule_without_the_colleague_there_is_nothing_to_take_over() -> None:
    file = compiled(
        rule({"manager": ANN, "schedule": "office"}),
        rule({"manager": BOB, "schedule": "early"}, rule_id="b"),
        swaps=[{"on": TUESDAY, "manager": ANN, "instead_of": BOB}],
    )

    assert hours(of(file, ANN)) == ["09:00", "18:00"]
    assert hours(of(file, BOB, "b")) == []


def test_D4_6_who_is_always_there_gives_away_a_day_and_takes_the_default_schedule() -> None:
    swap = {"on": TUESDAY, "manager": ANN, "instead_of": BOB}
    always = compiled(rule(ANN, BOB, CEM), swaps=[swap])
    default = compiled(rule(ANN, BOB), default_schedule="office", swaps=[swap])

    assert hours(of(always, ANN)) == ["00:00"]
    assert hours(of(always, BOB)) == []
    assert of(always, CEM) is None
    assert hours(of(default, ANN)) == ["09:00", "18:00"]
    assert hours(of(default, BOB)) == []


def test_D4_6_everybody_swaps_in_a_rule_that_lists_nobody() -> None:
    file = compiled(rule(), default_schedule="office", swaps=[EVENING])

    assert hours(of(file, ANN)) == ["09:00", "18:00", "20:00", "22:00"]
    assert hours(of(file, BOB)) == ["09:00", "18:00"]


def test_D4_6_a_lead_goes_to_who_took_over_the_hours() -> None:
    """On Tuesday at seven only the early shift is there, and it is Ann's that day."""
    applied = rules(
        rule({"manager": ANN, "schedule": "office"}, {"manager": BOB, "schedule": "early"}),
        schedules=TURNS,
        swaps=[{"on": TUESDAY, "manager": ANN, "instead_of": BOB}],
    )
    at_seven = MONDAY + 7 * HOUR

    def winners(at: datetime) -> list[int]:
        answer = given(rules=applied, at=at).when(dp(1)).answer
        return [event.manager_id for event in answer if isinstance(event, LeadAssigned)]

    assert winners(at_seven) == [BOB]
    assert winners(at_seven + 24 * HOUR) == [ANN]


def test_D4_6_working_time_and_the_next_start_know_of_swaps() -> None:
    file = compiled(rule({"manager": ANN, "schedule": "office"}), swaps=[EVENING])
    schedule = of(file, ANN)
    assert schedule is not None
    tuesday = MONDAY + timedelta(days=1)

    assert schedule.working_time_between(tuesday, tuesday + 24 * HOUR) == 11 * HOUR
    assert schedule.next_start(tuesday + 18 * HOUR) == tuesday + 20 * HOUR


@pytest.mark.parametrize("year", [1, 9999])
def test_D4_6_a_swap_at_the_end_of_the_calendar_is_nobodys(year: int) -> None:
    swaps = [EVENING | {"on": f"{year:04}-01-01"}]
    schedule = of(compiled(rule({"manager": ANN, "schedule": "office"}), swaps=swaps), ANN)

    assert schedule is not None
    assert not schedule.is_open(datetime(2026, 1, 1, 21, tzinfo=UTC))


@pytest.mark.parametrize(
    ("section", "path", "told"),
    [
        ({"swaps": [{"on": TUESDAY, "manager": ANN}]}, ("swaps", 0), "Expected `hours`, "),
        (
            {"swaps": [{"on": TUESDAY, "manager": ANN, "instead_of": ANN}]},
            ("swaps", 0, "instead_of"),
            "Expected a colleague; nobody takes over their own hours.",
        ),
        (
            {"swaps": [EVENING | {"hours": ["20:00-22:00", "21:00-23:00"]}]},
            ("swaps", 0, "hours", 1),
            "Expected 21:00-23:00 to start after",
        ),
        (
            {"managers": [{"manager": ANN, "timezone": "Europe/Lissabon"}]},
            ("managers", 0, "timezone"),
            "There is no time zone",
        ),
        (
            {"managers": [{"manager": ANN, "timezone": "UTC"}] * 2},
            ("managers", 1, "manager"),
            "user 501 is managers[0], too.",
        ),
    ],
)
def test_D4_6_what_is_wrong_is_told_at_its_place(
    section: dict[str, Any], path: Place, told: str
) -> None:
    file = RulesFile.model_validate({"version": 1, "rules": [rule(ANN)], **section})

    ((place, said),) = with_places(problems(file))
    assert place == path
    assert said.startswith(told)
