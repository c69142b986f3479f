"""The same in each kind that a ledger tells apart: rows, statements, meter and alert (D3.9)."""

from random import Random
from typing import Any

import pytest
from structlog.testing import capture_logs

from contracts.events import (
    LEAD,
    KindCredits,
    KindMovements,
    LeadAssigned,
    LeadKind,
    Recorded,
    RulesApplied,
)
from projections import fairness
from projections.fairness import KindShare
from services.projector.registry import PROJECTIONS
from services.projector.schema import prepare
from services.projector.watch import look
from services.shared.wall_clock import utc_now
from tests.domain.choosing.office import Office
from tests.projections.kit import ACCOUNT, NINE, apply, assigned, moved, recorded, withdrawn

HALF = LEAD // 2
SITE = ("source", 14_001)
RULES = {"version": 1, "rules": []}


def of_site(lead_id: int = 1, **changes: Any) -> LeadAssigned:
    return assigned(lead_id, kinds=(KindCredits(*SITE, (0, 0)),), **changes)


def applied(*kinds: Any) -> RulesApplied:
    rules = {**RULES, "ledgers": {"account": {"kinds": [*kinds]}}}
    return RulesApplied(revision=1, rules=rules, by="admin", at=NINE)


def in_site(manager_id: int, **values: int) -> KindShare:
    return KindShare(ledger="account", what="source", kind=14_001, manager_id=manager_id, **values)


async def of_kinds(pool: Any) -> list[KindShare]:
    return await fairness.of_kinds(pool, ACCOUNT, ledger="account")


async def test_D3_9_a_lead_moves_its_kind_as_it_moves_the_total(pool: Any) -> None:
    first, second = of_site(1), of_site(2, manager_id=502)
    await apply(
        pool, fairness, recorded(first, second, withdrawn(second, kinds=(LeadKind(*SITE),)))
    )

    assert await of_kinds(pool) == [
        in_site(501, assigned=1, share_units=HALF, credit_units=-HALF, deviation_units_max=HALF),
        in_site(502, share_units=HALF, credit_units=HALF, deviation_units_max=HALF),
    ]


async def test_D3_9_a_statement_tells_the_kinds_of_each_lead(pool: Any) -> None:
    posted = moved((501, 5), (502, -5))
    await apply(pool, fairness, recorded(of_site(), posted))

    lines = await fairness.statement(
        pool, account_id=ACCOUNT, ledger="account", manager_id=501, limit=9
    )
    assert [line.kinds for line in lines] == [(), (LeadKind(*SITE),)]


async def test_D3_9_what_is_corrected_in_kind_is_no_deviation(pool: Any) -> None:
    away = ((501, 5 * LEAD), (502, -5 * LEAD))
    posted = moved(*away, kinds=(KindMovements(*SITE, away),))
    await apply(pool, fairness, recorded(posted, *(of_site(lead) for lead in range(1, 11))))

    assert await fairness.present_deviation_in_kind(pool) == 0
    assert await fairness.unbalanced(pool) == []


async def test_D3_9_a_kind_that_rules_take_out_is_forgotten(pool: Any) -> None:
    events = (applied("source"), of_site(), applied({"tags": ["vip"]}), applied("source"))
    await apply(pool, fairness, recorded(*events[:2]))
    assert len(await of_kinds(pool)) == 2

    await apply(pool, fairness, recorded(*events[2:], of_site(2), after=2))
    assert [share.assigned for share in await of_kinds(pool)] == [1, 0]
    assert [share.assigned for share in await fairness.of_account(pool, ACCOUNT)] == [2, 0]


async def test_I8_D3_9_a_kind_that_does_not_balance_is_shown(pool: Any) -> None:
    await apply(pool, fairness, recorded(moved(kinds=(KindMovements(*SITE, ((501, 5),)),))))
    assert await fairness.unbalanced(pool) == []  # nothing moved in all, so nothing is booked

    even = moved((501, 5), (502, -5), kinds=(KindMovements(*SITE, ((501, 5),)),))
    await apply(pool, fairness, recorded(even, after=1))
    (found,) = await fairness.unbalanced(pool)
    assert (found.what, found.kind, found.units) == (*SITE, 5)


@pytest.mark.parametrize(
    ("leads", "subjects"),
    [
        (5, []),  # 2.5 leads in all and in kind: fewer than 3 and 4
        (6, ["account/501", "account/502"]),
        (
            8,
            [
                "account/501",
                "account/501/source 14001",
                "account/502",
                "account/502/source 14001",
            ],
        ),
    ],
)
async def test_D3_9_over_3_in_all_and_over_4_in_kind_are_told(
    pool: Any, leads: int, subjects: list[str]
) -> None:
    await prepare(pool, PROJECTIONS)
    await apply(pool, fairness, recorded(*(of_site(lead) for lead in range(1, leads + 1))))
    with capture_logs() as lines:
        await look(pool, {}, utc_now())

    assert [line["subject"] for line in lines] == subjects
    assert await fairness.present_deviation_in_kind(pool) == leads * HALF


@pytest.mark.parametrize("seed", [1, 2])
async def test_I8_D3_9_the_rows_are_the_account_s_whatever_happens(pool: Any, seed: int) -> None:
    office = Office(Random(seed))
    for _ in office.live(250):
        pass
    log = [
        Recorded(account_id=ACCOUNT, version=version, cause="m", event=event)
        for version, event in enumerate(office.scenario.log, 1)
    ]
    for start in range(0, len(log), 40):
        await apply(pool, fairness, log[start : start + 40])
        assert await fairness.unbalanced(pool) == []

    rows = await of_kinds(pool)
    shown = {
        (LeadKind(row.what, row.kind), row.manager_id): row.credit_units
        for row in rows
        if row.credit_units
    }
    assert shown == {
        (kind, manager_id): units
        for kind, book in office.scenario.account.kinds["account"].items()
        for manager_id, units in book.credits.items()
    }
    assert {fairness.KindKey(r.ledger, r.what, r.kind, r.manager_id): r for r in rows} == (
        fairness.kinds_after({}, log)
    )
