"""Closing a consumer of Apache Kafka without waiting for a broker that may never answer (F13)."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from aiokafka.consumer.group_coordinator import GroupCoordinator

log = structlog.get_logger(__name__)

# Of the 10 s that an orderly stop has in all.
CLOSE_WITHIN_S = 3.0


async def close_in_time(
    consumer: Any,  # noqa: ANN401 - aiokafka ships no types
    stop: Callable[[], Awaitable[None]] | None = None,
) -> None:
    """Stop a consumer; one that has not ended by then is cut off, and its group notices by itself.

    Its own `stop` first waits for its requests under way, each of which may take as long as a
    whole group needs to meet.

    Args:
        consumer: None if there is none yet.
        stop: What stops it, if that is not the consumer itself.
    """
    try:
        async with asyncio.timeout(CLOSE_WITHIN_S):
            await (stop or consumer.stop)()
    except TimeoutError:
        log.warning("kafka_consumer_cut_off", within_s=CLOSE_WITHIN_S)
        if consumer is not None:
            await _cut_off(consumer)


async def _cut_off(consumer: Any) -> None:  # noqa: ANN401 - aiokafka ships no types
    """What its own `stop` would still do but leave the group; the minor version is pinned."""
    coordinator = consumer._coordinator  # noqa: SLF001
    if isinstance(coordinator, GroupCoordinator):
        await coordinator._stop_heartbeat_task()  # noqa: SLF001
        await coordinator._stop_commit_offsets_refresh_task()  # noqa: SLF001
    if consumer._fetcher is not None:  # noqa: SLF001
        await consumer._fetcher.close()  # noqa: SLF001
    await consumer._client.close()  # noqa: SLF001
