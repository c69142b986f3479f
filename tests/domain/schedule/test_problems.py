"""Mistakes in schedules, and the words in which they are told (D4, S34)."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from contracts.rules import ScheduleSection
from domain.schedule import compile_schedule, schedule_problems
from tests.support.words import Place, with_places

NIGHT = ["22:00-07:00"]


def found(**section: Any) -> list[tuple[Place, str]]:
    return with_places(schedule_problems(ScheduleSection.model_validate(section)))


def overlap(interval: str, other: str) -> str:
    return f"Expected {interval} to start after the end of {other}; they overlap."


def rotation(**fields: Any) -> list[tuple[Place, str]]:
    return found(rotating={"anchor": "2026-01-01", **fields})


@pytest.mark.parametrize(
    "section",
    [
        {"always": True},
        {"weekly": {}},
        {"weekly": {"mon": ["09:00-13:00", "13:00-18:00"], "tue": NIGHT, "wed": ["07:00-22:00"]}},
        {"weekly": {"sun": ["22:00-24:00"], "mon": ["00:00-24:00"]}, "timezone": "Asia/Kathmandu"},
        {"rotating": {"anchor": "2026-01-01", "pattern": "2/2", "hours": ["20:00-08:00"]}},
        {"rotating": {"anchor": "2026-01-01", "pattern": "1/1", "days": [["20:00-08:00"]]}},
        {"rotating": {"anchor": "2026-01-01", "pattern": "2/0", "hours": ["00:00-24:00"]}},
        {"weekly": {"mon": NIGHT}, "exceptions": [{"on": "2026-01-06", "hours": ["06:00-09:00"]}]},
    ],
)
def test_D4_1_a_sound_schedule_has_no_problems_and_compiles(section: dict[str, Any]) -> None:
    assert found(**section) == []
    assert compile_schedule(ScheduleSection.model_validate(section), "UTC") is not None


def test_D4_1_a_schedule_is_of_exactly_one_kind() -> None:
    kinds = "`weekly`, `rotating` and `always`"

    assert found() == [((), f"Expected one of {kinds}, found none.")]
    assert found(weekly={}, always=True) == [
        ((), f"Expected exactly one of {kinds}; found: weekly, always.")
    ]


def test_D4_1_a_schedule_without_a_kind_does_not_compile() -> None:
    with pytest.raises(ValueError, match="expected one of weekly, rotating, always"):
        compile_schedule(ScheduleSection(), "UTC")


@pytest.mark.parametrize("interval", ["09:00-09:00", "00:00-00:00"])
def test_D4_1_an_interval_of_no_length_is_refused_with_advice(interval: str) -> None:
    assert found(weekly={"mon": ["10:00-11:00", interval]}) == [
        (
            ("weekly", "mon", 1),
            f"Expected an end other than the start, found {interval}; a whole day is 00:00-24:00.",
        )
    ]


def test_D4_1_intervals_of_a_day_must_not_overlap() -> None:
    assert found(weekly={"mon": ["12:00-18:00", "09:00-12:01"]}) == [
        (("weekly", "mon", 0), overlap("12:00-18:00", "09:00-12:01 (weekly.mon.1)"))
    ]


def test_D4_1_a_long_interval_overlaps_more_than_its_neighbour() -> None:
    problems = found(weekly={"mon": ["08:00-20:00", "09:00-10:00", "11:00-12:00"]})

    assert [path for path, _ in problems] == [("weekly", "mon", 1), ("weekly", "mon", 2)]


@pytest.mark.parametrize(("evening", "morning"), [("mon", "tue"), ("sun", "mon")])
def test_D4_1_a_night_must_not_run_into_the_next_days_hours(evening: str, morning: str) -> None:
    assert found(weekly={morning: ["06:59-12:00"], evening: NIGHT}) == [
        (("weekly", morning, 0), overlap("06:59-12:00", f"22:00-07:00 (weekly.{evening}.0)"))
    ]


def test_D4_1_consecutive_working_days_of_a_rotation_must_not_overlap() -> None:
    message = overlap("20:00-20:30", "20:30-20:15 (rotating.hours.1)")
    hours = ["20:00-20:30", "20:30-20:15"]

    assert rotation(pattern="3/1", hours=hours) == [(("rotating", "hours", 0), message)]
    assert rotation(pattern="1/1", hours=hours) == []


def test_D4_1_the_last_day_of_a_turn_is_followed_by_the_first() -> None:
    days = [["06:00-09:00"], ["22:00-07:00"]]

    assert [path for path, _ in rotation(pattern="2/0", days=days)] == [("rotating", "days", 0, 0)]
    assert rotation(pattern="2/1", days=days) == []


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        (
            "2/2/1",
            "Expected an even count of numbers, working and free days in turn; found 3.",
        ),
        ("0/0", "Expected at least one working day, found none in 0/0."),
        ("0/5", "Expected at least one working day, found none in 0/5."),
        ("/".join(["99"] * 4), "Expected a turn of at most 366 days, found 396."),
    ],
)
def test_D4_1_a_malformed_pattern_is_refused(pattern: str, message: str) -> None:
    problems = rotation(pattern=pattern, hours=["09:00-18:00"])

    assert problems == [(("rotating", "pattern"), message)]


def test_D4_1_a_rotation_has_either_hours_or_days() -> None:
    expected = "Expected either `hours` or `days`, found"
    hours = ["09:00-18:00"]

    assert rotation(pattern="1/1") == [(("rotating",), f"{expected} neither.")]
    assert rotation(pattern="1/1", hours=hours, days=[hours]) == [
        (("rotating",), f"{expected} both.")
    ]


def test_D4_1_each_working_day_of_a_turn_has_its_hours() -> None:
    assert rotation(pattern="3/1/2/2", days=[["09:00-18:00"]]) == [
        (
            ("rotating", "days"),
            "Expected hours for each of the 5 working days of one turn, found 1.",
        )
    ]


def test_D4_1_an_unreadable_rotation_does_not_compile() -> None:
    section = {"rotating": {"anchor": "2026-01-01", "pattern": "3/1", "days": [[]]}}

    with pytest.raises(ValueError, match="expected hours for each working day of one turn"):
        compile_schedule(ScheduleSection.model_validate(section), "UTC")


def test_D4_1_what_a_check_refuses_today_compiles_for_the_sake_of_old_logs() -> None:
    unwise = {"weekly": {"mon": ["09:00-12:00", "11:00-13:00"], "fri": ["09:00-09:00"]}}
    plain = {"weekly": {"mon": ["09:00-13:00"], "fri": ["09:00-24:00"], "sat": ["00:00-09:00"]}}
    one, other = (
        compile_schedule(ScheduleSection.model_validate(section), "UTC")
        for section in (unwise, plain)
    )
    t = datetime(2026, 3, 2, tzinfo=UTC)

    for _ in range(10):
        assert one.state_at(t) == other.state_at(t)
        t = one.state_at(t)[1]


def test_D4_2_a_date_has_one_exception() -> None:
    dates = ["2026-05-01", "2026-05-02", "2026-05-01"]

    assert found(always=True, exceptions=[{"on": on} for on in dates]) == [
        (
            ("exceptions", 2, "on"),
            "Expected one exception for 2026-05-01; there is another at position 0.",
        )
    ]


def test_D4_2_special_hours_are_checked_like_any() -> None:
    exception = {"on": "2026-05-01", "hours": ["09:00-12:00", "11:00-13:00", "14:00-14:00"]}

    problems = found(always=True, exceptions=[exception])

    assert [path for path, _ in problems] == [
        ("exceptions", 0, "hours", 2),
        ("exceptions", 0, "hours", 1),
    ]


def test_D4_3_an_unknown_zone_is_named() -> None:
    assert found(always=True, timezone="Europe/Berlim") == [
        (
            ("timezone",),
            (
                'There is no time zone "Europe/Berlim".'
                " Expected an IANA time zone such as Europe/Berlin."
            ),
        )
    ]


def test_D4_1_all_problems_are_told_at_once() -> None:
    section = {
        "weekly": {"mon": ["09:00-09:00"]},
        "timezone": "x",
        "exceptions": [{"on": "2026-05-01", "hours": ["09:00-12:00", "11:00-13:00"]}],
    }

    assert [path for path, _ in found(**section)] == [
        ("timezone",),
        ("weekly", "mon", 0),
        ("exceptions", 0, "hours", 1),
    ]


def test_S34_a_schedule_has_at_most_500_intervals() -> None:
    minutes = [f"{n // 2:02}:{n % 2 * 30:02}-{n // 2:02}:{n % 2 * 30 + 29:02}" for n in range(48)]
    first = date(2026, 1, 1)

    def exceptions(count: int) -> list[dict[str, Any]]:
        return [{"on": first + timedelta(days=n), "hours": minutes} for n in range(count)]

    assert found(always=True, exceptions=exceptions(10)) == []
    assert found(always=True, exceptions=exceptions(11)) == [
        ((), "Expected at most 500 intervals in one schedule, found 528.")
    ]
    assert rotation(pattern="99/1", days=[minutes] * 99) == [
        ((), "Expected at most 500 intervals in one schedule, found 4752.")
    ]


def test_S34_a_thousand_holidays_are_fine() -> None:
    first = date(2026, 1, 1)

    assert (
        found(always=True, exceptions=[{"on": first + timedelta(days=n)} for n in range(1000)])
        == []
    )
