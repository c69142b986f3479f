"""Traces by OpenTelemetry, when the environment names a collector.

`OTEL_EXPORTER_OTLP_ENDPOINT` switches them on; the other standard variables of the SDK hold
too. Steps are sent in batches by a thread of the SDK; when the collector does not answer, they
are dropped and nothing else is.
"""

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import blake2b

import structlog
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    TraceFlags,
    set_span_in_context,
)

from services.shared.tracing import Step, now_ns

log = structlog.get_logger(__name__)

KINDS: dict[Step, SpanKind] = {
    "ingress.receive": SpanKind.SERVER,
    "allocator.decide": SpanKind.CONSUMER,
    "gateway.patch": SpanKind.CLIENT,
}
TRACE_BYTES, SPAN_BYTES = 16, 8
FLUSH_WITHIN_S = 3.0


class OpenTelemetryTraces:
    """Hands steps to the SDK as spans that are over already."""

    is_on = True

    def __init__(self, processor: SpanProcessor) -> None:
        self._ids = _DerivedIds()
        resource = Resource({SERVICE_NAME: "fairlead"}).merge(OTELResourceDetector().detect())
        self._provider = TracerProvider(
            resource=resource, id_generator=self._ids, shutdown_on_exit=False
        )
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("fairlead")

    def tell(
        self,
        step: Step,
        cause: str,
        *,
        after: Step | None,
        began_ns: int,
        ended_ns: int | None = None,
        key: int = 0,
        **facts: int,
    ) -> None:
        """Make it a span."""
        trace_id = _number(cause, size=TRACE_BYTES)
        # Read back in the next call, before anything else can run.
        self._ids.trace_id, self._ids.span_id = trace_id, _span_id(step, cause, key)
        context = Context()
        if after is not None:
            parent = SpanContext(
                trace_id,
                _span_id(after, cause, 0),
                is_remote=True,
                trace_flags=TraceFlags(TraceFlags.SAMPLED),
            )
            context = set_span_in_context(NonRecordingSpan(parent), context)
        span = self._tracer.start_span(
            step,
            context,
            KINDS[step],
            {f"fairlead.{name}": value for name, value in facts.items()},
            start_time=began_ns,
        )
        span.end(ended_ns or now_ns())

    async def close(self) -> None:
        """Send what is left, if that takes no more than a moment (F13)."""
        # A thread of our own: the loop's executor would be waited for at its end.
        loop, is_done = asyncio.get_running_loop(), asyncio.Event()

        def shut_down() -> None:
            self._provider.shutdown()
            loop.call_soon_threadsafe(is_done.set)

        threading.Thread(target=shut_down, name="traces", daemon=True).start()
        try:
            async with asyncio.timeout(FLUSH_WITHIN_S):
                await is_done.wait()
        except TimeoutError:
            log.warning("traces_not_sent")


class _DerivedIds(IdGenerator):
    """The ids of the span that is made next."""

    trace_id = 0
    span_id = 0

    def generate_trace_id(self) -> int:
        return self.trace_id

    def generate_span_id(self) -> int:
        return self.span_id


def _span_id(step: Step, cause: str, key: int) -> int:
    return _number(f"{step}/{key}/{cause}", size=SPAN_BYTES)


def _number(text: str, *, size: int) -> int:
    # 0 is no id.
    return int.from_bytes(blake2b(text.encode(), digest_size=size).digest()) or 1


@asynccontextmanager
async def to_collector() -> AsyncIterator[OpenTelemetryTraces]:
    """Send to the collector of the environment for as long as the context lasts."""
    traces = OpenTelemetryTraces(BatchSpanProcessor(OTLPSpanExporter()))
    log.info("traces_on", service=os.environ.get("OTEL_SERVICE_NAME", "fairlead"))
    try:
        yield traces
    finally:
        await traces.close()
