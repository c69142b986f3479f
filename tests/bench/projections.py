"""What a lead costs in each projection: CPU of ours, WAL, rows written, bytes kept.

Leads are decided and confirmed in memory; the very events go through each projection alone, as
the projector hands them over.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from contracts.events import AllocationEvent, LeadAssigned, Recorded
from contracts.inbound import Inbound, ResponsibleSet
from domain.decide import decide
from domain.state import Account
from services.projector.advance import advance
from services.projector.registry import PROJECTIONS, Projection
from services.projector.schema import prepare
from tests.bench.allocator import MANAGERS, backlog
from tests.bench.database import bench_pool
from tests.bench.figures import Figure

LEADS = 4_000
MANY = 100
BATCH = 500
WRITTEN = """
SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::float AS rows,
    coalesce(sum(pg_total_relation_size(relid)), 0)::float AS bytes
FROM pg_stat_user_tables WHERE schemaname = $1
"""


class _Cost(NamedTuple):
    """Of one lead in one projection."""

    cpu_us: float
    wal_bytes: float
    rows: float
    kept_bytes: float


UNITS = ("us CPU", "B of WAL", "rows", "B kept")


async def measure_projections(folder: Path) -> list[Figure]:
    """Each projection alone, the dearest first, and all of them."""
    figures: list[Figure] = []
    async with bench_pool(folder) as pool:
        await prepare(pool)
        for account_id, managers in enumerate((MANAGERS, MANY), 1):
            events = list(_lives(account_id, managers))
            costs = {p.NAME: await _cost(pool, p, account_id, events) for p in PROJECTIONS}
            every = _Cost(*(sum(each) for each in zip(*costs.values(), strict=True)))
            for name, cost in [
                *sorted(costs.items(), key=lambda item: -item[1][0]),
                ("all", every),
            ]:
                figures += [
                    Figure(f"projection {name}, {managers} managers, a lead", [value], unit)
                    for value, unit in zip(cost, UNITS, strict=True)
                ]
    return figures


def _lives(account_id: int, managers: int) -> Iterator[Recorded]:
    """All events of leads that are decided and set in Kommo."""
    account = Account(account_id)
    for message in backlog(account_id, LEADS, managers=managers):
        for event in _recorded(account, message):
            yield event
            if isinstance(event.event, LeadAssigned):
                yield from _recorded(account, _confirmation(account_id, message, event.event))


def _recorded(account: Account, message: Inbound) -> Iterator[Recorded]:
    before = account.version
    answer: tuple[AllocationEvent, ...] = decide(account, message)
    for version, event in enumerate(answer, before + 1):
        yield Recorded(
            account_id=account.account_id, version=version, cause=message.message_id, event=event
        )


def _confirmation(account_id: int, message: Inbound, assigned: LeadAssigned) -> Inbound:
    body = ResponsibleSet(
        request_id=assigned.request_id,
        attempt=assigned.attempt,
        lead_id=assigned.lead_id,
        manager_id=assigned.manager_id,
        modified_at=message.at,
        how="answered",
    )
    return Inbound(
        account_id=account_id, message_id=f"set/{message.message_id}", at=message.at, body=body
    )


async def _cost(
    pool: Any, projection: Projection, account_id: int, events: list[Recorded]
) -> _Cost:
    async with pool.acquire() as connection:
        rows_before, bytes_before = await _written(connection, projection)
        lsn = await connection.fetchval("SELECT pg_current_wal_insert_lsn()::text")
        started = time.process_time()
        for start in range(0, len(events), BATCH):
            await advance(
                connection,
                projection,
                schema=projection.NAME,
                account_id=account_id,
                events=events[start : start + BATCH],
            )
        cpu_s = time.process_time() - started
        wal = await connection.fetchval(
            "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), $1::text::pg_lsn)::float", lsn
        )
        rows, kept = await _written(connection, projection)
    return _Cost(
        cpu_s * 1e6 / LEADS,
        wal / LEADS,
        (rows - rows_before) / LEADS,
        (kept - bytes_before) / LEADS,
    )


async def _written(connection: Any, projection: Projection) -> tuple[float, float]:
    # The counts of this session are passed on at its leisure.
    await connection.execute("SELECT pg_stat_force_next_flush()")
    await connection.execute("SELECT 1")
    row = await connection.fetchrow(WRITTEN, projection.NAME)
    return row["rows"], row["bytes"]
