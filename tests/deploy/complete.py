"""A page with every metric there is, to compare alerts and panels with."""

from collections.abc import Iterator
from pathlib import Path

from prometheus_client.core import GaugeMetricFamily

from services.kommo.limiter import Limiter
from services.ops.disk import show_disk
from services.ops.metrics import Metrics
from services.ops.readings import show
from services.ops.roles import AllocatorMetrics, GatewayMetrics, IngressMetrics
from services.ops.tables import show_tables


class Stopped:
    """A pusher with an account that does not let us in."""

    stopped = {1: 402}  # noqa: RUF012 - never changed


def all_metrics(pool: object) -> Metrics:
    """The metrics of a process with every role, on a database."""
    metrics = Metrics()
    IngressMetrics(metrics.registry)
    AllocatorMetrics(metrics.registry)
    GatewayMetrics(metrics.registry).gateway_built(Limiter(), Stopped())
    show_tables(metrics, pool, has_inbound_log=True)
    show_disk(metrics, Path("/"))

    async def kafka() -> list[GaugeMetricFamily]:
        return []

    show(metrics, "kafka", kafka)
    return metrics


def names_and_labels(metrics: Metrics) -> Iterator[tuple[str, frozenset[str]]]:
    """Each metric's sample names, and the labels of each; families without samples included."""
    for family in metrics.registry.collect():
        if not family.samples:
            yield family.name, frozenset(getattr(family, "_labelnames", ()))
        for sample in family.samples:
            yield sample.name, frozenset(sample.labels)
