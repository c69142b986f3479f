"""One large account: decisions with storage at 200,000 open leads, and what its snapshots cost.

The same work with snapshots as often as they normally come, without, and at a tenth of the
leads, in turn. PostgreSQL works beside us, and perhaps others do: where
something else takes the cores, only the figures per second of the allocator's core say what
deciding costs.
"""

import asyncio
import time
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any

from domain.snapshot import digest_of, dump, load, parts
from services.allocator.accounts import Stores
from services.allocator.run import CONSUMER, Allocator
from services.allocator.settings import AllocatorSettings
from services.log.postgres import PostgresLogReader, PostgresLogWriter
from services.storage.events import EventStore
from services.storage.snapshots import SnapshotStore
from tests.bench.allocator import BATCH, KOMMO_LEADS_PER_S
from tests.bench.database import bench_pool
from tests.bench.figures import Figure, ratio
from tests.bench.large_account import (
    ELIGIBLE,
    MANAGERS,
    NOON,
    RULES,
    entry,
    store,
    trigger,
    with_open_leads,
)
from tests.support.vault import seal

FEW_OPEN_LEADS, OPEN_LEADS = 20_000, 200_000
LEADS = 18_500  # three events each: as many as lie between two snapshots of so many open leads
RUNS = 3
NEVER = 10_000_000
ASK_EVERY_S = 0.002


@dataclass(frozen=True, slots=True)
class _Run:
    """Decisions per second, per second of this process' own core, and who had to wait longest."""

    per_s: float
    per_cpu_s: float
    held_ms: float


async def measure_scale(folder: Path) -> list[Figure]:
    """Decisions with storage by the number of open leads, and what a state of that size costs."""
    states = {count: dump(with_open_leads(count)) for count in (FEW_OPEN_LEADS, OPEN_LEADS)}
    variants = {
        "few": (states[FEW_OPEN_LEADS], NEVER),
        "bare": (states[OPEN_LEADS], NEVER),
        "whole": (states[OPEN_LEADS], AllocatorSettings().snapshot_every),
    }
    runs: dict[str, list[_Run]] = {name: [] for name in variants}
    async with bench_pool(folder) as pool:
        for number in range(RUNS * len(variants)):
            name = list(variants)[number % len(variants)]
            state, snapshot_every = variants[name]
            runs[name].append(await _decide(pool, state, number + 1, snapshot_every))
    few, bare, whole = runs["few"], runs["bare"], runs["whole"]
    written_s, sizes = _sizes(states[OPEN_LEADS])
    size = f"{ELIGIBLE} eligible of {MANAGERS} managers, {RULES} rules"
    many = f"{OPEN_LEADS:,} open leads"
    return [
        Figure(f"scale: decisions with storage, {size}", [r.per_s for r in whole], "per s"),
        Figure(
            f"scale: the same per second of the allocator's core, {many}",
            [r.per_cpu_s for r in whole],
            "per s",
        ),
        Figure(
            "scale: the latter / Kommo's 1,750 leads per second",
            [r.per_cpu_s / KOMMO_LEADS_PER_S for r in whole],
            "times",
        ),
        ratio(
            f"scale: time of the core without snapshots, {many} / {FEW_OPEN_LEADS:,}",
            [1 / r.per_cpu_s for r in bare],
            [1 / r.per_cpu_s for r in few],
        ),
        Figure(
            "scale: of that core's time, for writing snapshots as they normally come",
            [100 * written_s * r.per_cpu_s / LEADS for r in whole],
            "%",
        ),
        Figure(
            "scale: longest hold of the event loop, with snapshots",
            [r.held_ms for r in whole],
            "ms",
        ),
        Figure("scale: the same without snapshots", [r.held_ms for r in bare], "ms"),
        *sizes,
    ]


def _sizes(state: bytes) -> tuple[float, list[Figure]]:
    """Seconds to write a state as a snapshot; those and its sizes as figures."""
    written, longest, read = list[float](), list[float](), list[float]()
    for _ in range(RUNS):
        account, started = None, time.process_time()
        account = load(state)
        read.append(time.process_time() - started)
        taken, spans, started = parts(account), list[float](), time.process_time()
        begun = started
        while next(taken, None) is not None:
            spans.append(1_000 * (time.process_time() - begun))
            begun = time.process_time()
        digest_of(state)
        written.append(time.process_time() - started)
        longest.append(max(spans))
    del account
    tracemalloc.start()
    account = load(state)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(account.leads) == OPEN_LEADS
    return median(written), [
        Figure("scale: that account in memory", [held / 1e6], "MB"),
        Figure("scale: snapshot of it", [len(state) / 1e6], "MB"),
        Figure("scale: snapshot per open lead", [len(state) / OPEN_LEADS], "bytes"),
        Figure("scale: time of the core for writing it", written, "s"),
        Figure("scale: the longest part of that, between which others have turns", longest, "ms"),
        Figure("scale: time of the core for reading it", read, "s"),
    ]


async def _decide(pool: Any, state: bytes, account_id: int, snapshot_every: int) -> _Run:
    """Decide all leads, and finish the snapshot if one was begun."""
    account = load(state)
    first_lead = len(account.leads) + 1
    snapshots = SnapshotStore(pool)
    await store(snapshots, account, account_id)
    del account
    await PostgresLogWriter(pool).publish(
        [
            entry(
                account_id,
                f"d{number}",
                trigger(first_lead + number),
                NOON + timedelta(milliseconds=number),
            )
            for number in range(LEADS)
        ]
    )
    allocator = Allocator(
        PostgresLogReader(pool, CONSUMER),
        Stores(EventStore(pool), snapshots),
        AllocatorSettings(batch_size_max=BATCH, batch_wait_ms=1, snapshot_every=snapshot_every),
        on_stored=lambda: None,
        seal=seal,
    )
    first = await allocator.step()  # which loads the account
    async with _longest_hold() as held_ms:
        done, started, cpu = first, time.perf_counter(), time.process_time()
        while done < LEADS:
            done += await allocator.step()
        await allocator.snapshotter.finish()
        decided = LEADS - first
        per_s = decided / (time.perf_counter() - started)
        per_cpu_s = decided / (time.process_time() - cpu)
    return _Run(per_s, per_cpu_s, max(held_ms))


@asynccontextmanager
async def _longest_hold() -> AsyncIterator[list[float]]:
    """Milliseconds that the event loop was late for somebody who asks all the time."""
    late_ms = list[float]()

    async def ask() -> None:
        while True:
            asked = time.perf_counter()
            await asyncio.sleep(ASK_EVERY_S)
            late_ms.append(1_000 * (time.perf_counter() - asked - ASK_EVERY_S))

    asking = asyncio.create_task(ask())
    try:
        yield late_ms
    finally:
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
