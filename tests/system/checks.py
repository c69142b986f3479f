"""What must hold at the end of every run, as Kommo and our own log tell it."""

from collections import Counter
from typing import Any

import httpx

from contracts.events import LeadAssigned, Recorded
from contracts.stage import Stage
from projections import fairness, requests
from services.allocator.accounts import Stores, load
from services.demo.sample import NEW_REQUEST, SALES
from services.history.check import examine
from services.history.collect import collect
from services.history.record import StageEntry
from services.storage.database import borrow
from services.storage.snapshots import SnapshotStore
from tests.support.running import ADMIN_ID, System
from tests.support.waiting import until

PENDING = "SELECT count(*) FROM assignments.leads WHERE state = 'pending'"


async def is_known(system: System) -> bool:
    """Whether ingress knows the secret; it looks for new ones once a second at most."""
    async with httpx.AsyncClient() as http:
        return (await http.get(system.hook_url.get_secret_value())).status_code == 200


async def all_set(system: System, lead_ids: list[int]) -> bool:
    """Whether nobody's lead is left with the administrator."""
    owners = await system.owners()
    return all(owners[lead_id] != ADMIN_ID for lead_id in lead_ids)


async def are_set(system: System, leads: int) -> bool:
    """Whether so many leads have been written by us."""
    summary = await system.kommo.get("/summary")
    return bool(summary["leads_patched_by_api"] >= leads)


async def each_once(system: System, lead_ids: list[int]) -> list[Recorded]:
    """Check that each lead was written once and decided once, and I1 to I10; all events."""
    assert await system.writes() == Counter(lead_ids)
    events = await settled(system, lead_ids)
    assert decided(events) == Counter(lead_ids)
    return events


def decided(events: list[Recorded]) -> Counter[int]:
    """Lead to how often somebody was chosen for it."""
    return Counter(r.event.lead_id for r in events if isinstance(r.event, LeadAssigned))


async def settled(system: System, moved: list[int] | None = None) -> list[Recorded]:
    """All events once no push is pending; checks every promise (I1 to I10).

    Args:
        system: What ran.
        moved: Every lead that was moved into the rule's stage, once for each time; None if others
            may have been.
    """
    stage = Stage(SALES, NEW_REQUEST)
    entries = None if moved is None else [StageEntry(lead_id=id_, stage=stage) for id_ in moved]
    async with system.opened() as installation:
        await until(lambda: _nothing_is_pending(installation.pool))
        async with borrow(installation.pool) as connection:
            assert await requests.unaccounted(connection) == []
            assert await fairness.unbalanced(connection) == []
        history = await collect(
            installation.pool,
            system.account_id,
            system.kommo,
            letters=installation.dead_letters,
            entries=entries,
            topic=system.topic(),
        )
    verdict = examine(history)
    assert not verdict.violations, [str(violation) for violation in verdict.violations]
    assert verdict.checks > len(history.events)
    return list(history.events)


async def agrees(system: System, lead_ids: list[int]) -> bool:
    """Whether our state names everybody whom Kommo names responsible, and wants nothing (I5)."""
    async with system.opened() as installation:
        stores = Stores(installation.events, SnapshotStore(installation.pool))
        account = await load(stores, system.account_id)
    owners = await system.owners()
    return all(
        (lead := account.leads.get(lead_id)) is not None
        and lead.wanted is None
        and lead.responsible_id == owners[lead_id]
        for lead_id in lead_ids
    )


async def _nothing_is_pending(pool: Any) -> bool:
    async with borrow(pool) as connection:
        pending: int = await connection.fetchval(PENDING)
    return pending == 0
