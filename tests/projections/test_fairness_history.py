"""How far whoever was furthest has been, lead by lead (D3.5, W4.6)."""

from typing import Any

from contracts.events import LEAD
from projections import fairness
from projections.fairness import Furthest
from projections.fairness.books import changes
from tests.projections.history import story
from tests.projections.kit import ACCOUNT, apply, assigned, later, moved, recorded

HALF = LEAD // 2


async def test_D3_5_a_correction_is_taken_out_of_how_far_somebody_was(pool: Any) -> None:
    await apply(
        pool,
        fairness,
        recorded(
            assigned(1, manager_id=501, at=later(1)),
            moved((501, 3 * LEAD), (502, -3 * LEAD), at=later(2)),
            assigned(2, manager_id=501, at=later(3)),
        ),
    )
    shares = await fairness.of_account(pool, ACCOUNT)

    assert await fairness.history(pool, ACCOUNT, shares, limit=100) == [
        Furthest(at=later(1), units=HALF),
        Furthest(at=later(2), units=0),  # on the way to where the correction leads
        Furthest(at=later(3), units=0),
    ]


async def test_D3_5_the_history_is_what_the_meter_was_after_each_event(pool: Any) -> None:
    events = story(seed=3, messages=300).log
    await apply(pool, fairness, events)
    ledgers: dict[str, list[int]] = {}
    known: dict[fairness.Key, fairness.Share] = {}
    for event in events:
        shares, booked = changes(known, [event])
        known |= {(each.ledger, each.manager_id): each for each in shares}
        for entry in booked:
            most = max(each.meter_units for each in known.values() if each.ledger == entry.ledger)
            ledgers.setdefault(entry.ledger, []).append(most)
    found = await fairness.of_account(pool, ACCOUNT)

    assert ledgers
    for ledger, widest in ledgers.items():
        of_ledger = [each for each in found if each.ledger == ledger]
        told = await fairness.history(pool, ACCOUNT, of_ledger, limit=len(widest))
        newest = await fairness.history(pool, ACCOUNT, of_ledger, limit=5)
        assert [each.units for each in told] == widest
        assert newest[-1].units == widest[-1]


async def test_D3_5_who_got_nothing_has_no_history(pool: Any) -> None:
    await apply(pool, fairness, recorded(assigned(1)))

    assert await fairness.history(pool, ACCOUNT, [], limit=5) == []
