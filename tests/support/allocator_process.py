"""An allocator over Apache Kafka as a process of its own, to be killed, frozen and stopped.

    python -m tests.support.allocator_process DSN TOPIC [GROUP]

Its other settings come from the environment. With a group of its own it shares nothing with the
other allocators and is given every partition, as one that was deployed by mistake.
"""

import asyncio
import os
import signal
import sys
from typing import Any

from services.allocator.accounts import Stores
from services.allocator.run import CONSUMER, Allocator
from services.allocator.settings import AllocatorSettings
from services.log.kafka import KafkaSettings
from services.log.kafka_reader import KafkaLogReader
from services.runtime.environment import from_environment
from services.shared.errors import Unavailable
from services.shared.logs import configure_logging
from services.storage.database import open_pool
from services.storage.events import EventStore
from services.storage.snapshots import SnapshotStore
from tests.support.vault import seal
from tests.support.waiting import lasting


class OneOfGroup(KafkaLogReader):
    group: str | None = None

    def _made(self) -> Any:
        client = super()._made()
        if self.group is not None:
            client._group_id = self.group
        return client


async def main(dsn: str, topic: str, group: str | None = None) -> None:
    configure_logging(json_lines=True, level=os.environ.get("FAIRLEAD_LOG_LEVEL", "INFO"))
    pool = await _pool(dsn)
    reader = OneOfGroup(from_environment(KafkaSettings), topic, pool, CONSUMER)
    reader.group = group
    stores = Stores(EventStore(pool), SnapshotStore(pool))
    allocator = Allocator(reader, stores, AllocatorSettings(), on_stored=lambda: None, seal=seal)
    running = asyncio.create_task(allocator.run())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    await asyncio.gather(running, return_exceptions=True)
    await reader.close()
    await pool.close()
    if not running.cancelled():
        running.result()


async def _pool(dsn: str) -> Any:
    """As `fairlead run` does: it may be started while the database is dying."""
    while True:
        try:
            return await open_pool(dsn, size_max=4)
        except Unavailable:
            await lasting(0.1)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
