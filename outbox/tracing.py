"""W3C trace context through every hop: each message's `traceparent` continues the trace of what caused it.

Whoever begins a trace decides whether it is recorded (head sampling), and `traceparent` tells all that come after. What
fails is recorded even where its trace is not. Names and attributes follow OpenTelemetry's semantic conventions for
HTTP, messaging and databases; attributes hold names and ids, never what a message says or a statement is given.
"""

import random
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from contracts.message import Envelope, Message
from contracts.topology import Durable

_PROPAGATOR = TraceContextTextMapPropagator()
_SAMPLED, _UNSAMPLED = "-01", "-00"
_TRACE_ID = slice(3, 35)
_HALF_OF_IDS = 1 << 64
_EXPORT_SECONDS = 5.0
_ATTRIBUTES_END = 1_000  # characters of an envelope, before its data
_MOST_STATEMENT = 2_000  # characters of SQL
_VERB = re.compile(r"\b(INSERT INTO|UPDATE|DELETE FROM|SELECT\s.*?\bFROM|FROM)\s+(\w+)", re.DOTALL)
_TRACEPARENT = re.compile(r'"traceparent": ?"(00-[0-9a-f]{32}-[0-9a-f]{16}-01)"')
_NOTHING = nullcontext()


class _Recording:
    """What this process records: the tracer, and which share of the traces that begin here."""

    def __init__(self, tracer: Tracer, sample_ratio: float) -> None:
        self.tracer = tracer
        self._sampled_below = int(sample_ratio * _HALF_OF_IDS)

    def samples(self, trace_id: str) -> bool:
        """Tell whether a trace is recorded: by its id, so that all that begin parts of it agree."""
        return int(trace_id[16:], 16) < self._sampled_below


_NOT_RECORDING = _Recording(trace.NoOpTracer(), 0.0)
_recording = _NOT_RECORDING


def set_up_tracing(service: str, sample_ratio: float, otlp_endpoint: str = "") -> None:
    """Record the sampled share of the traces that begin here, and send spans to an OTLP/HTTP endpoint if there is one.

    Spans wait in a bounded queue, and are dropped when it is full: tracing never holds up what it looks at.
    """
    if not otlp_endpoint:
        record_nothing()
        return
    exporter = OTLPSpanExporter(f"{otlp_endpoint.rstrip('/')}/v1/traces", timeout=_EXPORT_SECONDS)
    record_with(BatchSpanProcessor(exporter), service, sample_ratio)


def record_with(processor: SpanProcessor, service: str, sample_ratio: float) -> None:
    """Give spans to a processor."""
    global _recording  # noqa: PLW0603 - one for the process, as in the SDK
    resource = Resource.create({SERVICE_NAME: f"ledgerlink-{service}"})
    provider = TracerProvider(ALWAYS_ON, resource)  # what is recorded is decided here, not there
    provider.add_span_processor(processor)
    _recording = _Recording(provider.get_tracer("ledgerlink"), sample_ratio)


def record_nothing() -> None:
    """Only pass ids on, and what others have decided."""
    global _recording  # noqa: PLW0603
    _recording = _NOT_RECORDING


def server_span(parent: str | None, name: str) -> tuple[str, Span | None]:
    """Return the `traceparent` of a request from outside, and its span for the caller to end; None if not recorded.

    Whether it is recorded is ours to decide, whatever the client's flags say: else anybody could make us record all.
    """
    trace_id = parent[_TRACE_ID] if parent else f"{random.getrandbits(128) or 1:032x}"
    if not _recording.samples(trace_id):
        return _child(trace_id, _UNSAMPLED), None
    # Without a parent of its own the SDK would make another trace id than the one that was decided about.
    context = _context_of(parent) if parent else _context_of(f"00-{trace_id}-{_span_id()}{_SAMPLED}")
    span = _recording.tracer.start_span(name, context, kind=SpanKind.SERVER)
    return _traceparent_of(span), span


