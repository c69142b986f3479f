"""Steps become spans that find together by nothing but the message's id."""

from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from services.ops.traces import OpenTelemetryTraces
from services.shared.tracing import Traces, now_ns


def collected() -> tuple[Traces, InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    return OpenTelemetryTraces(SimpleSpanProcessor(exporter)), exporter


def test_steps_told_by_processes_that_know_nothing_of_each_other_make_one_trace() -> None:
    began = now_ns()
    (ingress, first), (allocator, second) = collected(), collected()
    allocator.tell("allocator.decide", "m1", after="ingress.receive", began_ns=began)
    ingress.tell("ingress.receive", "m1", after=None, began_ns=began, account_id=7)
    ingress.tell("ingress.receive", "m2", after=None, began_ns=began)

    received, other = first.get_finished_spans()
    (decided,) = second.get_finished_spans()
    assert received.context is not None
    assert decided.context is not None
    assert decided.parent is not None
    assert other.context is not None
    assert received.parent is None
    assert decided.context.trace_id == received.context.trace_id != other.context.trace_id
    assert decided.parent.span_id == received.context.span_id != other.context.span_id
    assert dict(received.attributes or {}) == {"fairlead.account_id": 7}
    assert (received.start_time, received.name) == (began, "ingress.receive")
    assert received.resource.attributes["service.name"] == "fairlead"


def test_F27_a_step_told_twice_is_the_same_span_and_leads_of_one_message_are_not() -> None:
    traces, exporter = collected()
    for lead_id in (1, 2, 1):
        traces.tell(
            "gateway.patch",
            "m1",
            after="allocator.decide",
            began_ns=5,
            ended_ns=9,
            key=lead_id,
            lead_id=lead_id,
        )

    spans = exporter.get_finished_spans()
    ids = [span.context.span_id for span in spans if span.context is not None]
    assert ids[0] == ids[2] != ids[1]
    assert {(span.start_time, span.end_time) for span in spans} == {(5, 9)}
