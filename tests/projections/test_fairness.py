"""Shares, credits, deviations and statements."""

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest

from contracts.events import (
    LEAD,
    AssignmentWithdrawn,
    CreditMoved,
    LeadAssigned,
    LeadLapsed,
    Recorded,
)
from projections import fairness
from projections.fairness import Movement, Share
from tests.projections.history import story
from tests.projections.kit import (
    ACCOUNT,
    NINE,
    apply,
    assigned,
    later,
    moved,
    recorded,
    withdrawn,
)

HALF = LEAD // 2


def share(manager_id: int, **values: int) -> Share:
    return Share(ledger="account", manager_id=manager_id, **values)


async def test_D3_1_a_lead_adds_shares_and_the_winner_pays(pool: Any) -> None:
    await apply(pool, fairness, recorded(assigned(1, manager_id=501)))

    assert await fairness.of_account(pool, ACCOUNT) == [
        share(501, assigned=1, share_units=HALF, credit_units=-HALF, deviation_units_max=HALF),
        share(502, share_units=HALF, credit_units=HALF, deviation_units_max=HALF),
    ]


async def test_D7_5_a_refund_undoes_the_share_but_not_the_largest_deviation(pool: Any) -> None:
    decision = assigned(1, shares={501: LEAD // 4, 502: LEAD - LEAD // 4})

    await apply(pool, fairness, recorded(decision))
    await apply(pool, fairness, recorded(withdrawn(decision), after=1))

    widest = LEAD - LEAD // 4
    assert await fairness.of_account(pool, ACCOUNT) == [
        share(501, deviation_units_max=widest),
        share(502, deviation_units_max=widest),
    ]


async def test_D3_1_a_manager_who_is_alone_gets_a_whole_share(pool: Any) -> None:
    alone = assigned(1, shares={501: LEAD})

    await apply(pool, fairness, recorded(alone))
    before = await fairness.of_account(pool, ACCOUNT)
    await apply(pool, fairness, recorded(withdrawn(alone), after=1))

    assert before == [share(501, assigned=1, share_units=LEAD)]
    assert await fairness.of_account(pool, ACCOUNT) == [share(501)]


async def test_D7_4_a_duty_lead_is_on_nobody_s_account(pool: Any) -> None:
    duty = assigned(1, policy="duty", reason="duty", movements=(), because="off_hours")

    await apply(pool, fairness, recorded(duty, withdrawn(duty)))

    assert await fairness.of_account(pool, ACCOUNT) == []


async def test_D3_8_a_statement_reads_like_a_bank_account(pool: Any) -> None:
    decision = assigned(1)
    events = recorded(decision, withdrawn(decision), moved((501, 5), (502, -5)))

    await apply(pool, fairness, events)

    lines = await fairness.statement(
        pool, account_id=ACCOUNT, ledger="account", manager_id=501, limit=9
    )
    line: dict[str, Any] = {"ledger": "account", "manager_id": 501}
    assert lines == [
        Movement(
            **line,
            version=3,
            units=5,
            balance_units=5,
            reason="corrected",
            lead_id=None,
            at=later(5),
        ),
        Movement(
            **line,
            version=2,
            units=HALF,
            balance_units=0,
            reason="refunded",
            lead_id=1,
            at=later(2),
        ),
        Movement(
            **line,
            version=1,
            units=-HALF,
            balance_units=-HALF,
            reason="assigned",
            lead_id=1,
            at=NINE,
        ),
    ]
    assert lines[1:] == await fairness.statement(
        pool, account_id=ACCOUNT, ledger="account", manager_id=501, limit=9, before=3
    )


def lines_of(log: Sequence[Recorded], ledger: str, manager_id: int) -> list[tuple[int, int, int]]:
    """Version, units and balance of each line, the newest first, from the events alone."""
    lines: list[tuple[int, int, int]] = []
    balance = 0
    for each in log:
        event = each.event
        moved: dict[int, int] | None = None
        if isinstance(event, LeadAssigned | AssignmentWithdrawn) and event.movements:
            moved = {event.manager_id: 0} | dict(event.movements)
        elif isinstance(event, CreditMoved):
            moved = dict(event.movements)
        elif isinstance(event, LeadLapsed) and event.charged_units:
            moved = {event.manager_id: 0}
        if moved is not None and event.ledger == ledger and manager_id in moved:
            balance += moved[manager_id]
            lines.append((each.version, moved[manager_id], balance))
    return lines[::-1]


@pytest.mark.parametrize("seed", [3, 4])
async def test_D3_8_a_statement_is_read_page_by_page_from_anywhere(pool: Any, seed: int) -> None:
    lived = story(seed=seed, messages=400)
    chance = Random(seed)
    for start in range(0, len(lived.log), 70):
        await apply(pool, fairness, lived.log[start : start + 70])
    accounts = [(row.ledger, row.manager_id) for row in await fairness.of_account(pool, ACCOUNT)]

    for ledger, manager_id in accounts:
        expected = lines_of(lived.log, ledger, manager_id)
        read: list[Movement] = []
        while page := await fairness.statement(
            pool,
            account_id=ACCOUNT,
            ledger=ledger,
            manager_id=manager_id,
            limit=chance.randint(1, 9),
            before=read[-1].version if read else fairness.AFTER_ALL,
        ):
            read += page
        anywhere = chance.randint(1, len(lived.log))
        found = await fairness.statement(
            pool,
            account_id=ACCOUNT,
            ledger=ledger,
            manager_id=manager_id,
            limit=1,
            before=anywhere,
        )

        assert [(line.version, line.units, line.balance_units) for line in read] == expected
        assert [line.version for line in found] == [v for v, *_ in expected if v < anywhere][:1]
    assert accounts
    assert (
        await fairness.statement(
            pool, account_id=ACCOUNT, ledger="account", manager_id=999, limit=9
        )
        == []
    )


async def test_I8_the_ledgers_add_up_to_zero_and_equal_the_account_s(pool: Any) -> None:
    lived = story(seed=5, messages=600)
    for start in range(0, len(lived.log), 50):
        await apply(pool, fairness, lived.log[start : start + 50])
        assert await fairness.unbalanced(pool) == []

    rows = await fairness.of_account(pool, ACCOUNT)

    assert {(row.ledger, row.manager_id): row.credit_units for row in rows if row.credit_units} == {
        (ledger, manager_id): units
        for ledger, by_manager in lived.account.credits.items()
        for manager_id, units in by_manager.items()
        if units
    }


async def test_D3_5_without_corrections_a_deviation_is_the_credit_reversed(pool: Any) -> None:
    first, second = assigned(1, manager_id=502), assigned(2, manager_id=501)
    events = recorded(first, second, withdrawn(first), assigned(3), assigned(4))

    await apply(pool, fairness, events)

    rows = await fairness.of_account(pool, ACCOUNT)
    assert [row.deviation_units for row in rows] == [-row.credit_units for row in rows]
    assert {w.account_id: w.units for w in await fairness.widest_deviations(pool)} == {
        ACCOUNT: max(row.deviation_units_max for row in rows)
    }


async def test_I8_a_ledger_that_does_not_balance_is_shown(pool: Any) -> None:
    await apply(pool, fairness, recorded(moved((501, 5))))

    assert [found.units for found in await fairness.unbalanced(pool)] == [5]


async def test_D3_5_a_correction_that_is_being_made_up_for_is_no_deviation(pool: Any) -> None:
    alone = [assigned(lead, shares={502: LEAD // 2, 501: LEAD // 2}) for lead in range(1, 10)]
    posted = moved((501, 5 * LEAD), (502, -5 * LEAD))

    await apply(pool, fairness, recorded(posted, *alone[:5]))
    assert await fairness.beyond(pool) == []
    assert [w.units for w in await fairness.widest_deviations(pool)] == [0]

    await apply(pool, fairness, recorded(*alone[5:], after=6))
    # 9 leads of 4.5 + 5: still on the way; one manager alone of two would be far off.
    assert await fairness.beyond(pool) == []
    await apply(pool, fairness, recorded(*(assigned(lead) for lead in range(10, 16)), after=10))
    far = await fairness.beyond(pool)
    assert [(account, row.manager_id) for account, row in far] == [(ACCOUNT, 501), (ACCOUNT, 502)]
    assert [row.meter_units for _, row in far] == [LEAD * 5 // 2, LEAD * 5 // 2]
    shares = await fairness.of_account(pool, ACCOUNT)
    assert fairness.beyond_among(shares, with_kinds=()) == [row for _, row in far]
    assert await fairness.unfair(pool, [ACCOUNT, ACCOUNT + 1]) == {ACCOUNT}
    assert await fairness.unfair(pool, [ACCOUNT + 1]) == frozenset()


@pytest.mark.parametrize("distance", [LEAD, 2 * LEAD, 3 * LEAD])
async def test_D3_5_the_alert_is_what_the_meter_says(pool: Any, distance: int) -> None:
    events = [assigned(lead, manager_id=501) for lead in range(1, 6)]

    await apply(pool, fairness, recorded(*events, moved((501, LEAD), (502, -LEAD))))

    rows = await fairness.of_account(pool, ACCOUNT)
    expected = [(ACCOUNT, row) for row in rows if row.meter_units >= distance]
    assert await fairness.beyond(pool, units=distance) == expected
    assert await fairness.present_deviation(pool) == max(row.meter_units for row in rows)
