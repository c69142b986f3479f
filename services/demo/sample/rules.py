"""The rules file of the sample account: eight rules, and between them all that rules can do."""

from datetime import datetime
from typing import Any

from contracts.stage import Stage
from services.demo.sample import team as t

# Of the partners' requests: the second priority is asked within the demo.
PARTNERS_LIMIT, SECOND_LIMIT = 10, 10_000
TENDER_FROM, TENDER_TO = 5_000, 50_000
TENDER, NIGHT, EVENING = "tender", "night", "evening"
FAIR_SOURCE_ID = 4_001
# Of the requests from the site, by Kommo's ids; everybody gets their part of each.
SOURCES = {4_101: "form", 4_102: "chat", 4_103: "advertisement"}
CITY_FIELD_ID, LANGUAGE_FIELD_ID = 451_001, 451_002
CITY, LANGUAGES = "Lisbon", ["pt", "es"]


def sample_rules(now: datetime, timezone: str) -> dict[str, Any]:
    """The rules file as data: three pipelines, twelve managers, shifts around the present hour.

    Args:
        now: Office hours include it, the late shift does not.
        timezone: Of the account.
    """
    return {
        "version": 1,
        "timezone": timezone,
        "default_schedule": "office",
        "read_within_s": 45,
        "trust_webhooks": False,
        "schedules": t.schedules(now, timezone),
        "absences": [t.vacation(now, timezone)],
        "activity": {"managers_may_change": False},
        "ledgers": {
            "account": {"kinds": ["source", "stage"]},
            "evening": {"kinds": [{"tags": [EVENING, TENDER]}]},
            "partners": {
                "kinds": [
                    {"price": [TENDER_FROM]},
                    {"field": {"id": CITY_FIELD_ID, "values": [CITY]}},
                ]
            },
        },
        "registries": {"offers": {"period": "week"}},
        "rules": [
            _site(),
            _tenders(),
            _fair(),
            _night(),
            _evening(),
            _partners(),
            _renewals(),
            _offers(),
        ],
    }


def _site() -> dict[str, Any]:
    """Everybody takes part: the fair share of the demo's tables, in all and of each source."""
    return {
        "id": "site",
        "name": "Requests from the site",
        "stages": [_stage(t.SITE_REQUEST)],
        "participants": [_participant(manager_id) for manager_id in t.COEFFICIENTS],
        "age_limit_minutes": 1_440,
        "pace": {"leads": 20, "every_minutes": 15},
        "redistribution": {"after_minutes": 30, "hops_max": 3, "accept": "required"},
        "at_shift_end": {"hand_over": "all", "break_minutes": 300},
        "first_touch_target_minutes": 15,
        "duty": {"rota": [{"manager": t.ELENA, "schedule": "always"}], "fallback": t.ANA},
    }


def _participant(manager_id: int) -> dict[str, Any]:
    part: dict[str, Any] = {"manager": manager_id, "coefficient": t.COEFFICIENTS[manager_id]}
    return part | _SPECIAL.get(manager_id, {})


_SPECIAL: dict[int, dict[str, Any]] = {
    t.DIEGO: {"schedule": "rota"},
    t.ELENA: {"schedule": "always"},
    t.LIMITED_ID: {"limit": t.LIMIT},
    t.OFF_SHIFT_ID: {"schedule": "late"},
    t.SECOND_TIER_ID: {"priority": 2},
    t.CAPPED_ID: {"caps": {"hour": t.HOUR_CAP}, "caps_instead": True},
}


def _tenders() -> dict[str, Any]:
    return {
        "id": "tenders",
        "name": "Large tenders",
        "stages": [_stage(t.PARTNER_REQUEST)],
        "conditions": {"tags": [TENDER], "price": {"from": TENDER_FROM, "to": TENDER_TO}},
        "participants": [
            {"manager": t.ANA, "limit": 30},
            {"manager": t.BRUNO, "limit_tasks": {"max": 80, "overdue_max": 20}},
        ],
        "limit_tasks": {"max": 50, "overdue_max": 10},
        "policy": "most_available",
        "limit": {"max": 20, "stages": [_stage(t.PARTNER_REQUEST)]},
        "redistribution": {
            "after_minutes": 240,
            "nothing_changed": "no_stage_change",
            "clock": "wall_clock",
        },
    }