def end_request(span: Span | None, parent: str, name: str, status: int, attributes: Mapping[str, Any]) -> None:
    """End a request's span; one that we failed to answer is recorded even where its trace is not."""
    failed = status >= 500  # noqa: PLR2004 - RFC 9110 §15.6
    if span is None and failed:
        span = _recording.tracer.start_span(name, _context_of(parent), kind=SpanKind.SERVER)
    if span is None:
        return
    span.update_name(name)
    span.set_attributes({**attributes, "http.response.status_code": status})
    if failed:
        span.set_status(Status(StatusCode.ERROR))
        span.set_attribute("error.type", str(status))
    span.end()


def producer_context(parent: str | None, name: str) -> str | None:
    """Return the `traceparent` for a new message: same trace as its cause, or a new trace without one."""
    trace_id = parent[_TRACE_ID] if parent else f"{random.getrandbits(128) or 1:032x}"
    if not (parent.endswith(_SAMPLED) if parent else _recording.samples(trace_id)):
        return _child(trace_id, _UNSAMPLED)
    context = _context_of(parent or f"00-{trace_id}-{_span_id()}{_SAMPLED}")
    attributes = {"messaging.system": "nats", "messaging.operation.type": "send", "messaging.operation.name": "send"}
    span = _recording.tracer.start_span(f"send {name}", context, kind=SpanKind.PRODUCER, attributes=attributes)
    span.end()
    return _traceparent_of(span)


@contextmanager
def consuming(durable: Durable, envelopes: Sequence[Envelope[Message]]) -> Iterator[list[Envelope[Message]]]:
    """Span the handling of each message whose trace is recorded, and that of the batch.

    Yields the envelopes with the contexts that what they cause continues. A message alone is the batch. Several are a
    trace of its own that begins here, so that it is recorded as often as others that do: else nearly all would be,
    with each statement, for the sake of the few messages in them. The spans of batch and messages link to each other.
    """
    sampled = [e for e in envelopes if e.traceparent and e.traceparent.endswith(_SAMPLED)]
    if not sampled or _recording is _NOT_RECORDING:
        yield list(envelopes)
        return
    attributes = _consumer_attributes(durable)
    if len(envelopes) == 1:
        about = attributes | _message_attributes(envelopes[0])
        with _within(f"process {durable.name}", SpanKind.CONSUMER, about, _context_of(envelopes[0].traceparent)):
            yield [_continued(envelopes[0], trace.get_current_span())]
        return
    with _batch(durable, sampled, attributes | {"messaging.batch.message_count": len(envelopes)}) as links:
        spans = {
            e.id: _recording.tracer.start_span(
                f"process {e.type}",
                _context_of(e.traceparent),
                kind=SpanKind.CONSUMER,
                links=links,
                attributes=attributes | _message_attributes(e),
            )
            for e in sampled
        }
        try:
            yield [_continued(e, spans.get(e.id)) for e in envelopes]
        finally:
            for span in spans.values():
                span.end()


@contextmanager
def _batch(
    durable: Durable, sampled: Sequence[Envelope[Message]], attributes: Mapping[str, Any]
) -> Iterator[Sequence[Link]]:
    """Span a batch if its own trace is recorded; yield what links to it."""
    if not _recording.samples(f"{random.getrandbits(128):032x}"):  # by chance: nobody else has part in it
        yield ()
        return
    batch = _recording.tracer.start_span(
        f"process {durable.name}",
        Context(),
        kind=SpanKind.CONSUMER,
        links=[Link(trace.get_current_span(_context_of(e.traceparent)).get_span_context()) for e in sampled],
        attributes=attributes,
    )
    with trace.use_span(batch, end_on_exit=True, record_exception=False, set_status_on_exception=False):
        yield (Link(batch.get_span_context()),)


def record_failure(name: str, parent: str | None, reason: str) -> None:
    """Record that something failed, even where its trace is not recorded; `reason` holds nobody's values."""
    if _recording is _NOT_RECORDING:
        return
    span = _recording.tracer.start_span(name, _context_of(parent), kind=SpanKind.INTERNAL)
    span.set_status(Status(StatusCode.ERROR, reason))
    span.end()


