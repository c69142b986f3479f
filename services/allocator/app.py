"""Wires the allocator: what it needs comes in, and it works until cancelled."""

from typing import Any

from services.allocator.accounts import Stores
from services.allocator.meter import UNMEASURED, Meter
from services.allocator.run import CONSUMER, Allocator
from services.allocator.settings import AllocatorSettings
from services.log.postgres import PostgresLogReader
from services.storage.events import EventStore
from services.storage.snapshots import SnapshotStore
from services.storage.wakeup import ALLOCATIONS, Wakeup
from services.tracing import UNTRACED, Traces


def create_allocator(
    pool: Any,  # noqa: ANN401 - asyncpg ships no types
    wakeup: Wakeup,
    settings: AllocatorSettings,
    meter: Meter = UNMEASURED,
    traces: Traces = UNTRACED,
) -> Allocator:
    """The allocator over PostgreSQL; its `run` does the work."""
    return Allocator(
        PostgresLogReader(pool, CONSUMER, wakeup),
        Stores(EventStore(pool), SnapshotStore(pool)),
        settings,
        on_stored=lambda: wakeup.notify(ALLOCATIONS),
        meter=meter,
        traces=traces,
    )
