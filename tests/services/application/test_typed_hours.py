"""Hours as people type them, there and back (D4.1, W4.5)."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.rules import ScheduleSection
from services.application.refused import Refused
from services.application.typed_hours import hours_shown, hours_typed

minutes = st.integers(0, 24 * 60 - 1)
times = minutes.map(lambda each: f"{each // 60:02}:{each % 60:02}")
ends = times | st.just("24:00")
intervals = st.tuples(times, ends).map("-".join)
days = st.lists(intervals, max_size=6)


def hours_or_none(text: str) -> list[str] | None:
    """None for what is refused."""
    try:
        return hours_typed(text)
    except Refused:
        return None


@given(days)
def test_W4_5_what_is_shown_can_be_typed_again(day: list[str]) -> None:
    shown = hours_shown(day)

    assert hours_typed(shown) == day
    assert hours_shown(hours_typed(shown)) == shown


@given(st.text(max_size=40) | st.from_regex(r"[0-9:. -]{0,20}"))
def test_W4_5_whatever_is_typed_is_hours_of_a_rules_file_or_refused(text: str) -> None:
    day = hours_or_none(text)

    assert day is None or ScheduleSection(weekly={"mon": day}).weekly == {"mon": day}
    assert day is None or hours_typed(hours_shown(day)) == day


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("9-13 14-18", ["09:00-13:00", "14:00-18:00"]),
        ("9:30 - 13, 14\N{EN DASH}18.15", ["09:30-13:00", "14:00-18:15"]),
        ("22-6", ["22:00-06:00"]),
        ("18-24", ["18:00-24:00"]),
        ("09:00-13:00;14:00-18:00", ["09:00-13:00", "14:00-18:00"]),
        ("", []),
        (" - ", []),
    ],
)
def test_W4_5_hours_are_typed_as_people_write_them(text: str, day: list[str]) -> None:
    assert hours_typed(text) == day


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("9-13 nine", "nine"),
        ("9-25", "9-25"),
        ("24-6", "24-6"),
        ("9-24:30", "9-24:30"),
        ("9:60-10", "9:60-10"),
        ("9", "9"),
        ("٩-١٣", "٩-١٣"),
    ],
)
def test_W4_5_what_is_no_interval_is_named(text: str, part: str) -> None:
    with pytest.raises(Refused) as refused:
        hours_typed(text)

    assert re.escape(part) in re.escape(str(refused.value.sentence.arguments["text"]))
