"""What is written in a schedule and when that is open (D4.1, D4.2)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.rules import ScheduleSection
from domain.schedule import Schedule, compile_schedule

# A Monday.
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def made(**section: Any) -> Schedule:
    return compile_schedule(ScheduleSection.model_validate(section), "UTC")


def shifts(schedule: Schedule, begin: datetime, end: datetime) -> list[tuple[str, str]]:
    """Every shift that starts in [begin, end), as `day hour:minute` in UTC."""
    found = []
    start = schedule.next_start(begin - timedelta(microseconds=1))
    while start is not None and start < end:
        until = schedule.state_at(start)[1]
        found.append((f"{start:%d %H:%M}", f"{until:%d %H:%M}"))
        start = schedule.next_start(start)
    return found


def week(schedule: Schedule) -> list[tuple[str, str]]:
    return shifts(schedule, MONDAY, MONDAY + 7 * DAY)


def test_D4_1_a_week_has_any_number_of_intervals_a_day() -> None:
    schedule = made(weekly={"mon": ["09:00-13:00", "14:15-18:30"], "wed": ["10:01-10:02"]})

    assert week(schedule) == [
        ("02 09:00", "02 13:00"),
        ("02 14:15", "02 18:30"),
        ("04 10:01", "04 10:02"),
    ]


def test_D4_1_the_order_in_which_intervals_are_written_does_not_matter() -> None:
    one = made(weekly={"tue": ["08:00-09:00"], "mon": ["14:00-18:00", "09:00-13:00"]})
    other = made(weekly={"mon": ["09:00-13:00", "14:00-18:00"], "tue": ["08:00-09:00"]})

    assert one == other


def test_D4_1_the_first_minute_is_in_the_shift_and_the_end_is_not() -> None:
    schedule = made(weekly={"mon": ["09:00-18:00"]})
    instant = timedelta(microseconds=1)

    assert not schedule.is_open(MONDAY + 9 * HOUR - instant)
    assert schedule.is_open(MONDAY + 9 * HOUR)
    assert schedule.is_open(MONDAY + 18 * HOUR - instant)
    assert not schedule.is_open(MONDAY + 18 * HOUR)


def test_D4_1_an_interval_over_midnight_belongs_to_the_day_on_which_it_starts() -> None:
    schedule = made(weekly={"sun": ["22:00-06:00"], "fri": ["23:00-00:00"]})

    assert week(schedule) == [("06 23:00", "07 00:00"), ("08 22:00", "09 06:00")]
    # Sunday night of the week before runs into this Monday.
    assert schedule.is_open(MONDAY + 5 * HOUR)


def test_D4_1_shifts_that_touch_are_one_shift() -> None:
    schedule = made(weekly={"mon": ["18:00-24:00"], "tue": ["00:00-06:00", "06:00-07:00"]})

    assert week(schedule) == [("02 18:00", "03 07:00")]
    assert schedule.next_start(MONDAY + 20 * HOUR) == MONDAY + 7 * DAY + 18 * HOUR


def test_D4_1_the_next_start_is_strictly_later() -> None:
    schedule = made(weekly={"mon": ["09:00-18:00"]})
    start = MONDAY + 9 * HOUR

    assert schedule.next_start(start - HOUR) == start
    assert schedule.next_start(start) == start + 7 * DAY


def test_D4_1_always_on_never_starts_or_ends() -> None:
    schedule = made(always=True, timezone="America/Havana")

    assert schedule.is_open(MONDAY)
    assert schedule.next_start(MONDAY) is None
    assert schedule.working_time_between(MONDAY, MONDAY + 400 * DAY) == 400 * DAY


def test_D4_1_a_schedule_without_hours_never_opens() -> None:
    schedule = made(weekly={})

    assert not schedule.is_open(MONDAY)
    assert schedule.next_start(MONDAY) is None
    assert schedule.working_time_between(MONDAY, MONDAY + 400 * DAY) == timedelta(0)


def test_D4_1_two_days_on_two_days_off_start_at_the_anchor() -> None:
    schedule = made(rotating={"anchor": "2026-03-03", "pattern": "2/2", "hours": ["09:00-21:00"]})

    assert week(schedule) == [
        ("03 09:00", "03 21:00"),
        ("04 09:00", "04 21:00"),
        ("07 09:00", "07 21:00"),
        ("08 09:00", "08 21:00"),
    ]


def test_D4_1_a_rotation_goes_on_backwards_before_its_anchor() -> None:
    hours = ["09:00-21:00"]
    later = made(rotating={"anchor": "2031-03-03", "pattern": "3/1/2/2", "hours": hours})
    days_before = (datetime(2031, 3, 3, tzinfo=UTC) - MONDAY).days

    expected = [n for n in range(7) if (n - days_before) % 8 in {0, 1, 2, 4, 5}]
    assert week(later) == [(f"{n + 2:02} 09:00", f"{n + 2:02} 21:00") for n in expected]


def test_D4_1_each_working_day_of_a_turn_can_have_its_own_hours() -> None:
    schedule = made(
        rotating={
            "anchor": "2026-03-02",
            "pattern": "1/1/2/1",
            "days": [["08:00-20:00"], ["20:00-08:00"], ["09:00-10:00", "11:00-12:00"]],
        }
    )

    assert week(schedule) == [
        ("02 08:00", "02 20:00"),
        ("04 20:00", "05 08:00"),
        ("05 09:00", "05 10:00"),
        ("05 11:00", "05 12:00"),
        ("07 08:00", "07 20:00"),
    ]


def test_D4_2_a_holiday_has_no_hours() -> None:
    schedule = made(weekly={"mon": ["09:00-18:00"]}, exceptions=[{"on": "2026-03-02"}])

    assert week(schedule) == []
    assert schedule.next_start(MONDAY) == MONDAY + 7 * DAY + 9 * HOUR


def test_D4_2_special_hours_replace_those_that_start_on_the_date() -> None:
    schedule = made(
        weekly={"mon": ["09:00-18:00"], "tue": ["09:00-18:00"]},
        exceptions=[{"on": "2026-03-03", "hours": ["10:00-11:00", "22:00-02:00"]}],
    )

    assert week(schedule) == [
        ("02 09:00", "02 18:00"),
        ("03 10:00", "03 11:00"),
        ("03 22:00", "04 02:00"),
    ]


def test_D4_2_the_night_before_a_holiday_runs_into_it() -> None:
    night = ["22:00-06:00"]
    schedule = made(weekly={"mon": night, "tue": night}, exceptions=[{"on": "2026-03-03"}])

    assert week(schedule) == [("02 22:00", "03 06:00")]


def test_D4_2_always_on_can_have_a_holiday() -> None:
    schedule = made(always=True, exceptions=[{"on": "2026-03-03"}])

    assert schedule.state_at(MONDAY) == (True, MONDAY + DAY)
    assert schedule.state_at(MONDAY + DAY) == (False, MONDAY + 2 * DAY)
    assert schedule.next_start(MONDAY) == MONDAY + 2 * DAY


def test_D4_2_a_date_can_work_in_a_schedule_that_else_never_does() -> None:
    schedule = made(weekly={}, exceptions=[{"on": "2027-12-31", "hours": ["09:00-15:00"]}])

    assert schedule.next_start(MONDAY) == datetime(2027, 12, 31, 9, tzinfo=UTC)


def test_D4_3_a_schedule_without_a_zone_is_on_the_clock_of_the_account() -> None:
    section = ScheduleSection.model_validate({"weekly": {"mon": ["09:00-18:00"]}})

    schedule = compile_schedule(section, "Asia/Kathmandu")

    assert schedule.next_start(MONDAY) == MONDAY + timedelta(hours=3, minutes=15)


def test_D4_4_working_time_counts_to_the_microsecond() -> None:
    schedule = made(weekly={"mon": ["09:00-18:00"]})
    late = MONDAY + 9 * HOUR + timedelta(microseconds=1)

    assert schedule.working_time_between(late, MONDAY + 10 * HOUR) == HOUR - timedelta(
        microseconds=1
    )
    assert schedule.working_time_between(MONDAY, MONDAY + 52 * 7 * DAY) == 52 * 9 * HOUR


def test_D4_4_no_time_is_worked_backwards() -> None:
    schedule = made(always=True)

    assert schedule.working_time_between(MONDAY + DAY, MONDAY) == timedelta(0)


@pytest.mark.parametrize(
    "t", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)], ids=["first", "last"]
)
def test_D4_4_the_ends_of_the_calendar_are_survived(t: datetime) -> None:
    schedule = made(weekly={"mon": ["22:00-06:00"]}, timezone="Pacific/Kiritimati")

    assert not schedule.is_open(t)
    assert schedule.state_at(t)[1] >= t
    assert schedule.working_time_between(t, t) == timedelta(0)


def test_D10_1_what_has_been_asked_before_cannot_be_seen() -> None:
    asked = made(weekly={"mon": ["09:00-18:00"]})
    fresh = made(weekly={"mon": ["09:00-18:00"]})
    # Ten years are more than are kept.
    asked.working_time_between(MONDAY, MONDAY + 3_650 * DAY)

    assert (asked, hash(asked), repr(asked)) == (fresh, hash(fresh), repr(fresh))
    assert asked.next_start(MONDAY) == fresh.next_start(MONDAY)


def test_D10_1_a_time_without_a_zone_is_a_mistake_of_the_caller() -> None:
    schedule = made(weekly={"mon": ["09:00-18:00"]})

    with pytest.raises(TypeError):
        schedule.is_open(MONDAY.replace(tzinfo=None))
