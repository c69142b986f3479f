"""What follows when a partition of the inbound log has lost messages: its accounts are swept."""

from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from services.log.kafka import KafkaSettings, partition_of, source_of
from services.storage.asked_sweeps import AskedSweeps

log = structlog.get_logger(__name__)


def sweeps_after_gaps(
    pool: Any,  # noqa: ANN401 - asyncpg ships no types
    settings: KafkaSettings,
    topic: str,
) -> Callable[[int, int], Awaitable[None]]:
    """A `KafkaLogReader.on_gap` that asks for a full sweep of the partition's accounts (F22)."""

    async def ask(partition: int, position: int) -> None:
        accounts = await AskedSweeps(pool).ask(
            lambda account_id: partition_of(account_id, settings.partitions) == partition,
            f"{source_of(topic, partition)} from {position}",
        )
        log.error("full_sweep_asked", partition=partition, accounts=len(accounts))

    return ask
