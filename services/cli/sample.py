"""The sample account of the demo: its rules, made so that every hour of the day shows all of it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

SALES, PARTNERS, RENEWALS = 7_000_001, 7_000_002, 7_000_003
INBOX, NEW_REQUEST = 61_000_002, 61_000_003
PARTNER_REQUEST, RENEWAL_REQUEST = 61_000_103, 61_000_203

LIMITED_ID, PAUSED_ID, ABSENT_ID, OFF_SHIFT_ID, SECOND_TIER_ID = 507, 508, 509, 510, 511
LIMIT = 40
LIMIT_OF_ALL = 100_000
# Kommo user id to coefficient.
COEFFICIENTS = {
    501: "2",
    502: "1.5",
    503: "1",
    504: "1",
    505: "1",
    506: "0.5",
    LIMITED_ID: "1",
    PAUSED_ID: "1",
    ABSENT_ID: "1",
    OFF_SHIFT_ID: "1",
    SECOND_TIER_ID: "1",
    512: "0.75",
}
NOTES = {
    LIMITED_ID: f"limit {LIMIT} open leads",
    PAUSED_ID: "paused by an administrator",
    ABSENT_ID: "on vacation",
    OFF_SHIFT_ID: "off shift",
    SECOND_TIER_ID: "priority 2",
}


def sample_rules(now: datetime, timezone: str) -> dict[str, Any]:
    """The rules file as data: three pipelines, twelve managers, shifts around the present hour.

    Args:
        now: Office hours include it, the late shift does not.
        timezone: Of the account.
    """
    hour = now.astimezone(ZoneInfo(timezone)).hour
    office = [_interval(hour - 4, 8), _interval(hour + 5, 3)]
    yesterday = now.astimezone(ZoneInfo(timezone)).date() - timedelta(days=1)
    tomorrow = now.astimezone(UTC).date() + timedelta(days=2)
    return {
        "version": 1,
        "default_schedule": "office",
        "schedules": {
            "office": {
                "weekly": dict.fromkeys(WEEKDAYS, office),
                "exceptions": [
                    {"on": str(tomorrow + timedelta(days=30)), "hours": [], "reason": "holiday"}
                ],
            },
            "late": {"weekly": {day: [_interval(hour + 6, 8)] for day in WEEKDAYS}},
            "rota": {"rotating": {"anchor": str(yesterday), "pattern": "4/2", "hours": office[:1]}},
            "always": {"always": True},
        },
        "absences": [
            {
                "manager": ABSENT_ID,
                "from": str(yesterday - timedelta(days=3)),
                "to": str(tomorrow + timedelta(days=7)),
                "reason": "vacation",
            }
        ],
        "rules": [
            {
                "id": "site",
                "name": "Requests from the site",
                "stages": [{"pipeline": SALES, "stage": NEW_REQUEST}],
                "limit": {"max": LIMIT_OF_ALL},
                "participants": [_participant(manager_id) for manager_id in COEFFICIENTS],
            },
            {
                "id": "partners",
                "stages": [{"pipeline": PARTNERS, "stage": PARTNER_REQUEST}],
                "participants": [{"manager": 503}, {"manager": 504, "coefficient": "2"}],
            },
            {"id": "renewals", "stages": [{"pipeline": RENEWALS, "stage": RENEWAL_REQUEST}]},
        ],
    }


def _participant(manager_id: int) -> dict[str, Any]:
    part: dict[str, Any] = {"manager": manager_id, "coefficient": COEFFICIENTS[manager_id]}
    if manager_id == LIMITED_ID:
        part["limit"] = LIMIT
    if manager_id == OFF_SHIFT_ID:
        part["schedule"] = "late"
    if manager_id == SECOND_TIER_ID:
        part["priority"] = 2
    if manager_id == 504:  # noqa: PLR2004 - one of them works by turns
        part["schedule"] = "rota"
    if manager_id == 505:  # noqa: PLR2004 - and one always
        part["schedule"] = "always"
    return part


def _interval(first_hour: int, hours: int) -> str:
    return f"{first_hour % 24:02}:00-{(first_hour + hours) % 24:02}:00"
