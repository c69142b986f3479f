"""A trigger is a rule: its form, its place on the stage, and what of it is in force (D1.4).

What Kommo keeps in a trigger decides: a form that nobody saved there stays a revision that nothing
carries. A trigger that is opened reports what it holds.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import SecretStr

from contracts.inbound import CarryTrigger
from contracts.stage import Stage
from domain.state import Account
from services.application.commands import Once, give
from services.application.installation import Installation
from services.application.kommo import receives_at
from services.application.principal import Principal
from services.application.refused import Refused
from services.application.widget.forms import (
    Form,
    FormRemark,
    Section,
    form_of,
    remarks_of,
    section_of,
)
from services.storage.accounts import RegisteredAccount
from services.storage.widget_rules import WidgetRules, key_of

PREFIX = "trigger-"
DEFAULT: dict[str, Any] = {
    "name": "",
    "participants": [],
    "everyone": True,
    "schedule": None,
    "distribute_by_coefficient": True,
    "limit": None,
    "linked": {},
    "owners": None,
    "redistribution": None,
    "duty": None,
    "off_hours": "wait",
    "has_conditions_of_its_own": False,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FormRefused(Exception):
    """A form that says what no rule can."""

    problems: Sequence[FormRemark]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptForm:
    """What a trigger is to carry from now on."""

    rule_id: str
    revision: int
    key: SecretStr
    warnings: Sequence[FormRemark]


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherRule:
    """Another rule of the stage, in the order in which they are tried."""

    rule_id: str
    name: str
    is_of_trigger: bool
    takes_all: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenTrigger:
    """A trigger that somebody looks at.

    Attributes:
        place: Its number among the rules of its stage, from 1; `of` so many.
        copy_of: Another stage on which the same rule stands; None if there is none.
        is_second: One before it takes every lead, so it never acts.
    """

    rule_id: str | None
    revision: int | None
    key: SecretStr
    form: dict[str, Any]
    place: int
    of: int
    others: Sequence[OtherRule]
    after: Sequence[str]
    copy_of: Stage | None
    is_second: bool
    ledgers: Sequence[str]


def rules_of(installation: Installation) -> WidgetRules:
    """The forms that were filled in, and what hooks are known by."""
    return WidgetRules(installation.pool, installation.accounts.vault)


async def hook_address(
    installation: Installation, account: RegisteredAccount, principal: Principal
) -> SecretStr:
    """Where triggers of an account's own widget are sent, the same at each call.

    Raises:
        Refused: They may not, or nobody knows where Kommo reaches us.
    """
    principal.require("access")
    address = receives_at(installation).rstrip("/")
    secret = await rules_of(installation).hook(account.account_id)
    return SecretStr(f"{address}/dp/{secret.get_secret_value()}/")


async def keep_form(  # noqa: PLR0913 - what a trigger is
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    state: Account,
    *,
    rule_id: str | None,
    stage: Stage,
    form: Form,
    is_separate: bool,
    now: datetime,
) -> KeptForm:
    """Keep a form as another revision; nothing is in force until a trigger carries it.

    Raises:
        Refused: They may not, or the rule is a file's.
        FormRefused: It has problems.
    """
    principal.require("rules")
    known = None if rule_id is None else _section(state, rule_id)
    if known is not None and known.get("widget") is None:
        raise Refused("rule_of_file", rule=rule_id or "")
    separated_from = rule_id if is_separate and known is not None else None
    if rule_id is None or is_separate:
        rule_id = PREFIX + secrets.token_hex(6)
    section = section_of(form, rule_id, stage)
    remarks = await remarks_of(section, state.rules_data, account, at=now)
    problems = [each for each in remarks if each.is_problem]
    if problems:
        raise FormRefused(problems=problems)
    rules = rules_of(installation)
    revision = await rules.add(
        account.account_id,
        rule_id=rule_id,
        stage=(stage.pipeline_id, stage.status_id),
        form=dict(form),
        section={name: value for name, value in section.items() if name != "stages"},
        separated_from=separated_from,
        made_by=principal.id,
    )
    return KeptForm(
        rule_id=rule_id,
        revision=revision,
        key=key_of(await rules.hook(account.account_id)),
        warnings=remarks,
    )


async def report_open(
    installation: Installation,
    account: RegisteredAccount,
    principal: Principal,
    *,
    rule_id: str,
    revision: int,
    stage: Stage,
) -> None:
    """Have in force what an opened trigger holds, unless they may only look.

    Raises:
        Refused: The account refuses it.
    """
    known = await rules_of(installation).get(account.account_id, rule_id, revision)
    if known is None or not principal.may("rules"):
        return
    body = CarryTrigger(
        rule_id=rule_id,
        revision=revision,
        stage=stage,
        section=known.section,
        by=principal.id,
        separated_from=known.separated_from,
    )
    asked = {"command": "carry_trigger", "rule": rule_id, "revision": revision, "stage": stage}
    once = Once(key=f"once-{secrets.token_hex(16)}")
    await give(installation, account.account_id, principal, [body], once, asked=asked)


async def open_trigger(
    installation: Installation,
    account: RegisteredAccount,
    state: Account,
    *,
    rule_id: str | None,
    revision: int | None,
    stage: Stage,
) -> OpenTrigger:
    """How a trigger stands among the rules of its stage, and what it says.

    Of a copy that nobody has opened since, it is what is in force by now.
    """
    rules = rules_of(installation)
    section = None if rule_id is None else _section(state, rule_id)
    in_force = ((section or {}).get("widget") or {}).get("revision")
    if rule_id is not None:
        revision = in_force or revision
    kept = (
        None
        if rule_id is None or revision is None
        else await rules.get(account.account_id, rule_id, revision)
    )
    form = kept.form if kept is not None else None if section is None else form_of(section)
    listed = [
        _other(each)
        for each in (state.rules_data or {}).get("rules", ())  # type: ignore[attr-defined]
        if _covers(each, stage) and each.get("enabled", True)
    ]
    ids = [each.rule_id for each in listed]
    place = ids.index(rule_id) + 1 if rule_id in ids else len(ids) + 1
    before = listed[: place - 1]
    stages = [] if section is None else section["stages"]
    elsewhere = [each for each in stages if Stage(each["pipeline"], each["stage"]) != stage]
    return OpenTrigger(
        rule_id=rule_id,
        revision=revision,
        key=key_of(await rules.hook(account.account_id)),
        form={**DEFAULT, **(form or {})},
        place=place,
        of=max(len(ids), place),
        others=[each for each in listed if each.rule_id != rule_id],
        after=[each.name or each.rule_id for each in before],
        copy_of=Stage(elsewhere[0]["pipeline"], elsewhere[0]["stage"]) if elsewhere else None,
        is_second=any(each.takes_all for each in before),
        ledgers=sorted((state.rules_data or {}).get("ledgers", {})),  # type: ignore[call-overload]
    )


def _section(state: Account, rule_id: str) -> Section | None:
    rules: Any = (state.rules_data or {}).get("rules", ())
    return next((each for each in rules if each["id"] == rule_id), None)


def _covers(section: Section, stage: Stage) -> bool:
    return {"pipeline": stage.pipeline_id, "stage": stage.status_id} in section["stages"]


def _other(section: Section) -> OtherRule:
    widget = section.get("widget")
    return OtherRule(
        rule_id=section["id"],
        name=section.get("name", ""),
        is_of_trigger=widget is not None,
        takes_all=not section.get("conditions"),
    )
