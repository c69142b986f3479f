"""From nothing to the first lead: what is done, and the first rule, "everybody, evenly"."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args

from contracts.rules import RulesFile, Weekday
from contracts.stage import Stage
from projections import health, readings
from services.application.baseline import Baseline, baseline_of
from services.application.commands import Once
from services.application.confirmation import Assent
from services.application.installation import Installation
from services.application.principal import Principal
from services.application.refused import Refused
from services.application.rules import AppliedRules, apply
from services.rules_file.file import dump
from services.storage.accounts import RegisteredAccount
from services.storage.database import borrow_to_read
from services.words.names import stage_title

DAYS: tuple[Weekday, ...] = get_args(Weekday)
FIRST_RULE = "everybody"
SCHEDULE = "office"
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingUp:
    """How far an account has come.

    Attributes:
        baseline: Whether all its leads were read once: what was there before is not distributed.
        heard_at: When a webhook of Kommo last told something.
        revision: Of the rules in force; 0 for none.
        decided_at: When a lead was last given to somebody.
    """

    baseline: Baseline
    heard_at: datetime | None
    revision: int
    decided_at: datetime | None

    @property
    def is_done(self) -> bool:
        """Whether a lead was given to somebody."""
        return self.decided_at is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstRule:
    """What somebody chooses who writes no YAML.

    Attributes:
        days: On which they all work; empty for always.
        begins: Of each of these days, as `09:00`.
        ends: The same.
    """

    stage: Stage
    managers: tuple[int, ...]
    days: tuple[Weekday, ...]
    begins: str
    ends: str


async def setting_up(
    installation: Installation, account: RegisteredAccount, principal: Principal
) -> SettingUp:
    """How far the account has come.

    Raises:
        Refused: They may not look.
    """
    principal.require("read")
    account_id = account.account_id
    baseline = await baseline_of(installation, account, principal)
    async with borrow_to_read(installation.pool) as connection:
        vitals = await health.of_one(connection, account_id)
        rules = await readings.named(connection, account_id)
    return SettingUp(
        baseline=baseline,
        heard_at=vitals.heard_at,
        revision=rules.revision,
        decided_at=vitals.decided_at,
    )


async def apply_first_rule(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    chosen: FirstRule,
    *,
    once: Once,
    assent: Assent,
) -> AppliedRules:
    """Put the first rule in force; an account that has rules keeps them.

    Raises:
        Refused: They may not, nobody or no hours are chosen, or there are rules already.
    """
    principal.require("rules")
    text = dump(RulesFile.model_validate(first_rules(chosen))).encode()
    return await apply(
        installation, account, principal, text, base_revision=0, once=once, assent=assent
    )


def first_rules(chosen: FirstRule) -> dict[str, Any]:
    """The rules file of a choice: one stage, one schedule, everybody alike.

    Raises:
        Refused: Nobody takes part, or the hours are none.
    """
    if not chosen.managers:
        raise Refused("first_rule_nobody")
    schedule: dict[str, Any] = {SCHEDULE: {"always": True}}
    if chosen.days:
        hours = _hours(chosen.begins, chosen.ends)
        schedule = {SCHEDULE: {"weekly": {day: [hours] for day in DAYS if day in chosen.days}}}
    return {
        "version": 1,
        "default_schedule": SCHEDULE,
        "schedules": schedule,
        "rules": [
            {
                "id": FIRST_RULE,
                "stages": [{"pipeline": chosen.stage.pipeline_id, "stage": chosen.stage.status_id}],
                "participants": [{"manager": each} for each in chosen.managers],
            }
        ],
    }


def first_stages(account: RegisteredAccount) -> Sequence[tuple[Stage, str]]:
    """Stages that leads can be distributed from, by name: no incoming ones, none put away."""
    return [
        (Stage(pipeline["id"], stage["id"]), stage_title(pipeline, stage))
        for pipeline in account.directory.get("pipelines", [])
        if not pipeline.get("is_archive") and not pipeline.get("is_gone")
        for stage in pipeline["stages"]
        if not stage.get("is_incoming") and stage["id"] not in (142, 143)
    ]


def _hours(begins: str, ends: str) -> str:
    if not (_TIME.fullmatch(begins) and _TIME.fullmatch(ends) and begins != ends):
        raise Refused("hours_unusable", begins=begins, ends=ends)
    return f"{begins}-{ends}"
