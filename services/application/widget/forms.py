"""A trigger's form as a rule of the rules file, and what the linter says of it at its fields.

The words of the form are those of the file (`contracts.rules`); what holds for all participants is
written to each of them there.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from contracts.sentences import Sentence
from contracts.stage import Stage
from services.application.rules import stages_of, users_of
from services.rules_file.lint import Remark, look_over
from services.storage.accounts import RegisteredAccount

Form = Mapping[str, Any]
Section = dict[str, Any]
NO_RULES: Mapping[str, Any] = {"version": 1, "trust_webhooks": False, "rules": []}
# As they are, if they are there at all.
SAME = ("redistribution", "duty", "off_hours", "distribute_by_coefficient")
LINKED = ("contacts", "company", "tasks", "company_leads", "contact_leads")


@dataclass(frozen=True, slots=True, kw_only=True)
class FormRemark:
    """Something about a field.

    Attributes:
        pointer: Into the body, `/form/limit/max`.
        is_problem: It keeps the form from counting.
    """

    pointer: str
    is_problem: bool
    found: Sentence
    advice: Sentence | None


def section_of(form: Form, rule_id: str, stage: Stage) -> Section:
    """The rule that a form says."""
    schedule = form.get("schedule")
    found: Section = {
        "id": rule_id,
        "name": form.get("name") or "",
        "stages": [{"pipeline": stage.pipeline_id, "stage": stage.status_id}],
        "participants": [_participant(each, schedule) for each in form.get("participants") or ()],
        "widget": {
            "revision": 1,
            "has_conditions_of_its_own": bool(form.get("has_conditions_of_its_own")),
        },
    }
    if form.get("everyone"):
        found["participants"] = []
    if schedule is not None and not found["participants"]:
        found["widget"]["schedule"] = schedule
    for name in (*SAME, "limit", "owners"):
        if form.get(name) is not None:
            found[name] = form[name]
    if (limit := form.get("limit")) is not None:
        found["limit"] = {k: v for k, v in limit.items() if v not in (None, [])}
    if (owners := form.get("owners")) is not None:
        found["owners"] = {k: v for k, v in owners.items() if v is not None}
        if not found["owners"].get("sources"):
            del found["owners"]
    linked = form.get("linked") or {}
    if any(linked.get(each) for each in LINKED) or linked.get("lead") is False:
        found["linked"] = {k: v for k, v in linked.items() if v is not None}
    return found


async def remarks_of(
    section: Section,
    rules: Mapping[str, Any] | None,
    account: RegisteredAccount,
    *,
    at: datetime,
) -> list[FormRemark]:
    """What the linter says of a rule among the others in force; of those it says nothing here."""
    others = [each for each in (rules or NO_RULES)["rules"] if each["id"] != section["id"]]
    whole = {**(rules or NO_RULES), "rules": [*others, section]}
    here = f"rules[{len(others)}]"
    # Which stage it is, Kommo's own page says: our list of pipelines may be an hour old.
    known_better = f"{here}.stages"
    found = await asyncio.to_thread(_looked_over, whole, account, at)
    return [
        FormRemark(
            pointer=_pointer(each.field.removeprefix(here)),
            is_problem=each.severity == "problem",
            found=each.found,
            advice=each.advice,
        )
        for each in found
        if each.field.startswith(here)
        and not each.field.startswith(known_better)
        and each.severity != "note"
    ]


def form_of(section: Section) -> dict[str, Any]:
    """A rule as a form, where nobody filled one in: what the form cannot say is left out."""
    found = {
        name: section[name] for name in (*SAME, "limit", "owners", "linked") if name in section
    }
    widget = section.get("widget") or {}
    participants = [dict(each) for each in section.get("participants", ())]
    return {
        "name": section.get("name", ""),
        "participants": participants,
        "everyone": not participants,
        "schedule": widget.get("schedule"),
        "has_conditions_of_its_own": widget.get("has_conditions_of_its_own", False),
        **found,
    }


def _participant(given: Mapping[str, Any], schedule: str | None) -> Section:
    own = {name: value for name, value in given.items() if value is not None}
    return {"schedule": schedule, **own} if schedule is not None else own


def _looked_over(
    whole: Mapping[str, Any], account: RegisteredAccount, at: datetime
) -> list[Remark]:
    return look_over(
        orjson.dumps(whole),
        at=at,
        timezone=account.timezone,
        known_stages=stages_of(account),
        known_users=users_of(account),
    )


def _pointer(field: str) -> str:
    """A field of the file, `.limit.max` or `.participants[0].schedule`, as one of the form."""
    path = [each for each in field.replace("[", ".").replace("]", "").split(".") if each]
    match path:
        case ["stages", *_] | ["id"]:
            return "/stage"
        case ["widget", *rest]:
            return "/".join(["/form", *rest])
        case _:
            return "/".join(["/form", *path])
