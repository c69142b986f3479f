"""Where the computation is cut into stretches, nothing is seen of it; where it ends, it says so."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.rules import ScheduleSection
from domain.schedule import HORIZON, Schedule, compile_schedule

INSTANT = timedelta(microseconds=1)
# Stretches are 64 days long, counted from the first day of the calendar; this one is a Sunday.
SEAM = datetime.min.replace(tzinfo=UTC) + 11_562 * timedelta(days=64)


def around_the_seam(zone: str, hours: dict[int, list[str]]) -> Schedule:
    """A schedule open on dates near the seam only: days from it, and their hours."""
    exceptions: list[Any] = [
        {"on": (SEAM + timedelta(days=day)).date(), "hours": written}
        for day, written in hours.items()
    ]
    section = {"weekly": {}, "timezone": zone, "exceptions": exceptions}
    return compile_schedule(ScheduleSection.model_validate(section), "UTC")


@pytest.mark.parametrize(
    ("zone", "hours", "begins_h", "ends_h"),
    [
        ("UTC", {-1: ["22:00-06:00"]}, -2, 6),
        ("UTC", {-1: ["18:00-24:00"]}, -6, 0),
        ("UTC", {0: ["00:00-06:00"]}, 0, 6),
        ("UTC", {-1: ["18:00-24:00"], 0: ["00:00-06:00"]}, -6, 6),
        ("UTC", {-1: ["00:00-24:00"], 0: ["00:00-24:00"]}, -24, 24),
        ("Etc/GMT+12", {-2: ["23:00-22:00"]}, -13, 10),
        ("Etc/GMT+12", {-1: ["11:00-12:00"]}, -1, 0),
        ("Etc/GMT-14", {0: ["13:00-15:00"]}, -1, 1),
        ("Etc/GMT-14", {1: ["10:00-15:00"]}, 20, 25),
    ],
)
def test_D4_4_a_shift_at_a_seam_is_whole(
    zone: str, hours: dict[int, list[str]], begins_h: int, ends_h: int
) -> None:
    schedule = around_the_seam(zone, hours)
    begin, end = SEAM + timedelta(hours=begins_h), SEAM + timedelta(hours=ends_h)
    far = timedelta(days=100)

    assert schedule.next_start(SEAM - far) == begin
    assert schedule.next_start(begin - INSTANT) == begin
    assert schedule.next_start(begin) is None
    assert schedule.state_at(begin - INSTANT) == (False, begin)
    assert schedule.state_at(begin) == (True, end)
    assert schedule.state_at(end - INSTANT) == (True, end)
    assert schedule.state_at(end) == (False, end + HORIZON)
    assert schedule.working_time_between(SEAM - far, SEAM + far) == end - begin
    halves = (
        schedule.working_time_between(SEAM - far, SEAM),
        schedule.working_time_between(SEAM, SEAM + far),
    )
    assert halves == (max(min(end, SEAM) - begin, 0 * far), max(end - max(begin, SEAM), 0 * far))


def test_D4_4_a_start_is_found_up_to_the_horizon() -> None:
    schedule = around_the_seam("UTC", {0: ["00:00-06:00"]})

    assert timedelta(days=366) <= HORIZON
    assert schedule.next_start(SEAM - HORIZON) == SEAM
    assert schedule.next_start(SEAM - HORIZON - INSTANT) is None
    assert schedule.state_at(SEAM - HORIZON - INSTANT) == (False, SEAM - INSTANT)
