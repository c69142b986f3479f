"""How much the reconciliation found that webhooks had not told (D11.2)."""

from typing import Any

from projections import repairs
from projections.repairs import Repair
from tests.projections.kit import ACCOUNT, NEW, WORK, apply, deleted, later, opened, recorded, seen


async def test_D11_2_what_sweeps_found_is_counted_by_kind(pool: Any) -> None:
    known = {"was_stage": NEW, "was_owner_id": 77, "source": "sweep"}
    events = recorded(
        seen(1, source="sweep"),
        seen(1, stage=WORK, **known, at=later(1)),
        seen(1, owner_id=501, **known, at=later(2)),
        seen(1, **known),
        opened(2, source="sweep", at=later(3)),
        deleted(1, source="lookup", at=later(4)),
    )
    await apply(pool, repairs, events)
    await apply(pool, repairs, recorded(deleted(2, source="lookup", at=later(9)), after=6))

    assert await repairs.of_account(pool, ACCOUNT) == [
        Repair(kind="changed", found=2, newest_at=later(2)),
        Repair(kind="new", found=1, newest_at=later(0)),
        Repair(kind="requested", found=1, newest_at=later(3)),
        Repair(kind="vanished", found=2, newest_at=later(9)),
    ]


async def test_D11_2_what_webhooks_told_is_no_repair(pool: Any) -> None:
    events = recorded(
        seen(1),
        seen(1, source="baseline"),
        opened(1),
        deleted(1, source="webhook"),
        deleted(2),
        deleted(3, source="lookup", was_stage=None, was_owner_id=None),
    )
    await apply(pool, repairs, events)

    assert await repairs.of_account(pool, ACCOUNT) == []
