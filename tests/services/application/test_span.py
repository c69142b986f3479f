"""A stretch of time, as somebody types it."""

from datetime import UTC, date, datetime, timedelta

import pytest

from services.application.refused import Refused
from services.application.span import Span, bounds_from, day_from, span_from

NOW = datetime(2026, 10, 28, 12, tzinfo=UTC)
BERLIN = "Europe/Berlin"


def span(start: str, end: str) -> Span:
    return span_from(start, end, now=NOW, timezone=BERLIN, days=30)


def test_days_are_the_accounts_own_and_the_last_one_belongs_to_it() -> None:
    assert span("2026-10-24", "2026-10-25") == Span(
        start=datetime(2026, 10, 23, 22, tzinfo=UTC),
        end=datetime(2026, 10, 25, 23, tzinfo=UTC),  # a day of 25 hours
    )


def test_times_are_taken_as_they_are() -> None:
    told = span("2026-10-20T09:00", "2026-10-20T10:00+00:00")

    assert told == Span(
        start=datetime(2026, 10, 20, 7, tzinfo=UTC), end=datetime(2026, 10, 20, 10, tzinfo=UTC)
    )


def test_without_words_it_is_the_last_days_until_now() -> None:
    assert span("", "") == Span(start=NOW - timedelta(days=30), end=NOW)


@pytest.mark.parametrize(
    ("start", "end", "code"),
    [
        ("yesterday", "", "from_not_a_time"),
        ("2026-13-01", "", "from_not_a_time"),
        ("\u0662\u0660\u0662\u0666-10-20", "", "from_not_a_time"),
        ("0001-01-01", "", "from_not_a_time"),
        ("", "9999-12-31", "to_not_a_time"),
        ("", "09:00", "to_not_a_time"),
        ("2026-10-20", "2026-10-19", "span_empty"),
        ("2027-01-01", "", "span_empty"),
    ],
)
def test_what_is_no_stretch_of_time_is_refused(start: str, end: str, code: str) -> None:
    with pytest.raises(Refused, match=code):
        span(start, end)


def test_a_day_is_the_accounts_own() -> None:
    on, span_ = day_from("2026-10-25", now=NOW, timezone=BERLIN)

    assert on == date(2026, 10, 25)
    assert span_.end - span_.start == timedelta(hours=25)
    assert day_from("", now=NOW, timezone=BERLIN)[0] == date(2026, 10, 28)
    assert day_from("-7d", now=NOW, timezone=BERLIN)[0] == date(2026, 10, 21)


@pytest.mark.parametrize("text", ["monday", "2026-02-30", "9999-12-31"])
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="day_not_a_date"):
        day_from(text, now=NOW, timezone=BERLIN)


def test_A2_1_how_long_ago_is_an_instant_too() -> None:
    assert span("-7d", "-90m") == Span(
        start=NOW - timedelta(days=7), end=NOW - timedelta(minutes=90)
    )


@pytest.mark.parametrize(
    "text", ["-7", "7d", "-7D", "-\N{ARABIC-INDIC DIGIT SEVEN}d", "-9999999d", "--7d"]
)
def test_A2_1_what_is_nearly_so_is_none(text: str) -> None:
    with pytest.raises(Refused) as caught:
        span(text, "")

    assert caught.value.code == "from_not_a_time"


def test_A7_1_a_list_is_open_at_either_end_and_asked_400_days_at_most() -> None:
    def asked(start: str, end: str) -> tuple[datetime | None, datetime | None]:
        return bounds_from(start, end, now=NOW, timezone="UTC")

    with pytest.raises(Refused) as caught:
        asked("-401d", "")

    assert caught.value.code == "span_too_long"
    assert asked("", "") == (None, None)
    assert asked("-400d", "") == (NOW - timedelta(days=400), None)
    assert asked("", "2026-10-01") == (None, datetime(2026, 10, 2, tzinfo=UTC))