def _fair() -> dict[str, Any]:
    return {
        "id": "fair",
        "name": "Met at the fair of Lisbon",
        "stages": [_stage(t.PARTNER_REQUEST)],
        "conditions": {
            "sources": [FAIR_SOURCE_ID],
            "fields": [{"field": CITY_FIELD_ID, "equals": CITY}],
            "contact_fields": [{"field": LANGUAGE_FIELD_ID, "one_of": LANGUAGES}],
        },
        "participants": [{"manager": t.CARLA}, {"manager": t.ELENA}],
        "policy": "least_loaded",
        "limit": {"max": 200, "stages": [_stage(t.PARTNER_REQUEST)]},
        "when_full": "duty",
        "duty_after_minutes": 30,
        "duty": {"manager": t.FELIPE},
        "redistribution": {"after_minutes": 120, "nothing_changed": "no_change_at_all"},
    }


def _night() -> dict[str, Any]:
    return {
        "id": "night",
        "name": "Urgent, at any hour",
        "stages": [_stage(t.PARTNER_REQUEST)],
        "conditions": {"tags": [NIGHT]},
        "participants": [{"manager": t.OFF_SHIFT_ID, "schedule": "late"}],
        "off_hours": "duty",
        "duty": {"manager": t.ELENA},
    }


def _evening() -> dict[str, Any]:
    return {
        "id": "evening",
        "name": "Call back in the evening",
        "stages": [_stage(t.PARTNER_REQUEST)],
        "conditions": {"tags": [EVENING]},
        "participants": [{"manager": t.OFF_SHIFT_ID, "schedule": "late"}],
        "ledger": "evening",
        "off_hours": "reserve_first_starter",
    }


def _partners() -> dict[str, Any]:
    """A ledger of its own, whoever was away catches up, and the next priority helps out."""
    return {
        "id": "partners",
        "name": "All other partners",
        "stages": [_stage(t.PARTNER_REQUEST)],
        "participants": [
            {"manager": t.CARLA},
            {"manager": t.DIEGO, "coefficient": "2"},
            {"manager": t.FELIPE},
            {"manager": t.SECOND_TIER_ID, "priority": 2, "limit": SECOND_LIMIT},
        ],
        "ledger": "partners",
        "catch_up": 2,
        "limit": {"max": PARTNERS_LIMIT, "stages": [_stage(t.PARTNER_REQUEST)]},
        "caps": {"day": 500, "week": 2_000, "month": 8_000},
        "when_full": "next_tier",
        "tell": {"note": True, "task": {"due_minutes": 60, "text": "Call the partner back"}},
    }


def _renewals() -> dict[str, Any]:
    """Whose customer it is, else one after the other; and what belongs to the lead goes along."""
    return {
        "id": "renewals",
        "name": "Renewals",
        "stages": [_stage(t.RENEWAL_REQUEST)],
        "owners": {
            "sources": ["contact", "company", "other_lead"],
            "among": [t.CARLA, t.DIEGO, t.ELENA],
            "wait_hours": "0.5",
            "ignore_limits": False,
            "debt_max": 3,
        },
        "linked": {
            "contacts": True,
            "company": True,
            "tasks": True,
            "company_leads": True,
            "contact_leads": True,
            "only_for": [t.ADMIN_ID],
        },
        "participants": [{"manager": m, "coefficient": "2"} for m in (t.CARLA, t.DIEGO, t.ELENA)],
        "distribute_by_coefficient": False,
        "ledger": "renewals",
    }


def _offers() -> dict[str, Any]:
    """Whoever has the lead gets its open tasks too, but for one manager's leads, which are kept."""
    return {
        "id": "offers",
        "name": "Offers to customers",
        "stages": [_stage(t.RENEWAL_OFFER)],
        "owners": {"sources": ["lead"], "others": "keep", "keep_for": [t.CAPPED_ID]},
        "linked": {"lead": False, "tasks": True},
        "participants": [{"manager": t.CARLA}, {"manager": t.DIEGO}],
        "policy": "fewest_given",
        "registry": "offers",
    }


def _stage(stage: Stage) -> dict[str, int]:
    return {"pipeline": stage.pipeline_id, "stage": stage.status_id}
