"""The access log: one line of JSON per request, and in it nothing that a header, query string or body has said."""

import sys
from dataclasses import dataclass
from typing import BinaryIO

import orjson
import structlog
from starlette.types import Scope

from gateway.probes import PROBES
from gateway.request_context import RequestContext
from outbox.logs import trace_of

_UNMATCHED = "unmatched"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def route_of(scope: Scope) -> str:
    """Return the template of the route that was found: paths have ids in them, and whatever clients invent."""
    return str(getattr(scope.get("route"), "path", _UNMATCHED))


def method_of(scope: Scope) -> str:
    """Return a request's method, if it is one of HTTP's own."""
    return scope["method"] if scope["method"] in _METHODS else "other"


@dataclass(slots=True)
class Answered:
    """How a request was answered: the status (0 when its client was gone before) and the bytes of the body."""

    status: int = 0
    body_bytes: int = 0


class AccessLog:
    """Writes the lines. Its processors are its own, so that a line costs no more than it must."""

    def __init__(self, file: BinaryIO | None = None) -> None:
        self._log = structlog.wrap_logger(
            structlog.BytesLogger(file or sys.stdout.buffer),
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.JSONRenderer(serializer=orjson.dumps),
            ],
            wrapper_class=structlog.make_filtering_bound_logger(0),
            cache_logger_on_first_use=True,
        ).bind(service="gateway")

    def note(self, scope: Scope, context: RequestContext, answered: Answered, seconds: float) -> None:
        """Write the line of a request that has been answered; probes are counted only: they come every few seconds."""
        if scope["path"] in PROBES:
            return
        client, caller = scope.get("client"), context.caller
        who = {"user": str(caller.user), "client": caller.client_id} if caller else {}
        self._log.info(
            "request",
            method=method_of(scope),
            route=route_of(scope),
            status=answered.status,
            seconds=round(seconds, 6),
            bytes=answered.body_bytes,
            address=client[0] if client else None,
            request_id=context.request_id,
            correlation_id=context.correlation_id,
            **trace_of(context.traceparent),
            **who,
        )
