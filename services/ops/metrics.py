"""The metrics of one process, in a registry of its own, as Prometheus reads them."""

from importlib.metadata import version

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    Info,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

__all__ = ["Metrics"]


class Metrics:
    """What a process counts; no global of the library is touched."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        build = Info("fairlead_build", "The release that runs.", registry=self.registry)
        build.info({"version": version("fairlead")})

    async def page(self) -> bytes:
        """Everything as it is now, in the text format."""
        return generate_latest(self.registry)
