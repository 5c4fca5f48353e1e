"""The client's end of the webhooks: takes them, or does not, and keeps what came."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook

DEADLINE = 15.0


@dataclass(frozen=True)
class Came:
    """One webhook as it came. `moment` is monotonic."""

    path: str
    headers: dict[str, str]
    body: bytes
    moment: float = field(default_factory=time.monotonic)

    def verified(self, secret: str) -> dict[str, Any]:
        """Return the body, after an independent library has checked signature and time."""
        verified = Webhook(secret).verify(self.body, self.headers)
        assert isinstance(verified, dict)
        return verified


class Receiver:
    """An HTTP server on a port of its own; `status` decides what the n-th request is answered."""

    def __init__(self, status: Callable[[int], int] = lambda _: 204) -> None:
        self.status = status
        self.came: list[Came] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1/webhooks/{{account}}"

    def wait_for(self, condition: Callable[[list[Came]], bool], deadline: float = DEADLINE) -> list[Came]:
        end = time.monotonic() + deadline
        while not condition(self.came):
            assert time.monotonic() < end, [came.body for came in self.came]
            time.sleep(0.01)
        return list(self.came)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                number = len(receiver.came)
                receiver.came.append(Came(self.path, headers, body))
                self.send_response(receiver.status(number))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        return Handler
