"""Composition root of the gateway."""

import sys
from contextlib import suppress
from types import FrameType

import structlog
import uvicorn
from fastapi import FastAPI

from gateway.app import create_app
from gateway.http_protocol import HeadBound, protocol_of
from gateway.open_streams import OpenStreams
from gateway.parts import Parts
from gateway.settings import GatewaySettings
from outbox.logs import set_up_logs
from outbox.tracing import set_up_tracing

_KEEP_ALIVE_SECONDS = 75
_SHUTDOWN_SECONDS = 10
_START_FAILED = 3


class _Server(uvicorn.Server):
    """Ends event streams when it is told to stop: it waits for requests in hand, and those would go on."""

    def __init__(self, config: uvicorn.Config, streams: OpenStreams) -> None:
        super().__init__(config)
        self._streams = streams

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._streams.close()
        super().handle_exit(sig, frame)


def configuration(app: FastAPI, settings: GatewaySettings) -> uvicorn.Config:
    """Return how the application is served: HTTP/1.1 within bounds, believing only the proxies that are trusted."""
    bound = HeadBound(settings.head_bytes, settings.head_fields, settings.head_seconds)
    return uvicorn.Config(
        app,
        host=settings.http_host,
        port=settings.http_port,
        loop="uvloop",
        http=protocol_of(bound),
        ws="none",
        workers=1,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )


def run() -> None:
    """Serve until SIGTERM; then finish the requests in hand, in bounded time."""
    settings = GatewaySettings()
    set_up_logs(settings, "gateway")
    set_up_tracing("gateway", settings.trace_sample_ratio, settings.otlp_endpoint)
    structlog.get_logger().info("starting", host=settings.http_host, port=settings.http_port)
    app = create_app(settings)
    parts: Parts = app.state.parts
    server = _Server(configuration(app, settings), parts.streams)
    with suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(_START_FAILED)
