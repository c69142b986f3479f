"""What follows when a partition of the inbound log has lost messages: its accounts are swept."""

from collections.abc import Awaitable, Callable

import asyncpg
import structlog

from services.log.kafka import KafkaSettings, partition_of, source_of
from services.storage.asked_sweeps import AskedSweeps

log = structlog.get_logger(__name__)


async def ask_for_sweeps(
    pool: asyncpg.Pool,
    settings: KafkaSettings,
    source: tuple[str, int],
    position: int,
) -> list[int]:
    """Ask for a full sweep of a partition's accounts, once for each gap (F22).

    Args:
        pool: Of the database.
        settings: They say whose partition it is.
        source: The topic and the partition.
        position: From which on messages are missing.

    Returns:
        The accounts.

    Raises:
        services.shared.errors.Unavailable: Nobody may have been asked; asking again is safe.
    """
    _, partition = source
    return await AskedSweeps(pool).ask(
        lambda account_id: partition_of(account_id, settings.partitions) == partition,
        f"{source_of(*source)} from {position}",
    )


def sweeps_after_gaps(
    pool: asyncpg.Pool,
    settings: KafkaSettings,
    topic: str,
) -> Callable[[int, int], Awaitable[None]]:
    """A `KafkaLogReader.on_gap` that asks for the sweeps."""

    async def ask(partition: int, position: int) -> None:
        accounts = await ask_for_sweeps(pool, settings, (topic, partition), position)
        log.error("full_sweep_asked", partition=partition, accounts=len(accounts))

    return ask
