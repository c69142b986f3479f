"""Metrics that are read from a peer: seldom, in bounded time, and never stale.

What cannot be read is not shown, rather than as it was; that it cannot be read is.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence

import structlog
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from services.ops.metrics import Metrics
from services.shared.errors import Unavailable

log = structlog.get_logger(__name__)

# Monitoring must never weigh on what it watches: however many ask, a peer is asked once in so
# long, and given up after so long.
READ_EVERY_S = 5.0
READ_WITHIN_S = 3.0

Read = Callable[[], Awaitable[Sequence[Metric]]]


class Readings(Collector):
    """What one peer tells; its own metric is whether it does."""

    def __init__(self, peer: str, read: Read) -> None:
        """Nothing is read yet.

        Args:
            peer: In the name of the metric that tells whether it could be read.
            read: Reads them; may raise `services.shared.errors.Unavailable`.
        """
        self._peer = peer
        self._read = read
        self._found: Sequence[Metric] = ()
        self._is_readable = False
        self._read_again_at = 0.0
        self._reading = asyncio.Lock()

    async def refresh(self) -> None:
        """Read, unless that was done just now."""
        loop = asyncio.get_running_loop()
        async with self._reading:
            if loop.time() < self._read_again_at:
                return
            try:
                async with asyncio.timeout(READ_WITHIN_S):
                    self._found = await self._read()
            except (Unavailable, TimeoutError) as error:
                if self._is_readable:
                    reason = str(error) or type(error).__name__
                    log.warning("metrics_not_read", peer=self._peer, reason=reason)
                self._found, self._is_readable = (), False
            else:
                self._is_readable = True
            self._read_again_at = loop.time() + READ_EVERY_S

    def collect(self) -> Iterator[Metric]:
        """What was read last."""
        yield GaugeMetricFamily(
            f"fairlead_{self._peer}_readable",
            "1 when its metrics could be read at the last look, else 0.",
            value=float(self._is_readable),
        )
        yield from self._found


def show(metrics: Metrics, peer: str, read: Read) -> None:
    """Have the peer read before each page of metrics, and show what it tells."""
    readings = Readings(peer, read)
    metrics.registry.register(readings)
    metrics.refresh_before_each_page(readings)
