"""When a pause ends, and who may order one (D9.1, D9.2, S8)."""

from datetime import UTC, datetime
from typing import Any

import pytest

from services.access.roles import ROLES, SCOPES, Role
from services.application.commands import Once
from services.application.pauses import end_from, pause, resume
from services.application.principal import Principal
from services.application.refused import Refused

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
NOTHING: Any = None
ONCE = Once(key="k")
TESTER = Principal(id="cli:tester", scopes=SCOPES)


@pytest.mark.parametrize(
    "text",
    [
        "9999-12-31T23:59",
        "9999-12-31T23:59-14:00",
        "0001-01-01T00:00+14:00",
        "9999-12-31T23:59+00:00",
        "9999-01-01T00:00+00:00",
    ],
)
@pytest.mark.parametrize("zone", ["America/Sao_Paulo", "Asia/Tokyo", "UTC"])
def test_F66_an_end_that_no_zone_can_hold_is_refused(text: str, zone: str) -> None:
    with pytest.raises(Refused, match="until_too_far"):
        end_from(text, NOON, zone)


@pytest.mark.parametrize(
    "text",
    [
        "noon",
        "15",
        "25:00",
        "12:60",
        "9:30",
        "12:00:00:00",
        "\uff11\uff12:\uff10\uff10",
        "\u0661\u0662:\u0660\u0660",
        "2026-13-01T10:00",
        "2026-12-01T15:0\uff10",
    ],
)
def test_F66_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="until_not_a_time"):
        end_from(text, NOON, "UTC")


def test_F66_a_far_end_is_an_end() -> None:
    assert end_from("9998-12-31T15:00", NOON, "UTC") == datetime(9998, 12, 31, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("15:00", datetime(2026, 3, 2, 18, tzinfo=UTC)),
        ("09:00", datetime(2026, 3, 3, 12, tzinfo=UTC)),
        ("2026-03-02T15:00", datetime(2026, 3, 2, 18, tzinfo=UTC)),
        ("2026-03-02T15:00+01:00", datetime(2026, 3, 2, 14, tzinfo=UTC)),
    ],
)
def test_D9_2_an_end_is_the_accounts_next_such_time(text: str, at: datetime) -> None:
    assert end_from(text, NOON, "America/Sao_Paulo") == at


def test_F66_a_zone_that_is_not_known_here_is_named() -> None:
    with pytest.raises(Refused, match="time_zone_unknown"):
        end_from("15:00", NOON, "Mars/Olympus")


@pytest.mark.parametrize(
    ("reason", "code"), [("ill\udcff", "reason_not_text"), ("x" * 501, "reason_too_long")]
)
async def test_a_reason_that_cannot_be_kept_is_refused(reason: str, code: str) -> None:
    with pytest.raises(Refused, match=code):
        await pause(NOTHING, NOTHING, TESTER, 501, until=None, reason=reason, once=ONCE)


@pytest.mark.parametrize(
    ("role", "manager_id"),
    [("manager", 502), ("manager", None), ("viewer", 501), ("operator", 501)],
)
async def test_S8_nobody_pauses_another_without_the_grant(
    role: Role, manager_id: int | None
) -> None:
    principal = Principal(id="kommo:502", scopes=ROLES[role], manager_id=manager_id)

    for order in (
        pause(NOTHING, NOTHING, principal, 501, until=None, reason="", once=ONCE),
        resume(NOTHING, NOTHING, principal, 501, once=ONCE),
    ):
        with pytest.raises(Refused) as refused:
            await order
        assert refused.value.code == "not_allowed"
