"""HTTP/1.1 as uvicorn speaks it, with bounds on what may come before a request is one: size, number and time of fields.

Refused here is what never becomes a request, so the answer is made by hand and the connection closed.
"""

import asyncio
from typing import Any, NamedTuple

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from contracts.ids import new_id
from gateway.metrics import REQUESTS
from gateway.problems import ProblemError

_FIELD_OVERHEAD = len(b": \r\n")
_UNREADABLE = ("unreadable", "other")


class HeadBound(NamedTuple):
    """What the head of a request (its first line and its fields) may be: bytes, number of fields, and seconds."""

    size: int
    fields: int
    seconds: float


class _HeadError(Exception):
    """The head is more than its bound."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection. A head that is too large is answered 431, one that comes too slowly 408 (RFC 6585, RFC 9110).

    The clock runs from the first byte of a head to its last, and on a new connection from its start, so that a client
    that sends a byte now and then holds nothing for long. A body that is still coming when its request was answered
    has the same time to end; before that, gateway.body_limit bounds it.
    """

    bound: HeadBound

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadline: asyncio.TimerHandle | None = None
        self._in_head = self._in_body = False
        self._unanswered = 0
        self._size = self._fields = 0
        self._unread = 0
        """Bytes since the parser told of anything: it keeps an unfinished field to itself, however long."""
        self._refusal: ProblemError | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock: who connects is to say something."""
        super().connection_made(transport)
        self._start_clock()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._stop_clock()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse; what comes between two requests, be it an empty line, starts the clock of the next one."""
        if not self._in_body:
            self._start_clock()
        self._unread += len(data)
        super().data_received(data)
        if self._unread > self.bound.size and not self.transport.is_closing():
            self._refuse(_too_large(self.bound))

    def on_message_begin(self) -> None:
        """Begin to count; the clock may run already."""
        super().on_message_begin()
        self._start_clock()
        self._in_head = True
        self._size = self._fields = self._unread = 0

    def on_url(self, url: bytes) -> None:
        """Count the first line."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a field, of a chunked body's trailer too."""
        self._fields += 1
        self._count(len(name) + len(value) + _FIELD_OVERHEAD)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Let the request begin, which has bounds of its own."""
        self._stop_clock()
        self._in_head, self._in_body = False, True
        self._unread = 0
        self._unanswered += 1
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Note that the body goes on."""
        self._unread = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Stop the clock of a body that came to its end after its answer."""
        self._in_body = False
        self._unread = 0
        self._stop_clock()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Start the clock of a body that nobody reads: the next request cannot come before it ends."""
        self._unanswered -= 1
        super().on_response_complete()
        if self._in_body:
            self._start_clock()

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP, or more of it than the bounds allow (what the callbacks raise ends here)."""
        self._refuse(self._refusal or ProblemError("malformed_request", f"{msg} The connection is closed."))

    def _count(self, size: int) -> None:
        self._size += size
        if self._size > self.bound.size or self._fields > self.bound.fields:
            self._refusal = _too_large(self.bound)
            raise _HeadError

    def _start_clock(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self.bound.seconds, self._time_is_up)

    def _stop_clock(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _time_is_up(self) -> None:
        self._deadline = None
        if self._in_head and self._unanswered:  # the answer to the request before it is to go out whole
            self._start_clock()
        elif self._in_head:
            self._refuse(ProblemError("request_timeout", "The request's head did not arrive in time; send it at once."))
        elif not self._unanswered:  # nothing is half asked: no answer is due
            self.transport.close()

    def _refuse(self, problem: ProblemError) -> None:
        """Answer and close; without an answer where it would get into that of an earlier request."""
        REQUESTS.labels(*_UNREADABLE, str(problem.kind.status)).inc()
        self._stop_clock()
        if not self._unanswered:
            self.transport.write(_answer(problem))
        self.transport.close()


def protocol_of(bound: HeadBound) -> type[BoundedProtocol]:
    """Return the protocol with these bounds, for uvicorn to make connections of."""
    return type("Protocol", (BoundedProtocol,), {"bound": bound})


def _too_large(bound: HeadBound) -> ProblemError:
    detail = f"A request may have {bound.fields} fields, and {bound.size} bytes before its body."
    return ProblemError("head_too_large", detail)


def _answer(problem: ProblemError) -> bytes:
    correlation_id = str(new_id())
    response = problem.response(correlation_id)
    fields = [
        *response.raw_headers,
        (b"x-correlation-id", correlation_id.encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        (b"connection", b"close"),
    ]
    head = b"".join(name + b": " + value + b"\r\n" for name, value in fields)
    return STATUS_LINE[response.status_code] + head + b"\r\n" + bytes(response.body)
