"""Gaps, overlaps and odd zones (D4.3, F66), and where the zones come from (F67)."""

from datetime import UTC, datetime, timedelta
from importlib import metadata, resources
from pathlib import Path
from zoneinfo import reset_tzpath

import pytest

from contracts.rules import ScheduleSection
from contracts.sentences import sentence
from domain.schedule import Schedule, compile_schedule, tzdata_version, zone_problem
from domain.schedule.zones import zone


def on(day: str, name: str, *hours: str) -> Schedule:
    """A schedule that is open on one date only."""
    section = {"weekly": {}, "timezone": name, "exceptions": [{"on": day, "hours": hours}]}
    return compile_schedule(ScheduleSection.model_validate(section), "UTC")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def only_shift(schedule: Schedule, day: str) -> tuple[str, str] | None:
    """The one shift around a date, in UTC; None when there is none."""
    begin = utc(day) - timedelta(days=2)
    start = schedule.next_start(begin)
    if start is None:
        return None
    until = schedule.state_at(start)[1]
    assert schedule.working_time_between(begin, begin + timedelta(days=6)) == until - start
    return f"{start:%m-%d %H:%M}", f"{until:%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("name", "day", "hours", "expected"),
    [
        # 02:00 to 03:00 does not exist, the jump is at 07:00 UTC.
        ("America/New_York", "2026-03-08", "02:30-05:00", ("03-08 07:00", "03-08 09:00")),
        ("America/New_York", "2026-03-08", "02:00-05:00", ("03-08 07:00", "03-08 09:00")),
        ("America/New_York", "2026-03-08", "01:00-02:30", ("03-08 06:00", "03-08 07:00")),
        ("America/New_York", "2026-03-08", "02:15-02:45", None),
        ("Europe/Berlin", "2026-03-29", "02:30-04:00", ("03-29 01:00", "03-29 02:00")),
        ("Europe/Berlin", "2026-03-28", "22:00-02:30", ("03-28 21:00", "03-29 01:00")),
        # Half an hour only: 02:00 to 02:30.
        ("Australia/Lord_Howe", "2024-10-06", "02:10-03:00", ("10-05 15:30", "10-05 16:00")),
        # Gaps at midnight: the date begins at 01:00.
        ("America/Sao_Paulo", "2018-11-04", "00:00-02:00", ("11-04 03:00", "11-04 04:00")),
        ("America/Sao_Paulo", "2018-11-03", "18:00-24:00", ("11-03 21:00", "11-04 03:00")),
        ("America/Havana", "2024-03-10", "00:30-02:00", ("03-10 05:00", "03-10 06:00")),
        ("Asia/Beirut", "2022-03-27", "00:00-09:00", ("03-26 22:00", "03-27 06:00")),
        # Clocks go forward after Ramadan.
        ("Africa/Casablanca", "2024-04-14", "02:30-04:00", ("04-14 02:00", "04-14 03:00")),
        # The island skipped a whole date.
        ("Pacific/Apia", "2011-12-30", "09:00-17:00", None),
        ("Pacific/Apia", "2011-12-30", "22:00-06:00", ("12-30 10:00", "12-30 16:00")),
        ("Pacific/Apia", "2011-12-29", "22:00-06:00", ("12-30 08:00", "12-30 10:00")),
    ],
)
def test_D4_3_a_time_in_a_gap_moves_to_the_first_valid_minute(
    name: str, day: str, hours: str, expected: tuple[str, str] | None
) -> None:
    assert only_shift(on(day, name, hours), day) == expected


@pytest.mark.parametrize(
    ("name", "day", "hours", "expected"),
    [
        # 01:00 to 02:00 happens twice, from 05:00 and from 06:00 UTC.
        ("America/New_York", "2026-11-01", "01:30-03:00", ("11-01 05:30", "11-01 08:00")),
        ("America/New_York", "2026-11-01", "00:00-01:30", ("11-01 04:00", "11-01 06:30")),
        ("America/New_York", "2026-11-01", "01:15-01:45", ("11-01 05:15", "11-01 06:45")),
        ("Europe/Berlin", "2026-10-24", "22:00-02:30", ("10-24 20:00", "10-25 01:30")),
        ("Australia/Lord_Howe", "2024-04-07", "01:45-03:00", ("04-06 14:45", "04-06 16:30")),
        # Midnight itself happens twice.
        ("America/Havana", "2024-11-02", "18:00-24:00", ("11-02 22:00", "11-03 05:00")),
        ("America/Havana", "2024-11-03", "00:00-02:00", ("11-03 04:00", "11-03 07:00")),
        ("Africa/Casablanca", "2024-03-10", "02:30-04:00", ("03-10 01:30", "03-10 04:00")),
    ],
)
def test_D4_3_in_an_overlap_a_start_is_the_first_and_an_end_the_second_occurrence(
    name: str, day: str, hours: str, expected: tuple[str, str]
) -> None:
    assert only_shift(on(day, name, hours), day) == expected


