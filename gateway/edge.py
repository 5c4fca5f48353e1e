"""What every answer gets, whatever happens inside: ids, security headers, timings, metrics, never a bare 500."""

import structlog
from opentelemetry.trace import Span
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from gateway.access_log import AccessLog, Answered, method_of, route_of
from gateway.metrics import REQUEST_SECONDS, REQUESTS, REQUESTS_IN_FLIGHT
from gateway.problems import ProblemError
from gateway.request_context import RequestContext, context_of, open_context
from outbox.logs import trace_of
from outbox.tracing import end_request, server_span

_LOG = structlog.get_logger()
_SECURITY = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
_ALWAYS_HTTPS = (b"strict-transport-security", b"max-age=31536000")
_NEVER_STORED = (b"cache-control", b"no-store")
_NOTHING_RUNS = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")


class Edge:
    """The outermost ASGI middleware."""

    def __init__(self, app: ASGIApp, access_log: AccessLog | None) -> None:
        self._app, self._access_log = app, access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, and turn what nobody caught into a problem document."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        context, answered = open_context(scope), Answered()
        context.traceparent, span = server_span(context.traceparent, method_of(scope))

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                answered.status = message["status"]
                message["headers"] = _with_headers(message["headers"], context, scope)
            else:
                answered.body_bytes += len(message.get("body", b""))
            await send(message)

        trace = trace_of(context.traceparent)
        try:
            with (
                REQUESTS_IN_FLIGHT.track_inprogress(),
                bound_contextvars(correlation_id=context.correlation_id, **trace),
            ):
                await self._serve(scope, receive, send_with_headers, answered)
        finally:
            self._note(scope, context, answered, span)

    async def _serve(self, scope: Scope, receive: Receive, send: Send, answered: Answered) -> None:
        try:
            await self._app(scope, receive, send)
        except Exception:
            correlation_id = context_of(scope).correlation_id
            _LOG.exception("request failed", path=scope["path"], correlation_id=correlation_id)
            if answered.status:  # half an answer is out, only the server can cut it off now
                raise
            await _internal_error().response(correlation_id)(scope, receive, send)

    def _note(self, scope: Scope, context: RequestContext, answered: Answered, span: Span | None) -> None:
        route, method, seconds = route_of(scope), method_of(scope), context.timings.total
        REQUESTS.labels(route, method, str(answered.status)).inc()
        REQUEST_SECONDS.labels(route, method).observe(seconds)
        about = {"http.request.method": method, "http.route": route}
        end_request(span, context.traceparent or "", f"{method} {route}", answered.status, about)
        if self._access_log is not None:
            self._access_log.note(scope, context, answered, seconds)


def _with_headers(
    headers: list[tuple[bytes, bytes]], context: RequestContext, scope: Scope
) -> list[tuple[bytes, bytes]]:
    """Add the headers of every answer; a route may have set its own cache and content policy."""
    headers = [
        *headers,
        *_SECURITY,
        (b"x-request-id", context.request_id.encode()),
        (b"x-correlation-id", context.correlation_id.encode()),
        (b"traceresponse", (context.traceparent or "").encode()),  # W3C Trace Context Level 2, its response header
        (b"server-timing", context.timings.header()),
    ]
    names = {name for name, _ in headers}
    headers += [default for default in (_NEVER_STORED, _NOTHING_RUNS) if default[0] not in names]
    if scope["scheme"] == "https":  # over http it would say nothing (RFC 6797 §7.2)
        headers.append(_ALWAYS_HTTPS)
    return headers


def _internal_error() -> ProblemError:
    detail = (
        "This is our fault. Quote the correlation id when you report it; with the same Idempotency-Key you may repeat."
    )
    return ProblemError("internal_error", detail)
