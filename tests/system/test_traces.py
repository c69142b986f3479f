"""A lead's way from the webhook to the PATCH, as a collector of traces sees it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.http_server import listen, serve_until
from tests.support.running import Running, running, until
from tests.system.checks import all_set, is_known

STEPS = ["ingress.receive", "allocator.decide", "gateway.patch"]


async def test_S19_one_trace_leads_from_the_webhook_to_the_patch(tmp_path: Path) -> None:
    async with collector() as (address, spans):
        environment = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": address,
            "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
            "OTEL_BSP_SCHEDULE_DELAY": "200",
        }
        knobs = {"requests_per_second": 1_000}
        async with running(tmp_path, knobs=knobs, environment=environment) as system:
            await until(lambda: is_known(system))
            (lead_id,) = await system.new_leads(1)
            await system.move([lead_id])
            await until(lambda: all_set(system, [lead_id]))
            assert await system.fairlead.stop() == 0  # what is left is sent at the end
            secrets = _secrets(system)

    (patched,) = [s for s in spans if s.name == "gateway.patch"]
    trace = sorted((s for s in spans if s.trace_id == patched.trace_id), key=_place)
    assert [span.name for span in trace] == STEPS
    parents = [span.parent_span_id for span in trace]
    assert parents == [b"", trace[0].span_id, trace[1].span_id]
    assert all(span.start_time_unix_nano <= span.end_time_unix_nano for span in trace)
    facts = {a.key: a.value.int_value for a in patched.attributes}
    assert facts == {
        "fairlead.account_id": system.account_id,
        "fairlead.lead_id": lead_id,
        "fairlead.leads": 1,
    }
    told = "".join(map(str, spans))
    assert [secret for secret in secrets if secret in told] == []


def _place(span: Span) -> int:
    return STEPS.index(span.name)


def _secrets(system: Running) -> list[str]:
    url = system.hook_url.get_secret_value()
    return [system.kommo.token_file.read_text().strip(), url.rstrip("/").rpartition("/")[2]]


@asynccontextmanager
async def collector() -> AsyncIterator[tuple[str, list[Span]]]:
    """Takes OTLP over HTTP and keeps the spans."""
    spans: list[Span] = []

    async def take(request: Request) -> Response:
        batch = ExportTraceServiceRequest.FromString(await request.body())
        for resource in batch.resource_spans:
            for scope in resource.scope_spans:
                spans.extend(scope.spans)
        return Response(b"", media_type="application/x-protobuf")

    app = Starlette(routes=[Route("/v1/traces", take, methods=["POST"])])
    config = uvicorn.Config(app, lifespan="off", log_config=None, timeout_graceful_shutdown=1)
    stop, listener = asyncio.Event(), listen("127.0.0.1", 0)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(
            serve_until(config, listener=listener, stop=stop, on_bound=lambda _: None)
        )
        try:
            yield address, spans
        finally:
            stop.set()
