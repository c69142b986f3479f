"""Leads that everybody has been offered and nobody works on (D7.3)."""

from typing import Any

import pytest

from contracts.events import AllocationEvent
from projections import stranded
from projections.stranded import Stranded
from tests.projections.kit import (
    ACCOUNT,
    NEW,
    WORK,
    apply,
    assigned,
    closed,
    deleted,
    later,
    opened,
    recorded,
    seen,
)

KNOWN = {"was_stage": NEW, "was_owner_id": 501}
END = closed(1, reason="pass_exhausted", detail="new", at=later(30))


async def test_D7_3_leads_that_stay_with_the_last_are_counted_by_rule(pool: Any) -> None:
    ends = [
        END,
        closed(2, reason="hops_exhausted", detail="new", at=later(40)),
        closed(3, reason="pass_exhausted", detail="hot", at=later(50)),
        closed(4),
    ]
    await apply(pool, stranded, recorded(*ends))

    assert await stranded.by_rule(pool) == [
        Stranded(account_id=ACCOUNT, rule_id="hot", leads=1, example_id=3, since=later(50)),
        Stranded(account_id=ACCOUNT, rule_id="new", leads=2, example_id=1, since=later(30)),
    ]


@pytest.mark.parametrize(
    "event",
    [
        seen(1, owner_id=502, **KNOWN),
        seen(1, stage=WORK, owner_id=501, **KNOWN),
        deleted(1),
        opened(1),
        assigned(1),
    ],
    ids=["somebody else's", "moved", "deleted", "asked for again", "assigned"],
)
@pytest.mark.parametrize("together", [True, False])
async def test_D7_3_whatever_happens_to_the_lead_ends_it(
    pool: Any, event: AllocationEvent, *, together: bool
) -> None:
    if together:
        await apply(pool, stranded, recorded(END, event))
    else:
        await apply(pool, stranded, recorded(END))
        await apply(pool, stranded, recorded(event, after=1))

    assert await stranded.by_rule(pool) == []


async def test_D7_3_a_report_that_says_nothing_new_does_not_end_it(pool: Any) -> None:
    await apply(pool, stranded, recorded(END, seen(1, owner_id=501, **KNOWN)))

    assert [each.leads for each in await stranded.by_rule(pool)] == [1]
