"""What an operator may type about people."""

from datetime import UTC, datetime
from typing import Any

import pytest

from services.cli.installation import Wrong
from services.cli.people import parse_until, pause

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
NOTHING: Any = None


@pytest.mark.parametrize(
    "text",
    [
        "9999-12-31T23:59",
        "9999-12-31T23:59+00:00",
        "9999-12-31T23:59-14:00",
        "9999-01-01T00:00+00:00",
        "0001-01-01T00:00+14:00",
    ],
)
@pytest.mark.parametrize("zone", ["America/Sao_Paulo", "Asia/Tokyo", "UTC"])
def test_F66_an_end_that_no_zone_can_hold_is_refused(text: str, zone: str) -> None:
    with pytest.raises(Wrong, match="--until: expected"):
        parse_until(text, NOON, zone)


def test_F66_a_far_end_is_an_end() -> None:
    assert parse_until("9998-12-31T15:00", NOON, "UTC") == datetime(9998, 12, 31, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("ill\udcff", "--reason: expected text in UTF-8"),
        ("x" * 501, "--reason: expected at most 500 characters, got 501"),
    ],
)
async def test_a_reason_that_cannot_be_kept_is_refused(reason: str, expected: str) -> None:
    with pytest.raises(Wrong, match=expected):
        await pause(NOTHING, NOTHING, 501, until="", reason=reason)
