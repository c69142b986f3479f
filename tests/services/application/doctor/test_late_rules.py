"""What the doctor tells of rules that are often over their target (D12.1)."""

from datetime import UTC
from typing import Any

from contracts.sentences import sentence
from projections import response
from services.application.doctor.engine import late_rules
from services.projector.schema import prepare
from services.words.catalogue import Words
from tests.projections.kit import ACCOUNT, apply, later, recorded
from tests.projections.test_response import PASSED_ON, described, lives, rules
from tests.services.application.doctor.test_sweeps import Beside

WORDS = Words(language="en", zone=UTC)


async def test_D12_1_a_rule_that_is_often_late_is_a_problem(pool: Any) -> None:
    await prepare(pool, [response])
    hours = rules("08:00-12:00", **PASSED_ON)
    await apply(pool, response, recorded(described(), hours, *lives([31] * 12 + [1] * 8)))

    [found] = [each async for each in late_rules(Beside(pool), later(99))]  # type: ignore[arg-type]

    assert found.subject == sentence("doctor.rule", rule="new", account=ACCOUNT)
    assert WORDS.say(found.found) == "12 of its last 20 leads were not touched within the target"
    assert found.severity == "problem"
    assert found.remedy is not None
    assert "fairlead speed" in WORDS.say(found.remedy)


async def test_D12_1_a_rule_in_time_is_not_spoken_of(pool: Any) -> None:
    await prepare(pool, [response])
    hours = rules("08:00-12:00", **PASSED_ON)
    await apply(pool, response, recorded(described(), hours, *lives([31] * 9 + [1] * 11)))

    assert [each async for each in late_rules(Beside(pool), later(99))] == []  # type: ignore[arg-type]
