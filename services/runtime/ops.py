"""The address for operators and monitors."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from services.ops.health import Health
from services.ops.metrics import Metrics
from services.ops.server import serving
from services.ops.settings import OpsSettings
from services.runtime.listening import not_listening


@asynccontextmanager
async def ops(settings: OpsSettings, health: Health, metrics: Metrics) -> AsyncIterator[str]:
    """Serve health and metrics for as long as the context lasts; yields the address.

    Raises:
        Wrong: The address cannot be listened at, or is none.
    """
    async with AsyncExitStack() as stack:
        try:
            address = await stack.enter_async_context(
                serving(settings, health=health, metrics=metrics)
            )
        except OSError as error:
            raise not_listening(
                error,
                settings.host,
                settings.port,
                what="health and metrics cannot be served",
                choose="FAIRLEAD_OPS_PORT or FAIRLEAD_OPS_HOST",
            ) from error
        yield address
