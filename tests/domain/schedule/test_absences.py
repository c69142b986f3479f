"""Vacations and sick leave (D4.2)."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from contracts.rules import AbsenceSection
from contracts.sentences import sentence
from domain.schedule import absence_problems, compile_absences

INSTANT = timedelta(microseconds=1)


def absence(start: Any, end: Any, manager: int = 7) -> AbsenceSection:
    return AbsenceSection.model_validate({"manager": manager, "from": start, "to": end})


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_D4_2_whole_dates_are_the_accounts_and_the_last_is_the_first_day_back() -> None:
    absences = compile_absences([absence(date(2026, 8, 1), date(2026, 8, 15))], "Europe/Berlin")
    gone, back = utc("2026-07-31T22:00"), utc("2026-08-14T22:00")

    assert not absences.is_absent(7, gone - INSTANT)
    assert absences.is_absent(7, gone)
    assert absences.is_absent(7, back - INSTANT)
    assert not absences.is_absent(7, back)
    assert absences.absent_until(7, gone) == back
    assert absences.absent_until(7, back) is None


def test_D4_2_an_instant_with_an_offset_is_that_instant() -> None:
    absences = compile_absences(
        [absence("2026-08-01T12:00:00+02:00", "2026-08-01T13:00:00Z")], "America/Lima"
    )

    assert absences.by_manager == ((7, (utc("2026-08-01T10:00"), utc("2026-08-01T13:00"))),)


def test_D4_2_a_time_without_an_offset_is_on_the_accounts_clock() -> None:
    written = compile_absences([absence("2026-08-01", "2026-08-02T12:00")], "America/Lima")
    meant = compile_absences([absence("2026-08-01T05:00Z", "2026-08-02T17:00Z")], "America/Lima")

    assert written == meant


def test_D4_3_midnights_of_an_absence_follow_the_rule_of_gaps_and_overlaps() -> None:
    havana = compile_absences([absence(date(2024, 3, 10), date(2024, 11, 3))], "America/Havana")

    assert havana.by_manager == ((7, (utc("2024-03-10T05:00"), utc("2024-11-03T05:00"))),)


def test_D4_2_nobody_else_is_away() -> None:
    absences = compile_absences(
        [absence("2026-08-01", "2026-08-15", 7), absence("2026-08-01", "2026-08-15", 9)], "UTC"
    )

    assert [m for m in range(1, 12) if absences.is_absent(m, utc("2026-08-03"))] == [7, 9]


def test_D4_2_absences_that_meet_are_one() -> None:
    absences = compile_absences(
        [
            absence("2026-08-10", "2026-08-20"),
            absence("2026-08-01", "2026-08-10"),
            absence("2026-08-05", "2026-08-07"),
            absence("2026-09-01", "2026-09-02"),
        ],
        "UTC",
    )

    assert absences.absent_until(7, utc("2026-08-01")) == utc("2026-08-20")
    assert absences.state_at(7, utc("2026-07-01")) == (False, utc("2026-08-01"))
    assert absences.state_at(7, utc("2026-08-25")) == (False, utc("2026-09-01"))
    assert absences.state_at(7, utc("2026-09-02")) == (False, None)


def test_D4_2_an_absence_can_be_for_ever() -> None:
    section = absence(date(1, 1, 1), "9999-12-31T23:00:00-05:00")

    absences = compile_absences([section], "Pacific/Kiritimati")

    assert absence_problems(section) == []
    assert absences.absent_until(7, utc("2026-08-03")) == datetime.max.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-08-01", "2026-08-02"),
        ("2026-08-01T10:00Z", "2026-08-01T12:01+02:00"),
        ("2026-08-01T10:00", "2026-08-02"),
        ("2026-08-01T10:00Z", "2026-08-02"),
        (date(2026, 8, 1), "2026-08-01T10:00Z"),
    ],
)
def test_D4_2_a_sound_absence_has_no_problems(start: Any, end: Any) -> None:
    assert absence_problems(absence(start, end)) == []


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (date(2026, 8, 1), date(2026, 8, 1)),
        ("2026-08-02", "2026-08-01"),
        ("2026-08-01T10:00Z", "2026-08-01T12:00+02:00"),
        ("2026-08-01T10:00", "2026-08-01"),
        ("2026-08-02T10:00Z", date(2026, 8, 1)),
    ],
)
def test_D4_2_an_absence_that_ends_before_it_begins_is_refused(start: Any, end: Any) -> None:
    section = absence(start, end)

    start_, end_ = str(section.start), str(section.end)
    assert absence_problems(section) == [
        (("to",), sentence("problem.absence_order", start=start_, end=end_))
    ]
