"""What a message costs whose account is not in memory, against one whose account is."""

import time
from pathlib import Path
from typing import Any

from contracts.inbound import TriggerFired
from contracts.stage import Stage
from services.allocator.accounts import Stores
from services.allocator.run import CONSUMER, Allocator
from services.allocator.settings import AllocatorSettings
from services.log.postgres import PostgresLogReader, PostgresLogWriter
from services.storage.events import EventStore
from services.storage.snapshots import SnapshotStore
from tests.bench.allocator import NOW, backlog
from tests.bench.database import bench_pool
from tests.bench.figures import Figure, ratio
from tests.bench.large_account import entry
from tests.support.vault import seal

ACCOUNTS = 110
CACHED = 100  # each account has left by the time of its next message
LEADS = 100  # some 300 events each
ROUNDS = 5


async def measure_cold(folder: Path) -> list[Figure]:
    """A message for each account in turn: all in memory, and ten more than the memory holds."""
    (folder / "warm").mkdir()
    (folder / "cold").mkdir()
    # A database each: an allocator that is not alone forgets everything.
    async with bench_pool(folder / "warm") as warm_pool, bench_pool(folder / "cold") as cold_pool:
        warm = await _settled(warm_pool, ACCOUNTS)
        cold = await _settled(cold_pool, CACHED)
        times: dict[str, list[float]] = {"warm": [], "cold": []}
        for number in range(1, ROUNDS + 1):
            times["cold"].append(await _round(cold_pool, cold, number))
            times["warm"].append(await _round(warm_pool, warm, number))
    return [
        ratio("cold / warm: a message of an account not in memory", times["cold"], times["warm"]),
        Figure("cold: a message", [t * 1e3 / ACCOUNTS for t in times["cold"]], "ms CPU"),
    ]


async def _settled(pool: Any, cached: int) -> Allocator:
    """An allocator that has decided the leads of all accounts, and one more of each."""
    for account_id in range(1, ACCOUNTS + 1):
        entries = [
            entry(account_id, message.message_id, message.body, message.at)
            for message in backlog(account_id, LEADS)
        ]
        await PostgresLogWriter(pool).publish(entries)
    allocator = Allocator(
        PostgresLogReader(pool, CONSUMER),
        Stores(EventStore(pool), SnapshotStore(pool)),
        AllocatorSettings(batch_wait_ms=1, accounts_cached_max=cached),
        on_stored=lambda: None,
        seal=seal,
    )
    await _drain(allocator)
    await _round(pool, allocator, 0)
    return allocator


async def _drain(allocator: Allocator) -> None:
    while await allocator.step():
        pass
    await allocator.snapshotter.finish()


async def _round(pool: Any, allocator: Allocator, number: int) -> float:
    """CPU seconds of a message for each account, one after the other."""
    spent = 0.0
    for account_id in range(1, ACCOUNTS + 1):
        body = TriggerFired(
            lead_id=1_000 + number, stage=Stage(1, 2), source="dp_hook", old_stage=Stage(1, 1)
        )
        await PostgresLogWriter(pool).publish([entry(account_id, f"r{number}", body, NOW)])
        started = time.process_time()
        await _drain(allocator)
        spent += time.process_time() - started
    return spent
