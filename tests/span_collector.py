"""An OTLP/HTTP endpoint that keeps the spans it is sent: what a collector would get."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from ops.stack.ports import HOST


@dataclass(frozen=True)
class CollectedSpan:
    """A span as it came over the wire; ids in hex."""

    trace_id: str
    id: str
    parent: str
    name: str
    service: str
    failed: bool
    attributes: dict[str, Any]
    links: tuple[str, ...]


class SpanCollector:
    """The spans of all processes, in the order in which they came."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._spans: list[CollectedSpan] = []
        self._lock = Lock()

    def take(self, body: bytes) -> None:
        """Keep the spans of an export request."""
        request = ExportTraceServiceRequest.FromString(body)
        spans = [
            _collected(span, _values(resource.resource.attributes)["service.name"])
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]
        with self._lock:
            self._spans += spans

    def of_trace(self, trace_id: str) -> list[CollectedSpan]:
        """Return what is known of a trace."""
        return [span for span in self.all() if span.trace_id == trace_id]

    def all(self) -> list[CollectedSpan]:
        """Return everything."""
        with self._lock:
            return list(self._spans)


@contextmanager
def collecting() -> Iterator[SpanCollector]:
    """Listen on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            collector.take(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer((HOST, 0), Handler) as server:
        collector = SpanCollector(f"http://{HOST}:{server.server_address[1]}")
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield collector
        server.shutdown()
        thread.join(10)


def _collected(span: Any, service: str) -> CollectedSpan:
    return CollectedSpan(
        trace_id=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        name=span.name,
        service=service,
        failed=span.status.code == 2,
        attributes=_values(span.attributes),
        links=tuple(link.span_id.hex() for link in span.links),
    )


def _values(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}
