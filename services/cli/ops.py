"""The address for operators and monitors, as the environment wants it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from services.cli.environment import from_environment
from services.cli.installation import Wrong
from services.ops.health import Health
from services.ops.metrics import Metrics
from services.ops.server import serving
from services.ops.settings import OpsSettings


@asynccontextmanager
async def ops(health: Health, metrics: Metrics) -> AsyncIterator[str]:
    """Serve health and metrics for as long as the context lasts; yields the address.

    Raises:
        Wrong: The address cannot be listened at, or is none.
    """
    settings = from_environment(OpsSettings)
    async with AsyncExitStack() as stack:
        try:
            address = await stack.enter_async_context(
                serving(settings, health=health, metrics=metrics)
            )
        except OSError as error:
            reason = (error.strerror or str(error)).partition(" (")[0]
            raise Wrong(
                f"health and metrics cannot be served at {settings.host}:{settings.port}:"
                f" {reason}; choose another FAIRLEAD_OPS_PORT or FAIRLEAD_OPS_HOST"
            ) from error
        yield address
