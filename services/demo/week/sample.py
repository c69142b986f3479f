"""The team of the week and its rules, which use everything an administrator may configure."""

from datetime import UTC, datetime, timedelta
from typing import Any

from contracts.stage import LOST, WON, Stage

TIMEZONE = "Europe/Berlin"
MONDAY = datetime(2026, 10, 18, 22, tzinfo=UTC)  # midnight in Berlin
SUNDAY_NIGHT = datetime(2026, 10, 25, 1, tzinfo=UTC)  # the clocks go back from 3:00 to 2:00
HOUR = timedelta(hours=1)
ACCOUNT_ID = 32_000_001

NEW, VIP_PRICE = Stage(7_000_001, 61_000_003), 5_000
HOTLINE = Stage(7_000_002, 61_000_103)
ENDS = (Stage(7_000_001, WON), Stage(7_000_001, LOST))

ANA, BRUNO, CARLA, DIEGO, ELENA, FELIPE, GRACE, HUGO, ISABEL = range(501, 510)
VERA = 500  # the administrator, in whose name leads come in
NAMES = {
    VERA: "Vera",
    ANA: "Ana",
    BRUNO: "Bruno",
    CARLA: "Carla",
    DIEGO: "Diego",
    ELENA: "Elena",
    FELIPE: "Felipe",
    GRACE: "Grace",
    HUGO: "Hugo",
    ISABEL: "Isabel",
}
NOTES = {
    ANA: "coefficient 2, lunch 12:30 to 13:15",
    BRUNO: "coefficient 1.5, ill from Wednesday 11:00",
    CARLA: "at most 6 leads a day",
    DIEGO: "early shift, on Thursday evening as well",
    ELENA: "two days of work, two days off, Sundays not counted",
    FELIPE: "evenings, priority 2",
    GRACE: "night duty",
    HUGO: "duty at weekends, fallback",
    ISABEL: "in Lisbon, vacation until Thursday, works Elena's Saturday",
}
DUTY = {
    "rota": [
        {"manager": GRACE, "schedule": "night"},
        {"manager": HUGO, "schedule": "weekend"},
    ],
    "fallback": HUGO,
}


def week_rules() -> dict[str, Any]:
    """The rules file as data."""
    return {
        "version": 1,
        "default_schedule": "office",
        "schedules": {
            "office": {"weekly": {"mon-fri": ["09:00-13:00", "14:00-18:00"]}},
            "early": {"weekly": {"mon-fri": ["07:00-15:00"]}},
            "turns": {
                "rotating": {
                    "anchor": "2026-10-19",
                    "pattern": "2/2",
                    "hours": ["10:00-19:00"],
                    "skip": ["sun", "holidays"],
                },
                "exceptions": [
                    {"on": "12-25", "reason": "Christmas"},
                    {"from": "2026-12-28", "to": "2027-01-02", "reason": "closed"},
                ],
            },
            "evening": {"weekly": {"mon-fri": ["18:00-21:00"]}},
            "night": {"weekly": {"mon-sun": ["22:00-06:00"]}},
            "weekend": {"weekly": {"sat-sun": ["06:00-22:00"]}},
        },
        "managers": [{"manager": ISABEL, "timezone": "Europe/Lisbon"}],
        "absences": [
            {"manager": ISABEL, "from": "2026-10-12", "to": "2026-10-22", "reason": "vacation"}
        ],
        "swaps": [
            {
                "on": "2026-10-22",
                "manager": DIEGO,
                "hours": ["15:00-18:00"],
                "reason": "Bruno is ill",
            },
            {"on": "2026-10-24", "manager": ISABEL, "instead_of": ELENA, "reason": "a wedding"},
        ],
        "rules": [_vip(), _site(), _hotline()],
    }


def _vip() -> dict[str, Any]:
    """Large requests: the contact's manager first, else whoever has the most room."""
    return {
        "id": "vip",
        "stages": [_stage(NEW)],
        "conditions": {"price": {"from": VIP_PRICE}},
        "owners": {"sources": ["contact"]},
        "participants": [{"manager": ANA, "limit": 30}, {"manager": BRUNO, "limit": 20}],
        "policy": "most_available",
        "ledger": "vip",
        "off_hours": "reserve_first_starter",
    }


def _site() -> dict[str, Any]:
    """Everything else from the site, by the fair share."""
    return {
        "id": "site",
        "stages": [_stage(NEW)],
        "participants": [
            {"manager": ANA, "coefficient": 2},
            {"manager": BRUNO, "coefficient": "1.5"},
            {"manager": CARLA, "caps": {"day": 6}},
            {"manager": DIEGO, "schedule": "early"},
            {"manager": ELENA, "schedule": "turns"},
            {"manager": FELIPE, "priority": 2, "schedule": "evening"},
            {"manager": ISABEL},
        ],
        "limit": {"max": 25},
        "catch_up": 2,
        "when_full": "duty",
        "duty_after_minutes": 30,
        "age_limit_minutes": 1_440,
        "pace": {"leads": 2, "every_minutes": 20},
        "redistribution": {"after_minutes": 45, "hops_max": 2},
        "at_shift_end": {"hand_over": "untouched"},
        "duty": DUTY,
    }


def _hotline() -> dict[str, Any]:
    """Calls at any hour: whoever has the fewest open ones, at night whoever has duty."""
    return {
        "id": "hotline",
        "stages": [_stage(HOTLINE)],
        "participants": [{"manager": CARLA}, {"manager": DIEGO, "schedule": "early"}],
        "policy": "least_loaded",
        "off_hours": "duty",
        "duty": DUTY,
    }


def _stage(stage: Stage) -> dict[str, int]:
    return {"pipeline": stage.pipeline_id, "stage": stage.status_id}