def published(stream: str, envelopes: Sequence[str], began: int) -> None:
    """Record that envelopes were published to a stream, from `began` (nanoseconds since the epoch) until now."""
    if _recording is _NOT_RECORDING:
        return
    found = [match[1] for envelope in envelopes if (match := _TRACEPARENT.search(envelope, 0, _ATTRIBUTES_END))]
    ended = time.time_ns()
    attributes = {
        "messaging.system": "nats",
        "messaging.operation.name": "publish",
        "messaging.destination.name": stream,
    }
    for traceparent in found:
        span = _recording.tracer.start_span(
            f"publish {stream}", _context_of(traceparent), kind=SpanKind.CLIENT, attributes=attributes, start_time=began
        )
        span.end(ended)


def answering(name: str, parent: str | None) -> AbstractContextManager[object]:
    """Span the answering of a query whose trace is recorded."""
    return _span(name, parent, SpanKind.SERVER, {}) if parent and parent.endswith(_SAMPLED) else _NOTHING


def calling(name: str, parent: str | None, attributes: Mapping[str, Any]) -> AbstractContextManager[object]:
    """Span a call to somebody outside, where the trace that it belongs to is recorded."""
    return _span(name, parent, SpanKind.CLIENT, attributes) if parent and parent.endswith(_SAMPLED) else _NOTHING


def note(attribute: str, value: str | int) -> None:
    """Say more of what is being recorded, if anything is: names and ids, never what somebody entered."""
    trace.get_current_span().set_attribute(attribute, value)


def statement(query: str) -> AbstractContextManager[object]:
    """Span an SQL statement, which is static text, inside what is being recorded; else do nothing."""
    if not trace.get_current_span().is_recording():
        return _NOTHING
    summary = _summary(query)
    attributes = {
        "db.system.name": "postgresql",
        "db.query.summary": summary,
        "db.query.text": query.strip()[:_MOST_STATEMENT],
    }
    return _within(summary, SpanKind.CLIENT, attributes, None)


@contextmanager
def _span(name: str, parent: str | None, kind: SpanKind, attributes: Mapping[str, Any]) -> Iterator[None]:
    with _within(name, kind, attributes, _context_of(parent)):
        yield


@contextmanager
def _within(name: str, kind: SpanKind, attributes: Mapping[str, Any], context: Context | None) -> Iterator[None]:
    """Span a block. What an exception says may be personal, so only its type is kept."""
    tracer = _recording.tracer
    with tracer.start_as_current_span(
        name, context, kind, attributes, record_exception=False, set_status_on_exception=False
    ) as span:
        try:
            yield
        except Exception as error:
            span.set_status(Status(StatusCode.ERROR))
            span.set_attribute("error.type", type(error).__qualname__)
            raise


def _continued(envelope: Envelope[Message], span: Span | None) -> Envelope[Message]:
    if span is None or not span.get_span_context().is_valid:
        return envelope
    return envelope.model_copy(update={"traceparent": _traceparent_of(span)})


def _consumer_attributes(durable: Durable) -> dict[str, Any]:
    return {
        "messaging.system": "nats",
        "messaging.operation.type": "process",
        "messaging.operation.name": "process",
        "messaging.destination.name": durable.stream,
        "messaging.consumer.group.name": durable.name,
    }


def _message_attributes(envelope: Envelope[Message]) -> dict[str, Any]:
    return {"messaging.message.id": str(envelope.id), "messaging.message.conversation_id": envelope.correlationid}


@cache
def _summary(query: str) -> str:
    """Return what a statement does to which table, as in the conventions: `INSERT inbox`."""
    found = [(verb.split()[0], table) for verb, table in _VERB.findall(query)]
    writes = [f"{verb} {table}" for verb, table in found if verb in {"INSERT", "UPDATE", "DELETE"}]
    reads = [f"SELECT {table}" for _, table in found]
    return (writes or reads or [query.split(maxsplit=1)[0]])[0]


def _context_of(traceparent: str | None) -> Context:
    return _PROPAGATOR.extract({"traceparent": traceparent}) if traceparent else Context()


def _traceparent_of(span: Span) -> str:
    context = span.get_span_context()
    return f"00-{context.trace_id:032x}-{context.span_id:016x}{_SAMPLED}"


def _child(trace_id: str, flags: str) -> str:
    """Return what the SDK would for a span that nobody records: only ids, which cost a hundredth when made here."""
    return f"00-{trace_id}-{_span_id()}{flags}"


def _span_id() -> str:
    return f"{random.getrandbits(64) or 1:016x}"