def test_D4_3_shifts_that_meet_in_an_overlap_are_counted_once() -> None:
    schedule = on("2026-11-01", "America/New_York", "00:00-01:30", "01:30-02:30")

    assert only_shift(schedule, "2026-11-01") == ("11-01 04:00", "11-01 07:30")


@pytest.mark.parametrize("name", ["Europe/Berlin", "America/Havana", "Australia/Lord_Howe"])
def test_F66_a_rotation_goes_by_dates_through_every_change_of_clocks(name: str) -> None:
    rotation = {"anchor": "2024-01-01", "pattern": "2/2", "hours": ["12:00-12:01"]}
    section = ScheduleSection.model_validate({"rotating": rotation, "timezone": name})
    schedule = compile_schedule(section, "UTC")
    t = utc("2024-01-01") - timedelta(days=1)

    minutes = []
    while (start := schedule.next_start(t)) is not None and start < utc("2026-01-01"):
        minutes.append((schedule.working_time_between(t, start), start - t))
        t = start

    # One minute worked between two starts, 366 working days in two years of 731 dates.
    assert [worked for worked, _ in minutes] == [timedelta(0)] + [timedelta(minutes=1)] * 365
    assert {round(gap / timedelta(days=1)) for _, gap in minutes[1:]} == {1, 3}


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("Pacific/Kiritimati", "06-01 19:00"),
        ("Etc/GMT+12", "06-02 21:00"),
        ("Asia/Kathmandu", "06-02 03:15"),
        ("Pacific/Chatham", "06-01 20:15"),
        ("Asia/Kolkata", "06-02 03:30"),
    ],
)
def test_F66_zones_of_fourteen_hours_and_of_odd_minutes(name: str, start: str) -> None:
    found = only_shift(on("2026-06-02", name, "09:00-10:00"), "2026-06-02")

    assert found is not None
    assert found[0] == start


def test_F67_the_zones_are_those_of_the_installed_package() -> None:
    year, number = metadata.version("tzdata").split(".")[:2]

    assert tzdata_version() == f"{year}{'_abcdefghijklmnopqrstuvwxyz'[int(number)]}"


def test_F67_the_zones_of_the_system_are_not_asked(tmp_path: Path) -> None:
    wrong = tmp_path / "Asia" / "Tashkent"
    wrong.parent.mkdir()
    wrong.write_bytes((resources.files("tzdata") / "zoneinfo" / "UTC").read_bytes())
    zone.cache_clear()
    reset_tzpath([tmp_path])
    try:
        found = only_shift(on("2026-06-02", "Asia/Tashkent", "09:00-10:00"), "2026-06-02")
    finally:
        reset_tzpath()

    assert found == ("06-02 04:00", "06-02 05:00")


@pytest.mark.parametrize("name", ["", "Mars/Base", "../../etc/passwd", "/etc/localtime", "Europe"])
def test_D4_3_what_is_no_zone_is_refused(name: str) -> None:
    problem = zone_problem(name)

    assert problem is not None
    assert problem == sentence("problem.zone_unknown", given=name)


def test_D4_3_a_zone_in_the_wrong_case_is_told_the_right_one() -> None:
    assert zone_problem("europe/berlin") == sentence(
        "problem.zone_misspelt", given="europe/berlin", meant="Europe/Berlin"
    )


def test_D4_3_a_schedule_in_an_unknown_zone_does_not_compile() -> None:
    with pytest.raises(ValueError, match="unknown time zone 'Mars/Base'"):
        on("2026-06-02", "Mars/Base")
