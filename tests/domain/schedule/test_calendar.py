"""Which hours a date has: exceptions by range and year, several weekdays, skipped days (D4.5)."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.rules import ScheduleSection
from domain.schedule import Schedule, compile_schedule, schedule_problems
from tests.support.words import Place, with_places

DAY = timedelta(days=1)
NINE_TO_SIX = ["09:00-18:00"]


def made(**section: Any) -> Schedule:
    parsed = ScheduleSection.model_validate(section)
    assert schedule_problems(parsed) == []
    return compile_schedule(parsed, "UTC")


def found(**section: Any) -> list[tuple[Place, str]]:
    return with_places(schedule_problems(ScheduleSection.model_validate(section)))


def worked(schedule: Schedule, first: str, days: int) -> str:
    """For each day from the first on whether there is a shift: `#`, or `.`."""
    start = datetime.fromisoformat(first).replace(tzinfo=UTC)
    hours = [
        schedule.working_time_between(start + n * DAY, start + (n + 1) * DAY) for n in range(days)
    ]
    return "".join("#" if each else "." for each in hours)


def test_D4_5_several_weekdays_have_their_hours_at_once_and_one_by_itself_goes_first() -> None:
    schedule = made(weekly={"mon-fri": NINE_TO_SIX, "fri": ["09:00-12:00"]})
    monday = datetime(2026, 3, 2, tzinfo=UTC)

    assert worked(schedule, "2026-03-02", 7) == "#####.."
    assert schedule.working_time_between(monday, monday + 7 * DAY) == timedelta(hours=4 * 9 + 3)
    assert schedule == made(weekly={"fri": ["09:00-12:00"], "mon-fri": NINE_TO_SIX})


def test_D4_5_several_weekdays_may_go_over_the_weekend() -> None:
    assert worked(made(weekly={"fri-mon": NINE_TO_SIX}), "2026-03-02", 7) == "#...###"


def test_D4_5_a_weekday_in_two_of_several_is_told() -> None:
    assert found(weekly={"mon-wed": NINE_TO_SIX, "wed-fri": NINE_TO_SIX}) == [
        (("weekly", "wed-fri"), "Expected wed to be named once; `mon-wed` names it, too.")
    ]


def test_D4_5_an_interval_that_runs_into_the_next_of_several_days_is_told_once() -> None:
    problems = found(weekly={"mon-fri": ["18:00-10:00", "09:00-12:00"]})

    assert problems == [
        (
            ("weekly", "mon-fri", 1),
            (
                "Expected 09:00-12:00 to start after the end of 18:00-10:00 (weekly.mon-fri.0); "
                "they overlap."
            ),
        )
    ]


def test_D4_5_dates_from_and_to_are_an_exception_without_the_last() -> None:
    closed = {"from": "2026-03-03", "to": "2026-03-05"}

    assert worked(made(always=True, exceptions=[closed]), "2026-03-01", 7) == "##..###"


def test_D4_5_a_yearly_exception_comes_every_year() -> None:
    schedule = made(always=True, exceptions=[{"on": "12-25"}])

    for year in (1999, 2026, 2099):
        assert worked(schedule, f"{year}-12-24", 3) == "#.#"


def test_D4_5_29_february_is_an_exception_in_leap_years_only() -> None:
    schedule = made(always=True, exceptions=[{"on": "02-29"}])

    assert worked(schedule, "2028-02-28", 3) == "#.#"
    assert worked(schedule, "2027-02-28", 3) == "###"


def test_D4_5_of_several_exceptions_for_a_date_the_closest_holds() -> None:
    exceptions = [
        {"on": "2026-12-25", "hours": ["10:00-11:00"]},
        {"from": "2026-12-24", "to": "2026-12-27", "hours": ["10:00-12:00"]},
        {"on": "12-25"},
        {"on": "12-26"},
    ]
    schedule = made(weekly={}, exceptions=exceptions)
    christmas = datetime(2026, 12, 25, tzinfo=UTC)

    assert schedule.working_time_between(christmas, christmas + DAY) == timedelta(hours=1)
    assert schedule.working_time_between(christmas + DAY, christmas + 2 * DAY) == timedelta(hours=2)
    assert worked(schedule, "2027-12-24", 3) == "..."


def test_D4_5_a_rotation_goes_on_after_the_days_it_skips() -> None:
    rotating = {"anchor": "2026-03-02", "pattern": "2/1", "hours": NINE_TO_SIX}
    plain = made(rotating=rotating)
    skipping = made(rotating=rotating | {"skip": ["sat", "sun"]})

    assert worked(plain, "2026-03-02", 14) == "##.##.##.##.##"
    assert worked(skipping, "2026-03-02", 14) == "##.##...##.#.."


def test_D4_5_a_holiday_does_not_count_for_a_rotation_that_skips_them() -> None:
    rotating = {"anchor": "2026-03-02", "pattern": "1/1", "hours": NINE_TO_SIX}
    holiday = [{"on": "2026-03-03"}]

    counted = made(rotating=rotating, exceptions=holiday)
    skipped = made(rotating=rotating | {"skip": ["holidays"]}, exceptions=holiday)
    special = made(
        rotating=rotating | {"skip": ["holidays"]},
        exceptions=[{"on": "2026-03-03", "hours": ["10:00-11:00"]}],
    )

    assert worked(counted, "2026-03-02", 6) == "#.#.#."
    assert worked(skipped, "2026-03-02", 6) == "#..#.#"
    assert worked(special, "2026-03-02", 6) == "###.#."


WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
some_dates = st.dates(date(2019, 1, 1), date(2033, 12, 31))


@given(
    anchor=some_dates,
    asked=some_dates,
    pattern=st.sampled_from(["1/1", "2/2", "3/1/2/2", "5/3"]),
    skip=st.sets(st.sampled_from((*WEEKDAYS[1:], "holidays"))),
    yearly=st.sets(st.sampled_from(["01-01", "02-29", "05-01", "12-25"])),
    dated=st.sets(some_dates, max_size=5),
    special=st.sets(some_dates, max_size=3),
)
def test_D4_5_a_rotation_is_what_counting_day_by_day_from_the_anchor_comes_to(
    anchor: date,
    asked: date,
    pattern: str,
    skip: set[str],
    yearly: set[str],
    dated: set[date],
    special: set[date],
) -> None:
    exceptions: list[dict[str, Any]] = [{"on": on} for on in sorted(yearly)]
    exceptions += [{"on": str(on)} for on in sorted(dated - special)]
    exceptions += [{"on": str(on), "hours": ["00:00-01:00"]} for on in sorted(special)]
    rotating = {"anchor": str(anchor), "pattern": pattern, "hours": ["00:00-24:00"]}
    schedule = made(rotating=rotating | {"skip": sorted(skip)}, exceptions=exceptions)
    turn = [n % 2 == 0 for n, days in enumerate(map(int, pattern.split("/"))) for _ in range(days)]

    def is_holiday(day: date) -> bool:
        return day not in special and (day in dated or f"{day:%m-%d}" in yearly)

    def counts(day: date) -> bool:
        if WEEKDAYS[day.weekday()] in skip:
            return False
        return not ("holidays" in skip and is_holiday(day))

    between = sorted((anchor, asked))
    days = [between[0] + n * DAY for n in range((between[1] - between[0]).days)]
    position = sum(map(counts, days)) * (1 if asked >= anchor else -1)
    works = counts(asked) and not is_holiday(asked) and turn[position % len(turn)]
    start = datetime(asked.year, asked.month, asked.day, tzinfo=UTC)
    expected = timedelta(hours=1) if asked in special else DAY if works else timedelta(0)
    assert schedule.working_time_between(start, start + DAY) == expected


@pytest.mark.parametrize(
    ("exceptions", "path", "told"),
    [
        ([{}], (0,), "Expected `on`, or `from` and `to`."),
        ([{"from": "2026-01-01"}], (0,), "Expected `on`, or `from` and `to`."),
        (
            [{"on": "12-25", "to": "2026-01-01"}],
            (0,),
            "Expected either `on`, or `from` and `to`; both are given.",
        ),
        (
            [{"from": "2026-01-02", "to": "2026-01-02"}],
            (0, "to"),
            (
                "Expected an end after 2026-01-02, found 2026-01-02; "
                "the end is the first instant or date back at work."
            ),
        ),
        (
            [{"on": "02-30"}],
            (0, "on"),
            "Expected a month and a day that exist, such as 12-25; found 02-30.",
        ),
        (
            [{"on": "12-25"}, {"on": "12-25"}],
            (1, "on"),
            "Expected one exception for 12-25; there is another at position 0.",
        ),
        (
            [
                {"from": "2026-01-01", "to": "2026-01-03"},
                {"from": "2026-01-02", "to": "2026-01-04"},
            ],
            (1, "from"),
            "Expected one exception for 2026-01-02; there is another at position 0.",
        ),
        (
            [{"from": "2000-01-01", "to": "2020-01-01"}],
            (0,),
            "Expected at most 5000 days in the exceptions with `from` and `to`.",
        ),
    ],
)
def test_D4_5_what_is_wrong_with_an_exceptions_dates_is_told(
    exceptions: list[dict[str, Any]], path: tuple[str | int, ...], told: str
) -> None:
    assert found(always=True, exceptions=exceptions) == [(("exceptions", *path), told)]


def test_D4_5_a_rotation_needs_a_weekday_that_counts() -> None:
    rotating = {"anchor": "2026-03-02", "pattern": "1/1", "hours": NINE_TO_SIX}

    assert found(rotating=rotating | {"skip": list(WEEKDAYS)}) == [
        (("rotating", "skip"), "Expected at least one weekday that counts; all seven are skipped.")
    ]
    long = rotating | {"pattern": "99/99/99/3", "skip": ["sat", "sun"]}
    assert found(rotating=long) == [
        (("rotating", "pattern"), "Expected a turn of at most 366 days, found 420.")
    ]
