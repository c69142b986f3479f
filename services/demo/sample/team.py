"""Who works in the sample account, where, and when: every hour of the day shows all of it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from contracts.stage import Stage

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LISBON = "Europe/Lisbon"

SALES, PARTNERS, RENEWALS = 7_000_001, 7_000_002, 7_000_003
INBOX, NEW_REQUEST = 61_000_002, 61_000_003
SITE_REQUEST, OPEN_DEAL = Stage(SALES, NEW_REQUEST), Stage(SALES, 61_000_006)
PARTNER_REQUEST = Stage(PARTNERS, 61_000_103)
RENEWAL_REQUEST, RENEWAL_OFFER = Stage(RENEWALS, 61_000_203), Stage(RENEWALS, 61_000_205)

ADMIN_ID = 500
ANA, BRUNO, CARLA, DIEGO, ELENA, FELIPE = range(501, 507)
LIMITED_ID, PAUSED_ID, ABSENT_ID, OFF_SHIFT_ID, SECOND_TIER_ID, CAPPED_ID = range(507, 513)
LIMIT = 40
HOUR_CAP = 25
# Kommo user id to coefficient.
COEFFICIENTS = {
    ANA: "2",
    BRUNO: "1.5",
    CARLA: "1",
    DIEGO: "1",
    ELENA: "1",
    FELIPE: "0.5",
    LIMITED_ID: "1",
    PAUSED_ID: "1",
    ABSENT_ID: "1",
    OFF_SHIFT_ID: "1",
    SECOND_TIER_ID: "1",
    CAPPED_ID: "0.75",
}
NOTES = {
    LIMITED_ID: f"limit {LIMIT} open leads",
    PAUSED_ID: "paused",
    ABSENT_ID: "on vacation",
    OFF_SHIFT_ID: "off shift",
    SECOND_TIER_ID: "priority 2",
    CAPPED_ID: f"at most {HOUR_CAP} leads an hour",
}


def schedules(now: datetime, timezone: str) -> dict[str, Any]:
    """Shifts around the present hour: only the late one, in Lisbon, does not include it.

    Args:
        now: What all but the late shift include.
        timezone: Of the account.
    """
    local = now.astimezone(ZoneInfo(timezone))
    office = [_interval(local.hour - 4, 8), _interval(local.hour + 5, 3)]
    late = [_interval(now.astimezone(ZoneInfo(LISBON)).hour + 6, 8)]
    next_month = now.astimezone(UTC).date() + timedelta(days=32)
    return {
        "office": {
            "weekly": dict.fromkeys(WEEKDAYS, office),
            "exceptions": [
                {"on": str(next_month), "hours": [], "reason": "holiday"},
                {
                    "on": str(next_month + timedelta(days=1)),
                    "hours": ["10:00-14:00"],
                    "reason": "stocktaking",
                },
            ],
        },
        "late": {"timezone": LISBON, "weekly": dict.fromkeys(WEEKDAYS, late)},
        "rota": {
            "rotating": {
                "anchor": str(local.date() - timedelta(days=1)),
                "pattern": "4/2",
                "days": [office[:1], office[:1], office[:1], office],
            }
        },
        "always": {"always": True},
    }


def vacation(now: datetime, timezone: str) -> dict[str, Any]:
    """An absence that began some days ago and lasts for some more."""
    today = now.astimezone(ZoneInfo(timezone)).date()
    return {
        "manager": ABSENT_ID,
        "from": str(today - timedelta(days=4)),
        "to": str(today + timedelta(days=9)),
        "reason": "vacation",
    }


def _interval(first_hour: int, hours: int) -> str:
    return f"{first_hour % 24:02}:00-{(first_hour + hours) % 24:02}:00"
