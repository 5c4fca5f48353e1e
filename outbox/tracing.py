"""W3C trace context through every hop: each message's `traceparent` continues the trace of what caused it."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio
from opentelemetry.trace import Link, Span, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_PROPAGATOR = TraceContextTextMapPropagator()
_TRACER = trace.get_tracer("ledgerlink")
_SAMPLED = 1
_UNSAMPLED = "-00"
_samples_new_traces = True  # until set_up_tracing says otherwise


def set_up_tracing(service: str, sample_ratio: float) -> None:
    """Install the SDK: ids are always made and passed on, spans are recorded for the sampled share of traces."""
    resource = Resource.create({SERVICE_NAME: f"ledgerlink-{service}"})
    trace.set_tracer_provider(TracerProvider(resource=resource, sampler=ParentBasedTraceIdRatio(sample_ratio)))
    global _samples_new_traces  # noqa: PLW0603 - as global as the provider
    _samples_new_traces = sample_ratio > 0


def _context_of(traceparent: str | None) -> Context:
    return _PROPAGATOR.extract({"traceparent": traceparent}) if traceparent else Context()


def producer_context(parent: str | None, name: str) -> str | None:
    """Return the `traceparent` for a new message: same trace as its cause, or a new trace without one."""
    if parent.endswith(_UNSAMPLED) if parent else not _samples_new_traces:
        return _unrecorded(parent)
    context = _context_of(parent)
    span = _TRACER.start_span(f"send {name}", context, kind=SpanKind.PRODUCER)
    span.end()
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier, trace.set_span_in_context(span, context))
    return carrier.get("traceparent", parent)


def server_span(parent: str | None, name: str) -> tuple[str, Span | None]:
    """Return the `traceparent` of a request that came in, and its span for the caller to end; None if not recorded."""
    if parent.endswith(_UNSAMPLED) if parent else not _samples_new_traces:
        return _unrecorded(parent), None
    context = _context_of(parent)
    span = _TRACER.start_span(name, context, kind=SpanKind.SERVER)
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier, trace.set_span_in_context(span, context))
    return carrier.get("traceparent", _unrecorded(parent)), span


def _unrecorded(parent: str | None) -> str:
    """Return what the SDK would for a span that nobody records: only ids, which cost a hundredth when made here."""
    trace_id = parent[3:35] if parent else f"{random.getrandbits(128) or 1:032x}"
    return f"00-{trace_id}-{random.getrandbits(64) or 1:016x}{_UNSAMPLED}"


@contextmanager
def batch_span(name: str, parents: Sequence[str | None]) -> Iterator[None]:
    """Span the handling of a batch, linked to the context of each of its messages (OTel messaging conventions)."""
    sampled = [parent for parent in parents if parent and int(parent[-2:], 16) & _SAMPLED]
    links = [Link(trace.get_current_span(_context_of(parent)).get_span_context()) for parent in sampled]
    with _TRACER.start_as_current_span(f"process {name}", Context(), kind=SpanKind.CONSUMER, links=links):
        yield
