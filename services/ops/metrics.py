"""The metrics of one process, in a registry of its own, as Prometheus reads them."""

import asyncio
from importlib.metadata import version
from typing import Protocol

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    Info,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)


class Source(Protocol):
    """Metrics that have to be fetched from elsewhere."""

    async def refresh(self) -> None:
        """Fetch them if they are old; whatever goes wrong elsewhere is a metric, too."""
        ...


class Metrics:
    """What a process counts; no global of the library is touched."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        build = Info("fairlead_build", "The release that runs.", registry=self.registry)
        build.info({"version": version("fairlead")})
        self._sources: list[Source] = []

    def refresh_before_each_page(self, source: Source) -> None:
        """Have a collector of the registry fetch what it shows."""
        self._sources.append(source)

    async def page(self) -> bytes:
        """Everything as it is now, in the text format."""
        async with asyncio.TaskGroup() as tasks:
            for source in self._sources:
                tasks.create_task(source.refresh())
        return generate_latest(self.registry)
