"""Wires the allocator: what it needs comes in, and it works until cancelled."""

from collections.abc import Callable

import asyncpg

from services.allocator.accounts import Stores
from services.allocator.meter import UNMEASURED, AllocatorMeter
from services.allocator.run import Allocator
from services.allocator.settings import AllocatorSettings
from services.log.port import LogReader
from services.shared.tracing import UNTRACED, Traces
from services.storage.dead_letters import DeadLetter
from services.storage.events import EventStore
from services.storage.snapshots import SnapshotStore


def create_allocator(
    pool: asyncpg.Pool,
    reader: LogReader,
    settings: AllocatorSettings,
    *,
    on_stored: Callable[[], None],
    seal: Callable[[DeadLetter], DeadLetter],
    meter: AllocatorMeter = UNMEASURED,
    traces: Traces = UNTRACED,
) -> Allocator:
    """The allocator over PostgreSQL; its `run` does the work.

    Args:
        pool: Of the event store.
        reader: The inbound log, read as `services.allocator.run.CONSUMER`.
        settings: The bounds.
        on_stored: Told after each commit of events.
        seal: Seals what is not understood.
        meter: Told what it does.
        traces: Told of the steps.
    """
    stores = Stores(EventStore(pool), SnapshotStore(pool))
    return Allocator(
        reader, stores, settings, on_stored=on_stored, seal=seal, meter=meter, traces=traces
    )
