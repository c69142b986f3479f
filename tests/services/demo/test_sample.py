"""The sample accounts of the demo show everything that the rules file knows (D1 to D9)."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
from pydantic import BaseModel

from contracts.rules import RulesFile
from contracts.sentences import sentence
from contracts.stage import Stage
from domain.configuration import compile_rules
from services.demo.sample.rules import sample_rules
from services.demo.sample.team import SECOND_TIER_ID
from services.demo.week.sample import week_rules
from services.rules_file.file import dump
from services.rules_file.lint import look_over
from services.sandbox.sample import sample_account

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
SAO_PAULO = "America/Sao_Paulo"
NOT_SHOWN = [
    # Switched off, it would silence the pauses that both samples live from.
    "ActivitySection.enabled",
    # One period is counted like another.
    "RegistrySection.period: day",
    "RegistrySection.period: month",
    # One weekday is skipped like another.
    *(f"Rotation.skip: {day}" for day in ("fri", "mon", "sat", "thu", "tue", "wed")),
    # Switched off, a rule shows nothing.
    "RuleSection.enabled",
    # Triggers of the widget make their rules themselves.
    "RuleSection.widget",
    # Both show what is safe: what only a webhook tells is read.
    "RulesFile.trust_webhooks",
    # Somebody has to add the target first.
    "TellSection.webhook",
    *(f"WidgetSection.{each}" for each in ("has_conditions_of_its_own", "revision", "schedule")),
]


def test_D2_1_every_feature_of_the_rules_file_is_in_one_of_the_sample_accounts() -> None:
    samples = (sample_rules(MONDAY, SAO_PAULO), week_rules())
    shown = {name for sample in samples for name in _used(RulesFile.model_validate(sample))}

    assert sorted(set(_known(RulesFile)) - shown) == NOT_SHOWN


@pytest.mark.parametrize("hour", range(24))
def test_D4_1_at_any_hour_somebody_of_each_rule_is_there_but_for_the_late_ones(hour: int) -> None:
    now = MONDAY + timedelta(hours=hour, minutes=59)
    data = RulesFile.model_validate(sample_rules(now, SAO_PAULO)).model_dump(
        mode="json", by_alias=True
    )
    rules = compile_rules(data, revision=1, timezone=SAO_PAULO, active_user_ids=()).rules

    nobody = [
        rule.rule_id
        for rule in rules
        if not any(p.schedule is None or p.schedule.is_open(now) for p in rule.participants)
    ]
    assert nobody == ["night", "evening"]


def test_D2_1_the_rules_of_the_sample_need_no_second_look() -> None:
    account = sample_account()
    remarks = look_over(
        dump(sample_rules(MONDAY, SAO_PAULO)),
        at=MONDAY,
        timezone=account.timezone,
        known_stages={
            Stage(pipeline.id, status.id): status.name
            for pipeline in account.pipelines.values()
            for status in pipeline.statuses
        },
        known_users={user.id: user.name for user in account.users.values()},
    )

    # Kenji shows just that: a second priority gets nothing while anybody of the first is there.
    (second,) = [remark.found for remark in remarks if remark.severity != "note"]
    assert second == sentence("lint.never_asked", manager=SECOND_TIER_ID, tier=2)
    assert remarks[0].found == sentence("lint.idle_users", managers=(500,))


def _known(model: type[BaseModel]) -> Iterator[str]:
    """Each field that a section may have, and each word that a field may be."""
    for name, field in model.model_fields.items():
        place = f"{model.__name__}.{field.alias or name}"
        yield place
        for kind in _kinds(field.annotation):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from _known(kind)
            elif get_origin(kind) is Literal:
                yield from (f"{place}: {word}" for word in get_args(kind))


def _kinds(annotation: Any) -> Iterator[Any]:
    """What a value may be, within lists, sections by name and choices."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _kinds(get_args(annotation)[0])
    elif origin in (list, dict, Union, UnionType):
        for each in get_args(annotation):
            yield from _kinds(each)
    else:
        yield annotation


def _used(section: BaseModel) -> Iterator[str]:
    """What a file says that would not be so without saying it."""
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        place = f"{type(section).__name__}.{field.alias or name}"
        if field.is_required() or value != field.get_default(call_default_factory=True):
            yield place
        for each in _values(value):
            if isinstance(each, BaseModel):
                yield from _used(each)
            else:
                yield f"{place}: {each}"


def _values(value: Any) -> Iterator[Any]:
    match value:
        case dict():
            yield from value
            yield from (each for inner in value.values() for each in _values(inner))
        case list():
            yield from (each for inner in value for each in _values(inner))
        case _:
            yield value
