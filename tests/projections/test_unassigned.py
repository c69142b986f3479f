"""Open leads whose newest request ended without a manager (D1.6, D7.3)."""

from typing import Any

import pytest

from contracts.events import AllocationEvent
from projections import unassigned
from projections.unassigned import Ending, Unassigned
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
END = closed(1, reason="rejected", detail="NotSupportedChoice", at=later(30))
ROW = Ending(
    account_id=ACCOUNT,
    lead_id=1,
    request_id="1.1",
    reason="rejected",
    detail="NotSupportedChoice",
    since=later(30),
)


async def test_D1_6_leads_without_a_manager_are_counted_by_reason_and_kommos_words(
    pool: Any,
) -> None:
    ends = [
        closed(1, reason="pass_exhausted", detail="new", at=later(30)),
        closed(2, reason="pass_exhausted", detail="new", at=later(40)),
        closed(3, reason="rejected", detail="NotSupportedChoice", at=later(50)),
        closed(4, reason="no_rule", at=later(55)),
        closed(5, reason="kept", at=later(56)),
        closed(6),  # left its stage
        closed(7, reason="taken_by_person"),
    ]
    await apply(pool, unassigned, recorded(*ends))

    told = [
        (each.reason, each.detail, each.leads, each.example_id, each.since)
        for each in await unassigned.by_reason(pool)
    ]
    assert told == [
        ("kept", "", 1, 5, later(56)),
        ("no_rule", "", 1, 4, later(55)),
        ("pass_exhausted", "new", 2, 1, later(30)),
        ("rejected", "NotSupportedChoice", 1, 3, later(50)),
    ]
    assert len(await unassigned.by_reason(pool, account_id=ACCOUNT)) == 4
    assert await unassigned.by_reason(pool, account_id=ACCOUNT + 1) == []


async def test_D1_6_the_list_is_read_page_by_page(pool: Any) -> None:
    ends = [closed(lead, reason="no_rule") for lead in (5, 1, 3)]
    await apply(pool, unassigned, recorded(*ends))

    first = await unassigned.page(pool, account_id=ACCOUNT, limit=2)
    rest = await unassigned.page(pool, account_id=ACCOUNT, after_id=first[-1].lead_id, limit=2)

    assert [each.lead_id for each in (*first, *rest)] == [1, 3, 5]


@pytest.mark.parametrize(
    "event",
    [seen(1, stage=WORK, owner_id=501, **KNOWN), deleted(1), opened(1), assigned(1)],
    ids=["moved", "deleted", "asked for again", "assigned"],
)
@pytest.mark.parametrize("together", [True, False])
async def test_D1_6_what_happens_to_the_lead_takes_it_off_the_list(
    pool: Any, event: AllocationEvent, *, together: bool
) -> None:
    if together:
        await apply(pool, unassigned, recorded(END, event))
    else:
        await apply(pool, unassigned, recorded(END))
        await apply(pool, unassigned, recorded(event, after=1))

    assert await unassigned.by_reason(pool) == []
    assert await unassigned.of_leads(pool, account_id=ACCOUNT, lead_ids=[1]) == {}


@pytest.mark.parametrize("together", [True, False])
async def test_D1_6_a_persons_choice_is_remembered_and_listed_no_more(
    pool: Any, *, together: bool
) -> None:
    chosen = seen(1, owner_id=502, **KNOWN)
    if together:
        await apply(pool, unassigned, recorded(END, chosen))
    else:
        await apply(pool, unassigned, recorded(END))
        await apply(pool, unassigned, recorded(chosen, after=1))

    known = await unassigned.of_leads(pool, account_id=ACCOUNT, lead_ids=[1, 2])
    assert [(each.request_id, each.reason) for each in known.values()] == [
        ("1.1", "taken_by_person")
    ]
    assert await unassigned.page(pool, account_id=ACCOUNT) == []


@pytest.mark.parametrize(
    "event",
    [
        seen(1, owner_id=501, **KNOWN),
        seen(1, owner_id=502, source="own_write", **KNOWN),
        seen(1, owner_id=502, was_stage=NEW, was_owner_id=None),
    ],
    ids=["nothing new", "our own write", "heard of for the first time"],
)
async def test_D1_6_what_is_no_persons_choice_leaves_it_on_the_list(
    pool: Any, event: AllocationEvent
) -> None:
    await apply(pool, unassigned, recorded(END, event))

    assert await unassigned.page(pool, account_id=ACCOUNT) == [ROW]
    assert [each.leads for each in await unassigned.by_reason(pool)] == [1]
    assert isinstance((await unassigned.by_reason(pool))[0], Unassigned)


async def test_D1_6_a_choice_about_a_lead_that_has_its_manager_makes_no_row(pool: Any) -> None:
    await apply(pool, unassigned, recorded(assigned(1), seen(1, owner_id=502, **KNOWN)))
    await apply(pool, unassigned, recorded(seen(2, owner_id=502, **KNOWN), after=2))

    assert await unassigned.of_leads(pool, account_id=ACCOUNT, lead_ids=[1, 2]) == {}
