"""Changes of schedules in the data of a rules file, and the dates that come of them (D4, W4.5)."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.rules import ScheduleSection, Weekday
from domain.schedule.hours import WEEKDAYS, intervals_of_week
from services.application import schedule_edits as edits
from services.application.calendars import Stretch, planned_days, week_of
from services.application.refused import Refused

DAYS: tuple[list[str], ...] = ([], ["09:00-18:00"], ["09:00-13:00", "14:00-18:00"], ["22:00-06:00"])
keys = st.tuples(st.sampled_from(WEEKDAYS), st.sampled_from((None, *WEEKDAYS))).map(
    lambda pair: pair[0] if pair[1] is None else f"{pair[0]}-{pair[1]}"
)
weeklies = st.dictionaries(keys, st.sampled_from(DAYS), max_size=5)
weeks = st.fixed_dictionaries({day: st.sampled_from(DAYS) for day in WEEKDAYS})
OFFICE = {"schedules": {"office": {"weekly": {"mon-fri": ["09:00-18:00"], "sat": ["10:00-12:00"]}}}}


def weekly(data: edits.Data, name: str = "office") -> dict[str, list[str]]:
    return dict(edits.schedule_in(data, name)["weekly"])


def hours_of(written: dict[str, list[str]]) -> dict[Weekday, list[str]]:
    return {day: found for day, (_, found) in intervals_of_week(written).items()}


@given(weeklies, weeks)
def test_W4_5_a_week_that_was_typed_is_the_week_of_the_file(
    before: dict[str, list[str]], week: dict[Weekday, list[str]]
) -> None:
    changed = edits.with_week({"schedules": {"office": {"weekly": before}}}, "office", week)
    again = edits.with_week(changed, "office", week)

    assert hours_of(weekly(changed)) == week
    assert again == changed
    assert ScheduleSection.model_validate(changed["schedules"]["office"]).weekly is not None


def test_W4_5_a_day_gets_a_line_of_its_own_and_the_others_keep_theirs() -> None:
    week = hours_of(weekly(OFFICE))
    one = edits.with_week(OFFICE, "office", {**week, "wed": ["09:00-13:00"]})
    all_ = edits.with_week(
        OFFICE, "office", {**week, **{day: ["08:00-16:00"] for day in WEEKDAYS[:5]}}
    )

    assert weekly(one) == {**weekly(OFFICE), "wed": ["09:00-13:00"]}
    assert weekly(all_) == {"mon-fri": ["08:00-16:00"], "sat": ["10:00-12:00"]}
    assert edits.with_week(OFFICE, "office", week) == OFFICE


def test_W4_5_another_kind_of_schedule_takes_the_place_of_the_one_before() -> None:
    turn = {"anchor": date(2026, 10, 19), "pattern": "2/2", "hours": ["10:00-19:00"], "skip": None}
    rotating = edits.with_rotation(OFFICE, "office", turn)
    back = edits.with_week(rotating, "office", hours_of(weekly(OFFICE)))

    assert [*rotating["schedules"]["office"]] == ["rotating"]
    assert "skip" not in rotating["schedules"]["office"]["rotating"]
    assert back == OFFICE
    assert edits.with_all_hours(back, "office")["schedules"]["office"] == {"always": True}


def test_W4_5_what_is_taken_out_last_leaves_no_empty_list() -> None:
    entry = {"on": date(2026, 12, 24), "hours": [], "reason": ""}
    added = edits.with_exception(OFFICE, "office", entry)
    away = edits.with_entry(OFFICE, "absences", {"manager": 501})

    assert added["schedules"]["office"]["exceptions"] == [{"on": date(2026, 12, 24)}]
    assert edits.without_exception(added, "office", 0) == OFFICE
    assert edits.without_entry(away, "absences", 0) == OFFICE
    with pytest.raises(Refused):
        edits.without_entry(away, "absences", 1)
    with pytest.raises(Refused):
        edits.with_schedule(OFFICE, "office")
    with pytest.raises(Refused):
        edits.with_week(OFFICE, "night", hours_of({}))


def test_D4_3_a_change_of_the_clocks_moves_no_hours_and_is_told_with_what_it_does() -> None:
    night = ScheduleSection(weekly={"mon-sun": ["22:00-06:00"]})
    autumn = planned_days(night, "Europe/Berlin", first=date(2026, 10, 23), days=4)
    spring = planned_days(night, "Europe/Berlin", first=date(2027, 3, 27), days=2)

    assert {each.hours for each in (*autumn, *spring)} == {"22-6"}
    assert [(each.minutes, each.clock_minutes) for each in autumn] == [
        (480, 0),
        (540, 0),  # the night in which the clocks go back
        (480, 60),
        (480, 0),
    ]
    assert [(each.minutes, each.clock_minutes) for each in spring] == [(420, 0), (480, -60)]


def test_D4_1_a_rotation_goes_by_dates_whatever_the_clocks_do() -> None:
    turn = ScheduleSection.model_validate(
        {"rotating": {"anchor": "2026-10-24", "pattern": "1/1", "hours": ["02:30-10:00"]}}
    )
    days = planned_days(turn, "Europe/Berlin", first=date(2026, 10, 24), days=56)

    assert [bool(each.hours) for each in days] == [True, False] * 28
    assert {each.hours for each in days} == {"2:30-10", ""}


def test_D4_2_the_closest_exception_gives_its_reason() -> None:
    section = ScheduleSection.model_validate(
        {
            "weekly": {"mon-sun": ["09:00-18:00"]},
            "exceptions": [
                {"on": "2026-12-25", "hours": ["10:00-12:00"], "reason": "the one day"},
                {"from": "2026-12-24", "to": "2026-12-27", "reason": "closed"},
                {"on": "12-27", "reason": "each year"},
            ],
        }
    )
    days = planned_days(section, "UTC", first=date(2026, 12, 23), days=6)

    assert [(each.hours, each.is_exception, each.reason) for each in days] == [
        ("9-18", False, ""),
        ("", True, "closed"),
        ("10-12", True, "the one day"),
        ("", True, "closed"),
        ("", True, "each year"),
        ("9-18", False, ""),
    ]


def test_W4_5_hours_over_midnight_are_drawn_on_the_day_after() -> None:
    drawn = {each.day: each.stretches for each in week_of({"sun": ["22:00-06:00"]})}

    assert drawn["sun"] == (Stretch(1320, 1440, 0),)
    assert drawn["mon"] == (Stretch(0, 360, 0, is_carried=True),)
    assert drawn["tue"] == ()
