"""Wires the allocator: what it needs comes in, and it works until cancelled."""

from collections.abc import Callable
from typing import Any

from services.allocator.accounts import Stores
from services.allocator.meter import UNMEASURED, Meter
from services.allocator.run import Allocator
from services.allocator.settings import AllocatorSettings
from services.log.port import LogReader
from services.storage.events import EventStore
from services.storage.snapshots import SnapshotStore
from services.tracing import UNTRACED, Traces


def create_allocator(
    pool: Any,  # noqa: ANN401 - asyncpg ships no types
    reader: LogReader,
    settings: AllocatorSettings,
    *,
    on_stored: Callable[[], None],
    meter: Meter = UNMEASURED,
    traces: Traces = UNTRACED,
) -> Allocator:
    """The allocator over PostgreSQL; its `run` does the work.

    Args:
        pool: Of the event store.
        reader: The inbound log, read as `services.allocator.run.CONSUMER`.
        settings: The bounds.
        on_stored: Told after each commit of events.
        meter: Told what it does.
        traces: Told of the steps.
    """
    stores = Stores(EventStore(pool), SnapshotStore(pool))
    return Allocator(reader, stores, settings, on_stored=on_stored, meter=meter, traces=traces)
