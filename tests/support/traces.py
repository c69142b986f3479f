"""A collector of traces, and the one trace that a lead's way should be."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.demo.sample import NEW_REQUEST, SALES
from services.shared.http_limits import HttpLimits
from services.shared.http_server import listen, serve_until
from tests.support.running import System, apply_rules

STEPS = ["ingress.receive", "allocator.decide", "gateway.patch"]


def to_collector(address: str) -> dict[str, str]:
    """The environment of processes that send their traces there, soon."""
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": address,
        "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
        "OTEL_BSP_SCHEDULE_DELAY": "200",
    }


async def decide_at_once(system: System) -> None:
    """Put a rule in force that asks nothing of Kommo first: a reading begins a trace of its own."""
    stage = f"{{pipeline: {SALES}, stage: {NEW_REQUEST}}}"
    people = "[{manager: 501}, {manager: 502}]"
    rule = f"  - {{id: only, stages: [{stage}], participants: {people}}}"
    async with system.opened() as installation:
        await apply_rules(installation, f"version: 1\nrules:\n{rule}\n")


def check_way(spans: list[Span], system: System, lead_id: int) -> None:
    """Check that one trace leads from the webhook to the PATCH of the lead, and holds no secret."""
    (patched,) = [span for span in spans if span.name == STEPS[-1]]
    trace = sorted(
        (span for span in spans if span.trace_id == patched.trace_id),
        key=lambda span: STEPS.index(span.name),
    )
    assert [span.name for span in trace] == STEPS
    parents = [span.parent_span_id for span in trace]
    assert parents == [b"", trace[0].span_id, trace[1].span_id]
    assert all(span.start_time_unix_nano <= span.end_time_unix_nano for span in trace)
    assert {fact.key: fact.value.int_value for fact in patched.attributes} == {
        "fairlead.account_id": system.account_id,
        "fairlead.lead_id": lead_id,
        "fairlead.leads": 1,
    }
    told = "".join(map(str, spans))
    secret = system.hook_url.get_secret_value().rstrip("/").rpartition("/")[2]
    token = system.kommo.token_file.read_text().strip()
    assert [word for word in (secret, token) if word in told] == []


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
    stop, listener = asyncio.Event(), listen("127.0.0.1", 0)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(
            serve_until(
                app,
                HttpLimits(stop_within_s=1),
                listener=listener,
                stop=stop,
                on_bound=lambda _: None,
            )
        )
        try:
            yield address, spans
        finally:
            stop.set()
