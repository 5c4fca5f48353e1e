"""An OTLP/HTTP endpoint in a process of its own: reads spans as a collector would, and counts them.

`python -m ops.bench.tracing.sink` writes the port that it listens on, and serves until it is told to end.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock

import httpx

from ops.stack.errors import StackError
from ops.stack.ports import HOST

STOP_SECONDS = 10


@dataclass(frozen=True)
class Sink:
    """A running sink: where spans go, and its process."""

    url: str
    pid: int

    def count(self) -> int:
        """Return how many spans have come."""
        return int(httpx.get(self.url).text)


@contextmanager
def sink() -> Iterator[Sink]:
    """Run a sink. Raises StackError."""
    process = subprocess.Popen([sys.executable, "-m", __name__], stdout=subprocess.PIPE, text=True)
    try:
        port = process.stdout.readline().strip() if process.stdout else ""
        if not port:
            raise StackError("the sink of spans did not start")
        yield Sink(f"http://{HOST}:{port}", process.pid)
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    spans = 0
    lock = Lock()

    def do_POST(self) -> None:
        """Take an export request."""
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        request = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["Content-Length"])))
        number = sum(len(scope.spans) for each in request.resource_spans for scope in each.scope_spans)
        with self.lock:
            _Handler.spans += number
        self._answer(b"")

    def do_GET(self) -> None:
        """Tell how many spans have come."""
        self._answer(str(self.spans).encode())

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    with ThreadingHTTPServer((HOST, 0), _Handler) as server:
        sys.stdout.write(f"{server.server_address[1]}\n")
        sys.stdout.flush()
        server.serve_forever()
