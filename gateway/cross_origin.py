"""Cross-origin requests of browsers (CORS, https://fetch.spec.whatwg.org/#http-cors-protocol), by allow-list."""

from collections.abc import Sequence

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_ASKED = (
    "Authorization",
    "Content-Type",
    "DPoP",
    "Idempotency-Key",
    "If-None-Match",
    "Last-Event-ID",
    "Prefer",
    "traceparent",
    "X-Correlation-Id",
    "X-Device-Id",
    "X-Request-Id",
)
_TOLD = (
    "Content-Disposition",
    "Content-Location",
    "DPoP-Nonce",
    "ETag",
    "Link",
    "Location",
    "Preference-Applied",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "Server-Timing",
    "WWW-Authenticate",
    "X-Correlation-Id",
    "X-Request-Id",
    "traceresponse",
)
_SECONDS = 600


def allow_origins(app: FastAPI, origins: Sequence[str]) -> None:
    """Let pages of these origins ask, and read answers with the fields that clients need.

    Never with cookies: tokens are sent by who holds them, not by the browser on its own.
    """
    app.add_middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=_METHODS,
        allow_headers=_ASKED,
        expose_headers=_TOLD,
        max_age=_SECONDS,
    )
