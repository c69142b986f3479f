"""The bounds of single fields of the rules file; what needs two fields is the domain's."""

from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from contracts.rules import RulesFile
from contracts.stage import Stage

STAGES = [{"pipeline": 7, "stage": 70}]


def file(**rest: Any) -> dict[str, Any]:
    return {"version": 1, "rules": [{"id": "a", "stages": STAGES}], **rest}


def with_rule(**rest: Any) -> dict[str, Any]:
    return file(rules=[{"id": "a", "stages": STAGES, **rest}])


def with_hours(hours: str) -> dict[str, Any]:
    return file(schedules={"office": {"weekly": {"mon": [hours]}}})


def test_D2_1_a_rule_needs_an_id_and_stages_and_no_more() -> None:
    rule = RulesFile.model_validate(file()).rules[0]

    assert (rule.participants, rule.limit, rule.distribute_by_coefficient) == ([], None, True)
    assert rule.stages[0].as_stage() == Stage(7, 70)


def test_D2_4_a_coefficient_is_exact() -> None:
    people = [{"manager": 1, "coefficient": "0.1"}, {"manager": 2, "coefficient": 0.1}]
    rule = RulesFile.model_validate(with_rule(participants=people)).rules[0]

    assert [p.coefficient for p in rule.participants] == [Decimal("0.1"), Decimal("0.1")]


@pytest.mark.parametrize("hours", ["09:00-18:00", "22:00-06:00", "00:00-24:00", "09:00-09:00"])
def test_D4_1_hours_that_can_be_read(hours: str) -> None:
    file_ = RulesFile.model_validate(with_hours(hours))

    assert file_.schedules["office"].weekly == {"mon": [hours]}


@pytest.mark.parametrize(
    "hours",
    ["9:00-18:00", "09:00-25:00", "24:00-06:00", "09:60-10:00", "09:00", "", "09:00-18:00 "],
)
def test_D4_1_hours_that_cannot(hours: str) -> None:
    with pytest.raises(ValidationError):
        RulesFile.model_validate(with_hours(hours))


@pytest.mark.parametrize(
    "data",
    [
        file(version=2),
        file(colour="red"),
        file(rules=[{"id": "a b", "stages": STAGES}]),
        with_rule(stages=[]),
        with_rule(stages=[{"pipeline": 0, "stage": 70}]),
        with_rule(stages=[{"pipeline": 7, "stage": 2**53}]),
        with_rule(participants=[{"manager": 1, "coefficient": -1}]),
        with_rule(participants=[{"manager": 1, "coefficient": "0.0000001"}]),
        with_rule(participants=[{"manager": 1, "coefficient": "NaN"}]),
        with_rule(participants=[{"manager": 1, "priority": 0}]),
        with_rule(participants=[{"manager": 1, "limit": -1}]),
        with_rule(limit={"max": -1}),
        with_rule(limit={"max": 1, "stages": []}),
    ],
)
def test_D2_what_is_out_of_bounds_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RulesFile.model_validate(data)
