"""The week's people and their rules, at whatever hour somebody tries them."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from services.demo.week import sample as week

# On the clocks of the week it is half past ten: lunches, evenings and nights lie around that.
MORNING = 10
CLOCK = re.compile(r"(\d\d)(:\d\d)")
PATIENCE_MINUTES = 4
EVERY_DAY = "mon-sun"
CHRISTMAS = {"on": "12-25", "reason": "Christmas"}


def kommo() -> dict[str, Any]:
    """The account in the local Kommo."""
    return {
        "timezone": week.TIMEZONE,
        "users": [
            {
                "id": user_id,
                "name": name,
                "email": f"{name.lower()}@example.test",
                "is_admin": user_id == week.VERA,
            }
            for user_id, name in week.NAMES.items()
        ],
        "pipelines": [
            {
                "id": week.NEW.pipeline_id,
                "name": "Site",
                "statuses": [
                    {"id": week.NEW.status_id - 1, "name": "Inbox"},
                    {"id": week.NEW.status_id, "name": "New request"},
                    {"id": week.NEW.status_id + 1, "name": "In conversation"},
                ],
            },
            {
                "id": week.HOTLINE.pipeline_id,
                "name": "Hotline",
                "statuses": [{"id": week.HOTLINE.status_id, "name": "Call"}],
            },
        ],
    }


def rules(now: datetime) -> dict[str, Any]:
    """The rules of the week, with its hours moved so that the team is at work.

    Args:
        now: In the middle of the morning.
    """
    local = now.astimezone(ZoneInfo(week.TIMEZONE))
    found, hours = week.week_rules(), local.hour - MORNING
    found["schedules"] = {
        name: _schedule(schedule, hours, local) for name, schedule in found["schedules"].items()
    }
    found["absences"] = [
        {
            "manager": week.ISABEL,
            "from": str(local.date() - timedelta(days=4)),
            "to": str(local.date() + timedelta(days=9)),
            "reason": "vacation",
        }
    ]
    found["swaps"] = [
        {
            "on": str(local.date() + timedelta(days=1)),
            "manager": week.FELIPE,
            "instead_of": week.DIEGO,
            "reason": "a wedding",
        }
    ]
    for rule in found["rules"]:
        if "redistribution" in rule:
            # So that it is seen how a lead is passed on.
            rule["redistribution"] = {"after_minutes": PATIENCE_MINUTES, "hops_max": 2}
    return found


def _schedule(schedule: Mapping[str, Any], hours: int, local: datetime) -> dict[str, Any]:
    if "weekly" in schedule:
        (intervals,) = schedule["weekly"].values()
        return {"weekly": {EVERY_DAY: [_moved(each, hours) for each in intervals]}}
    turns = schedule["rotating"]
    return {
        "rotating": {
            "anchor": str(local.date()),
            "pattern": turns["pattern"],
            "hours": [_moved(each, hours) for each in turns["hours"]],
            "skip": ["holidays"],
        },
        "exceptions": [CHRISTMAS],
    }


def _moved(interval: str, hours: int) -> str:
    return CLOCK.sub(lambda clock: f"{(int(clock[1]) + hours) % 24:02}{clock[2]}", interval)
