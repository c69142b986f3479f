"""A small address for operators and monitors, apart from the one for webhooks (S25).

/livez      200 as long as the event loop turns: whoever gets no answer restarts the process
/readyz     200 when every part could work, else 503; the reasons as JSON
/metrics    in Prometheus' text format
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from services.ops.health import Health
from services.ops.metrics import Metrics
from services.ops.settings import OpsSettings
from services.shared.http_limits import HttpLimits
from services.shared.http_server import listen, serve_until

log = structlog.get_logger(__name__)

HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
# A monitor asks every few seconds on one connection; nobody sends a body.
LIMITS = HttpLimits(connections_max=128, keep_alive_s=75, stop_within_s=2)


def create_app(health: Health, metrics: Metrics) -> Starlette:
    """The three answers."""

    async def live(_: Request) -> Response:
        return PlainTextResponse("alive\n", headers=HEADERS)

    async def ready(_: Request) -> Response:
        parts = await health.look()
        is_ready = all(part.is_ready for part in parts)
        body = {
            "ready": is_ready,
            "parts": [
                {"part": part.name, "ready": part.is_ready}
                | ({} if part.is_ready else {"reason": part.reason})
                for part in parts
            ],
        }
        return JSONResponse(body, 200 if is_ready else 503, headers=HEADERS)

    async def measured(_: Request) -> Response:
        page = await metrics.page()
        return Response(page, headers={**HEADERS, "content-type": CONTENT_TYPE_LATEST})

    return Starlette(
        routes=[Route("/livez", live), Route("/readyz", ready), Route("/metrics", measured)]
    )


@asynccontextmanager
async def serving(settings: OpsSettings, *, health: Health, metrics: Metrics) -> AsyncIterator[str]:
    """Answer for as long as the context lasts, so also while the roles start and stop.

    Should it fail, the monitor sees it; the roles go on.

    Args:
        settings: Where.
        health: What `/readyz` tells.
        metrics: What `/metrics` tells.

    Yields:
        The address.

    Raises:
        OSError: The address cannot be listened at.
    """
    listener = listen(settings.host, settings.port)
    app = create_app(health, metrics)
    stop = asyncio.Event()
    bound = asyncio.get_running_loop().create_future()
    server = asyncio.create_task(
        serve_until(app, LIMITS, listener=listener, stop=stop, on_bound=bound.set_result),
        name="ops",
    )
    try:
        await asyncio.wait({server, bound}, return_when=asyncio.FIRST_COMPLETED)
        if not bound.done():
            await server  # says why
        address = _address(settings.host, listener.getsockname()[1])
        log.info("ops_listening", address=address)
        yield address
    finally:
        stop.set()
        await server


def _address(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
