"""What deciding costs: the allocator with its storage against the bare insert of equal rows."""

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from contracts.inbound import ApplyRules, DescribeAccount, Inbound, InboundBody, TriggerFired
from contracts.stage import Stage
from services.allocator.accounts import Stores
from services.allocator.run import CONSUMER, Allocator
from services.allocator.settings import AllocatorSettings
from services.log.port import Entry
from services.log.postgres import PostgresLogReader, PostgresLogWriter
from services.shared.codec import encode_inbound
from services.storage.events import EventStore
from services.storage.snapshots import SnapshotStore
from tests.bench.database import bench_pool
from tests.bench.figures import Figure, ratio
from tests.support.vault import seal

LEADS = 10_000
MANAGERS = 12
RUNS = 5
BATCH = 500
KOMMO_LEADS_PER_S = 7 * 250
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
COPY_ROWS = """
INSERT INTO {table} (originator_id, originator_version, topic, state, decision_key)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bytea[], $5::text[])
"""


async def measure_allocator(folder: Path) -> list[Figure]:
    """Decide a backlog of leads, then insert the very rows it made into a table like theirs."""
    ours: list[float] = []
    bare: list[float] = []
    ours_cpu: list[float] = []
    bare_cpu: list[float] = []
    async with bench_pool(folder) as pool:
        for account_id in range(1, 2 + RUNS):
            messages = backlog(account_id, LEADS)
            entries = [Entry(account_id, encode_inbound(message)) for message in messages]
            await PostgresLogWriter(pool).publish(entries)
            began = time.process_time()
            ours.append(await _decide(pool, account_id))
            ours_cpu.append(time.process_time() - began)
            began = time.process_time()
            bare.append(await insert_again(pool, account_id, LEADS))
            bare_cpu.append(time.process_time() - began)
    per_s = [LEADS / each for each in ours[1:]]
    name = f"{MANAGERS} managers, batches of {BATCH}"
    return [
        ratio(f"allocator with storage / bare insert of equal rows, {name}", ours[1:], bare[1:]),
        ratio(f"allocator: the same in CPU of the client, {name}", ours_cpu[1:], bare_cpu[1:]),
        Figure("allocator: CPU of a decision", [t * 1e6 / LEADS for t in ours_cpu[1:]], "us"),
        Figure(f"allocator: decisions with storage, {name}", per_s, "per s"),
        Figure(
            "allocator: decisions per second / Kommo's 1,750 leads per second",
            [each / KOMMO_LEADS_PER_S for each in per_s],
            "times",
        ),
    ]


def backlog(account_id: int, leads: int, *, managers: int = MANAGERS) -> list[Inbound]:
    """The account with its managers and a rule, then so many leads."""
    team = range(501, 501 + managers)
    rules = {
        "version": 1,
        "default_schedule": "long",
        "schedules": {"long": {"weekly": {day: ["00:00-24:00"] for day in ("mon", "tue")}}},
        "rules": [
            {
                "id": "site",
                "stages": [{"pipeline": 1, "stage": 2}],
                "limit": {"max": 1_000_000},
                "participants": [
                    {"manager": m, "coefficient": str(Decimal(m % 4 + 1) / 2)} for m in team
                ],
            }
        ],
    }
    bodies: list[InboundBody] = [
        DescribeAccount(timezone="America/Sao_Paulo", active_user_ids=tuple(team)),
        ApplyRules(rules=rules, by="bench"),
    ]
    bodies += [
        TriggerFired(lead_id=n, stage=Stage(1, 2), source="dp_hook", old_stage=Stage(1, 1))
        for n in range(1, leads + 1)
    ]
    return [
        Inbound(
            account_id=account_id,
            message_id=f"m{number}",
            at=NOW + timedelta(milliseconds=number),
            body=body,
        )
        for number, body in enumerate(bodies)
    ]


async def _decide(pool: Any, account_id: int) -> float:
    allocator = Allocator(
        PostgresLogReader(pool, CONSUMER),
        Stores(EventStore(pool), SnapshotStore(pool)),
        AllocatorSettings(batch_size_max=BATCH, batch_wait_ms=1),
        on_stored=lambda: None,
        seal=seal,
    )
    started = time.perf_counter()
    done = 0
    while done < LEADS + 2:
        done += await allocator.step()
    await allocator.snapshotter.finish()
    took = time.perf_counter() - started
    decided = await pool.fetchval(
        "SELECT count(*) FROM account_events WHERE originator_id = $1 AND topic = 'lead.assigned'",
        f"account-{account_id}",
    )
    assert decided == LEADS
    return took


async def insert_again(pool: Any, account_id: int, leads: int) -> float:
    """Insert the rows of an account into a table like theirs; the seconds it took."""
    rows = await pool.fetch(
        "SELECT originator_id, originator_version, topic, state, decision_key"
        " FROM account_events WHERE originator_id = $1 ORDER BY originator_version",
        f"account-{account_id}",
    )
    table = f"bare_{account_id}"
    await pool.execute(f"CREATE TABLE {table} (LIKE account_events INCLUDING ALL)")
    # As many rows as the events of one batch of messages.
    size = len(rows) * BATCH // leads
    started = time.perf_counter()
    for start in range(0, len(rows), size):
        columns = list(zip(*(tuple(row) for row in rows[start : start + size]), strict=True))
        await pool.execute(COPY_ROWS.format(table=table), *map(list, columns))
    took = time.perf_counter() - started
    await pool.execute(f"DROP TABLE {table}")
    return took
