"""Open leads per manager and stage, from increments alone."""

from collections import Counter
from typing import Any

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.stage import Stage
from projections import loads
from projections.loads import Load
from tests.projections.history import story
from tests.projections.kit import (
    ACCOUNT,
    NEW,
    WON,
    WORK,
    apply,
    assigned,
    deleted,
    recorded,
    seen,
    withdrawn,
)


def load(manager_id: int, open_leads: int, stage: Stage = NEW) -> Load:
    return Load(manager_id=manager_id, stage=stage, open_leads=open_leads)


async def test_D11_1_a_lead_counts_where_it_was_seen_last(pool: Any) -> None:
    events = recorded(
        seen(1),
        seen(2),
        seen(1, stage=WORK, was_stage=NEW, was_owner_id=77),
        seen(3, stage=WON),
        seen(4, owner_id=None, responsible_id=None),
    )

    await apply(pool, loads, events)

    assert await loads.of_account(pool, ACCOUNT) == [load(77, 1), load(77, 1, WORK)]


async def test_D5_2_a_decision_counts_before_kommo_knows_and_no_more_once_withdrawn(
    pool: Any,
) -> None:
    decision = assigned(1, manager_id=501)

    await apply(pool, loads, recorded(seen(1), decision))
    before = await loads.of_account(pool, ACCOUNT)
    await apply(pool, loads, recorded(withdrawn(decision, owner_id=502), after=2))

    assert before == [load(501, 1)]
    assert await loads.of_account(pool, ACCOUNT) == [load(502, 1)]


async def test_I8_a_place_without_leads_has_no_row(pool: Any) -> None:
    await apply(pool, loads, recorded(seen(1), seen(2)))
    await apply(
        pool,
        loads,
        recorded(deleted(1), seen(2, stage=WON, was_stage=NEW, was_owner_id=77), after=2),
    )

    assert await loads.of_account(pool, ACCOUNT) == []


async def test_I8_a_count_is_never_negative(pool: Any) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await apply(pool, loads, recorded(deleted(1)))

    assert await loads.of_account(pool, ACCOUNT) == []


async def test_I11_the_loads_of_accounts_are_apart(pool: Any) -> None:
    await apply(pool, loads, recorded(seen(1)))
    await apply(pool, loads, recorded(seen(1), account_id=8))
    await apply(pool, loads, recorded(deleted(1), after=1, account_id=8))

    assert await loads.of_manager(pool, account_id=ACCOUNT, manager_id=77) == [load(77, 1)]
    assert await loads.of_account(pool, 8) == []


@given(seed=st.integers(0, 10**6), messages=st.integers(0, 400), cut=st.integers(1, 60))
def test_I8_increments_in_any_batches_equal_a_recount(seed: int, messages: int, cut: int) -> None:
    lived = story(seed=seed, messages=messages)
    counts: Counter[tuple[int, Stage]] = Counter()
    for start in range(0, len(lived.log), cut):
        counts.update(loads.changes(lived.log[start : start + cut]))
        assert all(count >= 0 for count in counts.values())

    recount = Counter(
        (lead.owner_id, lead.stage)
        for lead in lived.account.leads.values()
        if lead.owner_id is not None
    )

    assert +counts == recount
