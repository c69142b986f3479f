"""Traces, if the environment asks for them."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.shared.tracing import UNTRACED, Traces

VARIABLES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


@asynccontextmanager
async def traces() -> AsyncIterator[Traces]:
    """Where the roles tell their steps, for as long as the context lasts."""
    if not any(os.environ.get(name) for name in VARIABLES):
        yield UNTRACED
        return
    # The SDK is half a second of imports and some megabytes; nobody pays them for nothing.
    from services.ops.traces import to_collector  # noqa: PLC0415

    async with to_collector() as collected:
        yield collected
