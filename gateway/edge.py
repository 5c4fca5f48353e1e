"""What every answer gets, whatever happens inside: correlation id, security headers, a metric, never a bare 500."""

import time

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.metrics import REQUEST_SECONDS, REQUESTS
from gateway.problems import ProblemError
from gateway.request_context import RequestContext, open_context

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
_UNMATCHED = "unmatched"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Edge:
    """The outermost ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, and turn what nobody caught into a problem document."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 0
        context = open_context(scope)

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _with_headers(message["headers"], context, scope)
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except Exception:
            _LOG.exception("request failed", path=scope["path"], correlation_id=context.correlation_id)
            if status:  # half an answer is out, only the server can cut it off now
                raise
            await _internal_error().response(context.correlation_id)(scope, receive, send_with_headers)
        finally:
            _observe(scope, status, time.perf_counter() - started)


def _with_headers(
    headers: list[tuple[bytes, bytes]], context: RequestContext, scope: Scope
) -> list[tuple[bytes, bytes]]:
    """Add the headers of every answer; a route may have set its own cache and content policy."""
    headers = [*headers, *_SECURITY, (b"x-correlation-id", context.correlation_id.encode())]
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


def _observe(scope: Scope, status: int, seconds: float) -> None:
    route = getattr(scope.get("route"), "path", _UNMATCHED)
    method = scope["method"] if scope["method"] in _METHODS else "other"
    REQUESTS.labels(route, method, str(status)).inc()
    REQUEST_SECONDS.labels(route, method).observe(seconds)
