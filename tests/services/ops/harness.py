"""The address for operators on a real port, and what it answers."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
from prometheus_client.parser import text_string_to_metric_families

from services.ops.health import Health
from services.ops.metrics import Metrics
from services.ops.server import serving
from services.ops.settings import OpsSettings
from tests.support.waiting import until


@dataclass(frozen=True, slots=True)
class Ops:
    """A client of a running address."""

    address: str
    http: httpx.AsyncClient

    async def ready(self) -> tuple[int, dict[str, str | None]]:
        """Status, and each part with why it is not ready."""
        answer = await self.http.get("/readyz")
        body = answer.json()
        assert body["ready"] is (answer.status_code == 200)
        return answer.status_code, {each["part"]: each.get("reason") for each in body["parts"]}


@asynccontextmanager
async def ops(health: Health | None = None, metrics: Metrics | None = None) -> AsyncIterator[Ops]:
    context = serving(OpsSettings(), health=health or Health(), metrics=metrics or Metrics())
    async with context as address, httpx.AsyncClient(base_url=address) as http:
        yield Ops(address, http)


Samples = dict[str, float]


def read_samples(page: str) -> Samples:
    """Every sample of a page under its name and labels, as in `a_total{answer="200"}`."""
    found: Samples = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sample.labels.items())
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


async def samples_of(metrics: Metrics) -> Samples:
    """What a page of these tells."""
    return read_samples((await metrics.page()).decode())


async def samples_when(metrics: Metrics, condition: Callable[[Samples], object]) -> Samples:
    """The first page on which the condition holds; fails when that takes too long."""
    samples: Samples = {}

    async def holds() -> object:
        nonlocal samples
        samples = await samples_of(metrics)
        return condition(samples)

    await until(holds, every_s=0.01)
    return samples
