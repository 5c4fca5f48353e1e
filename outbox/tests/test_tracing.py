"""The trace of a request that came in: continued or begun, recorded only where the sampler says so."""

import pytest
from opentelemetry.sdk.trace import Span, TracerProvider
from opentelemetry.trace import SpanKind

from outbox import tracing

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-"


def test_what_is_not_sampled_costs_ids_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "_samples_new_traces", False)
    for parent in (None, PARENT + "00"):
        traceparent, span = tracing.server_span(parent, "GET")
        assert span is None
        assert traceparent.endswith("-00")
        assert traceparent != parent


def test_what_is_sampled_gets_a_span_that_its_caller_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "_TRACER", TracerProvider().get_tracer("test"))
    traceparent, span = tracing.server_span(PARENT + "01", "GET")
    assert isinstance(span, Span)
    assert span.kind is SpanKind.SERVER
    assert span.parent is not None
    assert f"{span.parent.span_id:016x}" == "00f067aa0ba902b7"
    assert traceparent == f"{PARENT[:36]}{span.get_span_context().span_id:016x}-01"
    assert span.end_time is None
