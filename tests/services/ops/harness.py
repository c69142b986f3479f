"""The address for operators on a real port, and what it answers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from services.ops.health import Health
from services.ops.metrics import Metrics
from services.ops.server import serving
from services.ops.settings import OpsSettings


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
