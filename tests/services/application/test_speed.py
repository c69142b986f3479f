"""How fast leads were served, as whoever may read is told (D12.1)."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, get_args

import pytest

from projections import response
from projections.response import By, LegTimes, Speed
from services.access.roles import ROLES
from services.application.principal import Principal
from services.application.refused import Refused
from services.application.speed import speed
from services.cli.speed import SpeedBy
from tests.projections.kit import (
    ACCOUNT,
    NINE,
    assigned,
    confirmed,
    later,
    opened,
    recorded,
    touched,
)
from tests.projections.test_response import described, rules
from tests.services.application.kit import account_of, between, lived

VIEWER = Principal(id="person:7", scopes=ROLES["viewer"])
ACME = account_of(ACCOUNT)
# Of the rule's managers, who work from 8 to 9:10: two leads of 501, one of 502.
LOG = recorded(
    described(),
    rules("08:00-09:10", redistribution={"after_minutes": 60}, first_touch_target_minutes=5),
    opened(1, at=NINE - timedelta(minutes=2)),
    assigned(1),
    confirmed(1, at=NINE + timedelta(seconds=3)),
    opened(2),
    assigned(2),
    touched(1, happened_at=later(4), at=later(4)),
    opened(3),
    assigned(3, manager_id=502),
    touched(3, manager_id=502, by=502, happened_at=later(20), at=later(20)),
)


async def asked(
    pool: Any, by: By, principal: Principal = VIEWER, *, begins: int = -9
) -> Sequence[Speed]:
    ours = await lived(pool, LOG, (response,))
    span = between(later(begins), later(99))
    return await speed(ours, ACME, principal, span=span, by=by, now=later(99))


async def test_D12_1_each_leg_by_the_clock_and_in_working_time(pool: Any) -> None:
    ana, bruno = await asked(pool, "manager")

    assert (ana.of, ana.given, ana.judged, ana.in_target) == (501, 2, 1, 1)
    assert ana.legs["wait"] == LegTimes(
        leads=2, median_s=60, p90_s=108, median_worked_s=60, p90_worked_s=108
    )
    assert ana.legs["push"] == LegTimes(
        leads=1, median_s=3, p90_s=3, median_worked_s=3, p90_worked_s=3
    )
    assert (bruno.of, bruno.given, bruno.judged, bruno.in_target) == (502, 1, 1, 0)
    assert bruno.legs["push"] == LegTimes(
        leads=0, median_s=None, p90_s=None, median_worked_s=None, p90_worked_s=None
    )
    assert bruno.legs["touch"] == LegTimes(
        leads=1, median_s=1_200, p90_s=1_200, median_worked_s=600, p90_worked_s=600
    )


async def test_D12_1_by_rule_and_by_hour_it_is_the_same_leads(pool: Any) -> None:
    [rule] = await asked(pool, "rule")

    assert (rule.of, rule.given, rule.judged, rule.in_target) == ("new", 3, 2, 1)


async def test_D12_1_an_hour_is_told_by_its_beginning(pool: Any) -> None:
    [hour] = await asked(pool, "hour")

    assert (hour.of, hour.given, hour.judged, hour.in_target) == (NINE, 3, 2, 1)


async def test_D12_1_a_span_without_leads_is_empty(pool: Any) -> None:
    assert await asked(pool, "manager", begins=1) == []


async def test_D12_1_whoever_sees_only_themselves_may_not_ask(pool: Any) -> None:
    manager = Principal(id="kommo:501", scopes=ROLES["manager"], manager_id=501)

    with pytest.raises(Refused, match="not_allowed"):
        await asked(pool, "manager", manager)


def test_D12_1_the_command_knows_the_same_ways_to_group() -> None:
    assert tuple(SpeedBy) == get_args(By)
